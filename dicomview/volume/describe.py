"""Describing to people: a volume with a little picture, and tables, as text and as HTML."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from dicomview.volume.meta import safe_text, series_title, shown_text
from dicomview.volume.thumbnail import thumbnail

if TYPE_CHECKING:
    from dicomview.volume.volume import Volume

__all__ = ["describe", "describe_html", "format_spacing", "html_table", "text_table"]


def describe(volume: "Volume") -> str:
    """Return kind, shape, place and warnings as text."""
    words = ["Volume", safe_text(volume.meta.get("Modality", ""))]
    description, number = (volume.meta.get(key) for key in ("SeriesDescription", "SeriesNumber"))
    title = series_title(description or "", number)
    words.append(f'"{title}"' if shown_text("SeriesDescription", description) else title)
    lines = [
        " ".join(filter(None, words)),
        f"  {_shape(volume)} {volume.dtype}",
        f"  {format_spacing(volume.sampling)}, slices {_orientation(volume)}",
    ]
    return "\n".join([*lines, *(f"  warning: {text}" for text in volume.report.warnings)])


def describe_html(volume: "Volume") -> str:
    """Return the same as HTML, with the middle slice."""
    rows = {
        "modality": safe_text(volume.meta.get("Modality", "")),
        "series": series_title(volume.meta.get("SeriesDescription", ""), volume.meta.get("SeriesNumber")),
        "shape": _shape(volume),
        "values": str(volume.dtype),
        "sampling": format_spacing(volume.sampling),
        "slices": _orientation(volume),
    }
    left = "style='text-align:left'"
    body = "".join(
        f"<tr><th {left}>{key}</th><td {left}>{escape(value)}</td></tr>"
        for key, value in rows.items()
        if value
    )
    warnings = "".join(f"<li>{escape(text)}</li>" for text in volume.report.warnings)
    return (
        "<div style='display:flex;gap:1em;align-items:center'>"
        f"<img alt='middle slice' src='data:image/png;base64,{thumbnail(volume)}'>"
        f"<div><b>Volume</b><table>{body}</table><ul>{warnings}</ul></div></div>"
    )


def _shape(volume: "Volume") -> str:
    return f"{' × '.join(map(str, volume.shape))} ({', '.join(volume.dims)})"


def _orientation(volume: "Volume") -> str:
    return "of unknown orientation" if volume.geometry.affine is None else volume.slice_plane


def format_spacing(sampling: Sequence[float | None] | None) -> str:
    """Return a sampling for people.

    Examples
    --------
    >>> format_spacing((2.5, 0.451172, None))
    '2.5 × 0.451 × ? mm'
    """
    if sampling is None:
        return "spacing unknown"
    return " × ".join("?" if d is None else f"{d:.3g}" for d in sampling) + " mm"


def text_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table."""
    table = [columns, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(columns))]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in table]


def html_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as HTML."""

    def line(tag: str, row: Sequence[str]) -> str:
        cells = "".join(f"<{tag} style='text-align:left'>{escape(cell)}</{tag}>" for cell in row)
        return f"<tr>{cells}</tr>"

    body = "".join(line("td", row) for row in rows)
    return f"<table><thead>{line('th', columns)}</thead><tbody>{body}</tbody></table>"

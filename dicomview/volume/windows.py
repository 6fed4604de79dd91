"""The windows that a header carries."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from dicomview.display import Window
from dicomview.errors import DisplayError
from dicomview.volume.meta import safe_text

__all__ = ["header_windows"]


def header_windows(meta: Mapping[str, Any]) -> dict[str, Window]:
    """Return the windows of a header by their explanation, in the order of the file.

    Parameters
    ----------
    meta : mapping
        With WindowCenter, WindowWidth, WindowCenterWidthExplanation and VOILUTFunction, as far as present.

    Returns
    -------
    dict of str to Window
        Unusable pairs (a width of 0, text) are left out; nameless ones are called ``"file"``, ``"file 2"``.

    Examples
    --------
    >>> header_windows({"WindowCenter": [40, 600], "WindowWidth": [80, 2800]})["file 2"].width
    2800.0
    """
    centers, widths, names = (
        _as_list(meta.get(key)) for key in ("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation")
    )
    exact = str(meta.get("VOILUTFunction") or "LINEAR").upper() == "LINEAR_EXACT"
    windows: dict[str, Window] = {}
    for i, (center, width) in enumerate(zip(centers, widths)):
        name = safe_text(names[i]) if i < len(names) else ""
        name = name or ("file" if i == 0 else f"file {i + 1}")
        with suppress(DisplayError, TypeError, ValueError):
            # LINEAR is not defined below 1, but float data are written like that.
            function: Any = "linear" if not exact and float(width) >= 1 else "linear_exact"
            windows.setdefault(name, Window(float(center), float(width), function))
    return windows


def _as_list(value: Any) -> list[Any]:
    """Wrap a single value; nothing becomes an empty list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]

"""How a header wants its values shown: windows and tables, default window and colormap, inversion."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from dicomview.display import VOILUT, Window, presets_for
from dicomview.errors import DisplayError
from dicomview.volume.meta import safe_text

__all__ = ["default_colormap", "frame_rate", "header_window", "header_windows", "is_negative"]


def header_windows(meta: Mapping[str, Any]) -> dict[str, Window]:
    """Return the windows of a header by their explanation, in the order of the file, then its VOI LUTs.

    Parameters
    ----------
    meta : mapping
        With WindowCenter, WindowWidth, WindowCenterWidthExplanation, VOILUTFunction and VOILUTSequence, as
        far as present.

    Returns
    -------
    dict of str to Window
        Tables are :class:`~dicomview.display.VOILUT`. Pairs and tables that cannot be used (a width of 0,
        text, a table too short) are left out. Nameless ones are called ``"file"``, ``"file 2"``, ``"LUT"``,
        ``"LUT 2"`` ... by their place in the file; of a name that comes again the second is ``"name (2)"``.

    References
    ----------
    DICOM PS3.3 C.11.2 (VOI LUT Module).

    Examples
    --------
    >>> header_windows({"WindowCenter": [40, 600], "WindowWidth": [80, 2800]})["file 2"].width
    2800.0
    """
    named: dict[str, Window] = {}
    for name, window in [*_linear_and_sigmoid(meta), *_tables(meta)]:
        unique, count = name, 1
        while unique in named:
            count += 1
            unique = f"{name} ({count})"
        named[unique] = window
    return named


def header_window(meta: Mapping[str, Any]) -> Window | None:
    """Return the window that a header asks for: its first, else 0 to 5 SUV of PET in SUV, else None.

    Examples
    --------
    >>> header_window({"Modality": "PT", "Units": "GML"})
    Window(center=2.5, width=5)
    >>> header_window({"Modality": "PT", "Units": "BQML"}) is None
    True
    """
    is_pet = meta.get("Modality") == "PT"
    usual = presets_for("PT", meta.get("Units")) if is_pet else {}
    return next(iter([*header_windows(meta).values(), *usual.values()]), None)


def is_negative(meta: Mapping[str, Any]) -> bool:
    """Return whether low values are bright: MONOCHROME1, or PresentationLUTShape (2050,0020) INVERSE.

    Files that say both mean one inversion, not two (DICOM PS3.3 C.8.11.3).

    Examples
    --------
    >>> is_negative({"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"})
    True
    """
    interpretation = meta.get("PhotometricInterpretation")
    inverse = meta.get("PresentationLUTShape") == "INVERSE"
    return interpretation == "MONOCHROME1" or (inverse and interpretation in ("MONOCHROME2", None))


def default_colormap(meta: Mapping[str, Any]) -> str:
    """Return the name of the colormap that readers expect: inverted grey for PET, else grey.

    Examples
    --------
    >>> default_colormap({"Modality": "PT"})
    'gray_r'
    """
    return "gray_r" if meta.get("Modality") == "PT" and not is_negative(meta) else "gray"


def frame_rate(meta: Mapping[str, Any]) -> float | None:
    """Return the frames a second that a header asks for; None where it does not.

    References
    ----------
    DICOM PS3.3 C.7.6.5 (Cine Module): RecommendedDisplayFrameRate, CineRate, FrameTime.

    Examples
    --------
    >>> frame_rate({"FrameTime": 40})
    25.0
    """
    for keyword in ("RecommendedDisplayFrameRate", "CineRate", "FrameTime"):
        with suppress(TypeError, ValueError, ZeroDivisionError):
            value = float(meta.get(keyword))  # type: ignore[arg-type]
            rate = 1000 / value if keyword == "FrameTime" else value
            if 0.1 <= rate <= 1000:
                return min(rate, 60.0)
    return None


def _linear_and_sigmoid(item: Mapping[str, Any]) -> Iterable[tuple[str, Window]]:
    centers, widths, names, functions = (
        _as_list(item.get(key))
        for key in ("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation", "VOILUTFunction")
    )
    wanted = str(functions[0] if functions else "").strip().lower()
    for i, (center, width) in enumerate(zip(centers, widths)):
        name = names[i] if i < len(names) else None
        with suppress(DisplayError, TypeError, ValueError):
            center, width = float(center), float(width)
            function: Any = wanted if wanted in ("linear_exact", "sigmoid") else "linear"
            if function == "linear" and width < 1:
                function = "linear_exact"  # linear is not defined below 1, but float data are written so
            yield _named(name, "file", i), Window(center, width, function)


def _tables(item: Mapping[str, Any]) -> Iterable[tuple[str, Window]]:
    for i, lut in enumerate(_as_list(item.get("VOILUTSequence"))):
        with suppress(DisplayError, TypeError, ValueError, LookupError, AttributeError, OverflowError):
            count, first, bits = (int(v) for v in lut["LUTDescriptor"])
            if first >= 1 << 15 and first + (count or 1 << 16) > 1 << 16:
                first -= 1 << 16  # a negative number, written unsigned
            name = _named(lut.get("LUTExplanation"), "LUT", i)
            yield name, VOILUT((count, first, bits), lut["LUTData"], name=name)


def _named(name: Any, otherwise: str, place: int) -> str:
    """Return a name that can be shown."""
    own = "" if name is None else safe_text(name)
    return own or (otherwise if place == 0 else f"{otherwise} {place + 1}")


def _as_list(value: Any) -> list[Any]:
    """Wrap a single value; nothing becomes an empty list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]

"""Words: the numbers of a measurement as people read them."""

import math

from dicomview.measure.evaluate import Result
from dicomview.volume.meta import safe_text

__all__ = ["number", "table", "words"]

POWERS = {"area": "²", "volume": "³"}
VALUES = ("mean", "sd", "minimum", "maximum", "median")


def words(result: Result) -> tuple[str, ...]:
    """Return the name and the numbers with their units, line by line.

    Examples
    --------
    >>> words(Result("distance", "stone", length=12.345))
    ('stone', '12.3 mm')
    >>> words(Result("ellipse", area=31.5, count=64, mean=41.26, sd=7, minimum=20, maximum=60, unit="HU"))
    ('31.5 mm²', '41.3 ± 7 HU', '20 to 60 HU')
    """
    lines = [safe_text(result.name)] if result.name else []
    if result.length is not None:
        lines.append(f"{result.length:.1f} {result.length_unit}")
    if result.angle is not None:
        lines.append(f"{result.angle:.1f}°")
    for name, power in POWERS.items():
        size = getattr(result, name)
        if size is not None:
            lines.append(f"{number(size)} {result.length_unit}{power}")
    if result.kind == "point":
        value = "no value" if result.mean is None else f"{number(result.mean)} {result.unit}"
        return (*lines, value.strip())
    if result.mean is not None and result.sd is not None:
        lines.append(f"{number(result.mean)} ± {number(result.sd)} {result.unit}".strip())
    if result.minimum is not None and result.maximum is not None:
        lines.append(f"{number(result.minimum)} to {number(result.maximum)} {result.unit}".strip())
    elif result.count == 0:
        lines.append("no voxels")
    return tuple(lines)


def table(result: Result) -> list[tuple[str, str, str]]:
    """Return the numbers as rows of name, value and unit.

    Examples
    --------
    >>> table(Result("ellipse", area=31.5, count=64, mean=41.26, sd=7, unit="HU"))
    [('area', '31.5', 'mm²'), ('voxels', '64', ''), ('mean', '41.3', 'HU'), ('sd', '7', 'HU')]
    """
    rows = [
        ("length", result.length, result.length_unit),
        ("angle", result.angle, "°"),
        ("area", result.area, result.length_unit + POWERS["area"]),
        ("volume", result.volume, result.length_unit + POWERS["volume"]),
        ("voxels", result.count, ""),
        *((name, getattr(result, name), result.unit) for name in VALUES),
    ]
    return [
        (name, str(value) if isinstance(value, int) else number(value), unit)
        for name, value, unit in rows
        if value is not None
    ]


def number(value: float) -> str:
    """Return three digits of a number, and all digits before the point.

    Examples
    --------
    >>> number(12345.6), number(0.04567), number(-20.0), number(3e-9)
    ('12346', '0.0457', '-20', '3e-09')
    """
    if value == 0 or not 1e-3 <= abs(value) < 1e7:
        return f"{value:.3g}"
    text = f"{value:.{max(2 - math.floor(math.log10(abs(value))), 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text

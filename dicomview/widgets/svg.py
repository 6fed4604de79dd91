"""Small drawings for the panel, as SVG and CSS: a histogram, a curve, a strip of colours."""

from html import escape

import numpy as np
from numpy.typing import NDArray

from dicomview.display import Window
from dicomview.render import colormap
from dicomview.volume import Dimension

__all__ = ["curve_svg", "gradient", "histogram_svg"]

WIDTH, HEIGHT = 216, 64
#: Colours of a strip that are told; between them the page interpolates.
STOPS = 17


def gradient(name: str, reverse: bool) -> str:
    """Return a colormap as a strip in HTML.

    Examples
    --------
    >>> gradient("gray", False)[:52]
    '<div style="height:10px;border-radius:2px;background'
    """
    colors = (colormap(name, reverse)(np.linspace(0, 1, STOPS))[:, :3] * 255).round().astype(int)
    stops = ",".join(f"rgb({r},{g},{b})" for r, g, b in colors.tolist())
    return (
        '<div style="height:10px;border-radius:2px;background:linear-gradient(to right,'
        f'{stops})" role="img" aria-label="colours from low to high"></div>'
    )


def histogram_svg(counts: NDArray[np.int64], span: tuple[float, float], window: Window) -> str:
    """Return a histogram, logarithmic in height, with the window drawn over it.

    Parameters
    ----------
    counts : ndarray of int
        Of equal bins.
    span : tuple of float
        Values at the ends.
    window : Window
    """
    heights = np.log1p(counts) / max(np.log1p(counts.max(initial=0)), 1e-9) * (HEIGHT - 4)
    wide = WIDTH / len(counts)
    path = f"M0,{HEIGHT}" + "".join(
        f"V{HEIGHT - h:.1f}H{(i + 1) * wide:.1f}" for i, h in enumerate(heights.tolist())
    )
    low, high = (float(np.clip((x - span[0]) / (span[1] - span[0]), 0, 1)) * WIDTH for x in window.limits)
    label = f"histogram; window {window.limits[0]:.6g} to {window.limits[1]:.6g}"
    return _svg(
        f'<rect x="{low:.1f}" width="{max(high - low, 1):.1f}" height="{HEIGHT}" fill="#33c1c9" '
        f'opacity="0.25"/><path d="{path}V{HEIGHT}Z" fill="currentColor" opacity="0.6"/>'
        f'<path d="M{low:.1f},{HEIGHT}L{high:.1f},1" stroke="#33c1c9" stroke-width="1.5" fill="none"/>',
        label,
        HEIGHT,
    )


def curve_svg(dimension: Dimension, values: NDArray[np.float64], at: int, unit: str) -> str:
    """Return the values along an extra dimension as a curve, with a mark at one of them.

    Parameters
    ----------
    dimension : Dimension
    values : ndarray of float
        NaN leaves a hole.
    at : int
        Index of the mark.
    unit : str
        Of the values.
    """
    good = values[np.isfinite(values)]
    low, high = (float(good.min()), float(good.max())) if good.size else (0.0, 1.0)
    along = np.asarray(dimension.values, dtype=np.float64)
    if not np.isfinite(along).all() or (np.diff(along) <= 0).any():
        along = np.arange(len(values), dtype=np.float64)
    left, right, top, bottom = 4.0, WIDTH - 4.0, 16.0, HEIGHT + 2.0
    xs = left + (along - along[0]) / max(along[-1] - along[0], 1e-12) * (right - left)
    ys = bottom - (values - low) / (high - low or 1.0) * (bottom - top)
    points = [(x, y) if np.isfinite(y) else None for x, y in zip(xs.tolist(), ys.tolist())]
    path, pen = "", "M"
    for point in points:
        path += "" if point is None else f"{pen}{point[0]:.1f},{point[1]:.1f}"
        pen = "M" if point is None else "L"
    here = points[at]
    mark = "" if here is None else f'<circle cx="{here[0]:.1f}" cy="{here[1]:.1f}" r="3" fill="#33c1c9"/>'
    ends = f"{low:.5g} to {high:.5g} {escape(unit)}".strip()
    name = escape(f"{dimension.name} {dimension.values[0]:g} to {dimension.values[-1]:g} {dimension.unit}")
    text = 'font-size="10" fill="currentColor"'
    return _svg(
        f'<path d="{path}" stroke="currentColor" fill="none"/>{mark}'
        f'<text x="4" y="10" {text}>{ends}</text><text x="4" y="{HEIGHT + 16}" {text}>{name.strip()}</text>',
        f"values at the crosshair, {ends}",
        HEIGHT + 20,
    )


def _svg(content: str, label: str, height: int) -> str:
    return (
        f'<svg role="img" aria-label="{escape(label)}" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" style="color:var(--jp-ui-font-color1,inherit)">{content}</svg>'
    )

"""A page of its own: a view that can be browsed without a kernel, and without a network."""

import json
from base64 import b64encode
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dicomview.geometry import PLANES
from dicomview.render import STYLE, PanesRenderer
from dicomview.state import MEASURING, PAINTING, Mask, Pane, Scene, ViewState, resolve
from dicomview.widgets.drawings import drawings
from dicomview.widgets.frames import png
from dicomview.widgets.stage import described
from dicomview.widgets.voxels import coarse_copy

__all__ = ["standalone_html"]

#: Voxels that a page has at least.
LEAST = 1000
#: Of a volume that is not in memory no more voxels are fetched for each byte of the page: they hardly fit.
LAZY_PER_BYTE = 8
_SCRIPT, _DRAWER = (Path(__file__).with_name(name) for name in ("stage.js", "drawings.js"))
#: Part of a page that the outlines of masks may take.
OUTLINES = 0.25
#: Bytes of a page for its markup, its sliders and what is said of the scene.
MARKUP = 10_000
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 13px sans-serif; margin: 12px; background: {ground}; color: {ink}; }}
.jupyter-matplotlib-canvas-div {{ position: relative; width: {width}px; height: {height}px; }}
.jupyter-matplotlib-canvas-div img {{ position: absolute; inset: 0; width: 100%; height: 100%; }}
.ranges {{ display: grid; grid-template-columns: repeat(3, 1fr); gap: 2px 16px; width: {width}px; }}
label {{ display: flex; gap: 8px; }} input {{ flex: 1; min-width: 0; }}
</style></head><body>
<div class="dicomview"><b>{title}</b>
<div class="ranges">{ranges}</div>
<div class="jupyter-matplotlib-canvas-div" tabindex="0" role="application" aria-label="slices">
<img alt="" draggable="false" src="data:image/png;base64,{overlay}"></div>
<p class="dicomview-status"></p><p>{note}</p></div>
<script type="module">
import {{ drawer }} from "data:text/javascript;base64,{drawer}";
{script}
standalone(document.querySelector(".dicomview"), {content}, drawer({drawn}));
</script></body></html>
"""


def standalone_html(state: ViewState, size: tuple[float, float], *, title: str, budget: int) -> str:
    """Return a page that shows what a state shows, and lets a person go on from there.

    Parameters
    ----------
    state : ViewState
    size : tuple of float
        Of the panes together, in pixels.
    title : str
    budget : int
        Bytes that the page may have. What does not fit is left out: first the other frames, then every
        second, third ... voxel, and the page says so.
    """
    volume = state.volume
    drawn, left_out = drawings(state, room=int(budget * OUTLINES))
    # What is measured is drawn by the page itself, slice by slice; it has those along the axes of one volume.
    scene = _plain(resolve(volume, state, patient=False, measured=False, upright=False))
    figure = Figure(figsize=(size[0] / STYLE.dpi, size[1] / STYLE.dpi), dpi=STYLE.dpi)
    canvas: Any = FigureCanvasAgg(figure)
    renderer = PanesRenderer(figure, volume)
    renderer.update(scene)
    renderer.overlay()
    canvas.draw()
    overlay = b64encode(png(np.asarray(canvas.buffer_rgba()))).decode()
    script, drawer = _SCRIPT.read_text(encoding="utf-8"), b64encode(_DRAWER.read_bytes()).decode()
    outlines = _json(drawn)
    frames, note = _frames(state, budget - MARKUP - sum(map(len, (overlay, script, drawer, outlines))))
    whole = len(frames) == max(1, int(np.prod([len(d) for d in volume.dimensions])))
    values = volume.sample()
    span = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    names = [
        *PLANES,
        *(volume.extra_dims if whole else ()),
        *(("center", "width") if volume.has_window else ()),
    ]
    told = described(
        state,
        scene,
        renderer,
        volume="page",
        overlays="",
        canvas="",
        sliders={n: n for n in names},
        span=span[1] - span[0],
    )
    told["slabs"] = [""] * 3
    if state.slab:
        note += " Single slices are shown here, no slabs."
    note += left_out
    if state.tool in (*MEASURING, *PAINTING) or not volume.has_window:
        told["tool"], told["measuring"] = ("window" if volume.has_window else "crosshair"), ""
        told["brush"] = 0
    surround, ink = STYLE.surrounds[state.theme]
    return _PAGE.format(
        title=escape(title),
        ground=surround,
        ink=ink,
        width=told["size"][0],
        height=told["size"][1],
        ranges="".join(_range(name, state, span) for name in names),
        overlay=overlay,
        note=escape(note),
        script=script,
        drawer=drawer,
        content=_json({"scene": told, "frames": frames}),
        drawn=outlines,
    )


def _json(content: Any) -> str:
    """Return JSON that can stand in a script."""
    return json.dumps(content).replace("<", "\\u003c")


def _plain(scene: Scene) -> Scene:
    """Return a scene of single slices with nothing over them but the names of masks."""

    def plain(pane: Pane) -> Pane:
        first, *others = pane.corners
        name, *lines = first.split("\n")
        corners = ("\n".join([name, *(lines[1:] if pane.slab else lines)]), *others)
        legend = tuple(entry for o in pane.overlays if isinstance(o, Mask) for entry in o.legend)
        return replace(
            pane, slab=None, overlays=(), legend=legend if pane.legend else (), corners=corners,  # type: ignore[arg-type]
        )  # fmt: skip

    return replace(scene, panes=tuple(map(plain, scene.panes)), tiles=tuple(map(plain, scene.tiles)))


def _frames(state: ViewState, budget: int) -> tuple[list[dict[str, Any]], str]:
    """Return the voxels of all frames if they fit, else of the one in view; and what had to be left out."""
    volume, room = state.volume, int(budget * 0.74)  # base64 takes a third more
    extents = [len(d) for d in volume.dimensions]
    voxels, note = int(np.prod(volume.geometry.shape)), ""
    whole = voxels * int(np.prod(extents))
    most = max(LEAST, LAZY_PER_BYTE * room) if volume.is_lazy or volume.is_resliced else whole
    if extents:
        if whole <= most:
            all_of_them = [_frame(state, place, voxels) for place in np.ndindex(*extents)]
            if sum(len(data) for _, data in all_of_them) <= room:
                return [_told(*frame) for frame in all_of_them], note
        note = "One of several frames. "
    voxels = min(voxels, most)
    header, data = _frame(state, state.frame, voxels)
    while len(data) > room and voxels > LEAST:
        voxels = max(int(voxels * min(0.9, room / len(data))), LEAST)
        header, data = _frame(state, state.frame, voxels)
    if max(header["step"]) > 1:
        note += "Not every voxel: steps of {} slices, {} rows, {} columns.".format(*header["step"])
    return [_told(header, data)], note


def _frame(state: ViewState, frame: Any, voxels: int) -> tuple[dict[str, Any], bytes]:
    return coarse_copy(state.volume, frame, mark_padding=state.mark_padding, voxels=voxels)


def _told(header: dict[str, Any], data: bytes) -> dict[str, Any]:
    return {"header": header, "data": b64encode(data).decode()}


def _range(name: str, state: ViewState, span: tuple[float, float]) -> str:
    """Return a range in HTML."""
    volume = state.volume
    low, high, step, value = 0.0, 0.0, 1.0, 0.0
    if name in PLANES:
        axis = volume.plane_axes[name]
        high, value = volume.geometry.shape[axis] - 1, state.index[axis]
    elif name in volume.extra_dims:
        place = volume.extra_dims.index(name)
        high, value = len(volume.dimensions[place]) - 1, state.frame[place]
    else:
        wide = max(span[1] - span[0], 1e-9)
        step = 1.0 if volume.dtype.kind in "iub" and wide >= 1 else wide / 1024
        value = getattr(state.window, name)
        low, high = (
            (min(span[0], value), max(span[1], value)) if name == "center" else (step, max(wide, value))
        )
    return (
        f'<label>{escape(name)}<input type="range" name="{escape(name)}" min="{low}" max="{high}" '
        f'step="{step}" value="{value}"></label>'
    )

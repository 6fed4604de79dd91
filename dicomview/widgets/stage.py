"""Stage: what the page gets in order to paint slices by itself."""

from base64 import b64encode
from typing import Any

import numpy as np
from matplotlib.colors import to_rgba

from dicomview.display import VOILUT, Window
from dicomview.geometry import Box, Plane
from dicomview.render import STYLE, PanesRenderer, colormap
from dicomview.state import (
    MEASURING,
    PAINTING,
    Overlay,
    Pane,
    Scene,
    ViewState,
    nearest_plane,
    slab_range,
    slab_text,
)
from dicomview.tools import BY_CLICKS, chosen_tool
from dicomview.volume import Volume
from dicomview.widgets.page import PageLink
from dicomview.widgets.voxels import OVER, coarse_copy, raster_of, slice_key, slice_of

__all__ = ["Stage", "described"]


class Stage:
    """Sends scenes to the page, and the slices that it asks for.

    Parameters
    ----------
    state : ViewState
    page : PageLink
    """

    def __init__(self, state: ViewState, page: PageLink) -> None:
        self._state, self._page = state, page
        self._is_far = False
        #: The volume in view, and how many there were: the page is not to take one for another.
        self._named, self._number = state.volume, 0
        self._sent: set[str] = set()
        self._coarse: set[Any] = set()
        self._shown = self._over = ""
        self._panes: list[dict[str, Any]] = []
        #: The part of the acquired grid that was painted and not sent yet; how often any was sent.
        self._low: list[int] = []
        self._high: list[int] = []
        self._paints = 0
        page.handlers["want"] = self._wanted

    def begin(self, *, is_far: bool, is_new: bool = True) -> None:
        """Note that a page comes, which has nothing yet if it is new."""
        self._is_far = is_far
        if is_new:
            self._sent.clear()
            self._coarse.clear()

    def show(self, scene: dict[str, Any], heard: dict[str, dict[str, int]], *, coarse: bool = True) -> None:
        """Send a scene, with the slices in view that were not sent yet.

        Parameters
        ----------
        scene : dict
            See :func:`described`.
        heard : dict
            By view of the page and trait, the last message that the scene knows of: what was changed there
            later stays.
        coarse : bool
            Whether the coarse copy goes with it.
        """
        self._panes = scene["panes"]
        if self.volume_name != self._shown:  # the page keeps the slices of one only
            self._shown = self.volume_name
            self._sent.clear()
            self._coarse.clear()
        if self.overlays_name != self._over:
            self._over = self.overlays_name
            self._sent = {name for name in self._sent if OVER not in name}
        wanted = [(p["axis"], p.get("index", scene["index"][p["axis"]])) for p in scene["panes"]]
        frame = scene["frame"]
        kinds = (False, True) if self.overlays_name else (False,)
        places = [(frame, *place, over) for over in kinds for place in dict.fromkeys(wanted)]
        new = [place for place in places if self._name(*place) not in self._sent]
        coming = [_key(*place) for place in new]
        self._page.send({"scene": scene, "heard": heard, "coming": coming})
        if new:
            self._send_slices(new, packed=self._is_far, asked=None)
        if coarse:
            self.send_coarse(frame)

    @property
    def volume_name(self) -> str:
        """What the slices belong to: other values are another volume to the page."""
        state = self._state
        if state.volume is not self._named:
            self._named, self._number = state.volume, self._number + 1
        slab = f"{sorted(state.slab.items())}{state.slab_mode}" if state.slab else ""
        return f"{self._number}{'p' if state.mark_padding else ''}{slab}"

    @property
    def overlays_name(self) -> str:
        """What the pictures over the slices belong to; empty without any."""
        shown = _overlays(self._state)
        return str(hash(shown)) if shown else ""

    def touch(self, box: Box) -> None:
        """Note that a part of the acquired grid was painted."""
        low, high = [part.start for part in box], [part.stop for part in box]
        self._low = [*map(min, low, self._low or low)]
        self._high = [*map(max, high, self._high or high)]

    def repaint(self) -> bool:
        """Send what was painted since, as far as it is in view; returns whether there is any."""
        if not self._low:
            return False
        state = self._state
        low, high = self._low, self._high
        self._low, self._high = [], []
        if not self.overlays_name:
            return False  # it is hidden
        if state.volume is not state.acquired:
            low, high = [0] * 3, list(state.volume.geometry.shape)
        self._paints += 1
        self._sent = {name for name in self._sent if OVER not in name}
        places = dict.fromkeys((p["axis"], p.get("index", state.index[p["axis"]])) for p in self._panes)
        seen = [(state.frame, a, i, True) for a, i in places if low[a] <= i < high[a]]
        painted = {"low": low, "high": high, "stamp": self._paints, "coming": [_key(*p) for p in seen]}
        self._send_slices(seen, packed=True, asked=None, painted=painted)
        return True

    def _name(self, *place: Any) -> str:
        return f"{self.volume_name}|{_key(*place)}"

    def _wanted(self, want: dict[str, Any]) -> None:
        if want["volume"] != self.volume_name:
            return
        is_same = want.get("overlays", "") == self.overlays_name
        wanted = [place for place in want["slices"] if is_same or not _is_over(*place)]
        self._send_slices(wanted, packed=want["packed"], asked=want["asked"])

    def _send_slices(
        self, wanted: Any, *, packed: bool, asked: float | None, painted: dict[str, Any] | None = None
    ) -> None:
        slices = [self._made(*place, packed=packed) for place in wanted]
        self._sent.update(self._name(*place) for place in wanted)
        message = {
            "slices": [header for header, _ in slices],
            "asked": asked,
            "volume": self.volume_name,
            "overlays": self.overlays_name,
            "painted": painted,
        }
        self._page.send(message, buffers=[data for _, data in slices])

    def _made(
        self, frame: Any, axis: int, index: int, over: bool = False, *, packed: bool
    ) -> tuple[Any, Any]:
        state = self._state
        face = state.faces[_plane(state.volume, axis)]
        if over:
            stamp = self._paints  # before: what is painted meanwhile is sent again
            header, data = raster_of(face, frame, axis, index, overlays=_overlays(state))
            return {**header, "stamp": stamp}, data
        return slice_of(
            face,
            frame,
            axis,
            index,
            mark_padding=state.mark_padding,
            packed=packed,
            slab=self._slab(face, axis, index),
            slab_mode=state.slab_mode,
        )

    def _slab(self, face: Volume, axis: int, index: int) -> tuple[int, int] | None:
        """Return the slices that are seen as one."""
        thickness = _thicknesses(self._state)[axis]
        return slab_range(face.geometry, axis, index, thickness=thickness) if thickness else None

    def send_coarse(self, frame: Any) -> None:
        """Send a coarse copy of a frame, once; none where all would have to be read or calculated."""
        name = (self.volume_name, tuple(frame))
        if name in self._coarse or self._state.volume.is_lazy or any(self._state.rotation):
            return
        self._coarse.add(name)
        header, data = coarse_copy(self._state.volume, frame, mark_padding=self._state.mark_padding)
        self._page.send({"coarse": {**header, "volume": self.volume_name}}, buffers=[data])


def described(
    state: ViewState,
    scene: Scene,
    renderer: PanesRenderer,
    *,
    volume: str,
    overlays: str,
    canvas: str,
    sliders: dict[str, str],
    span: float,
) -> dict[str, Any]:
    """Return a scene as the page needs it.

    Parameters
    ----------
    state : ViewState
    scene : Scene
    renderer : PanesRenderer
        Has drawn the scene: gives the places of the panes.
    volume : str
        Name of the volume.
    overlays : str
        Name of the overlays together; empty for none.
    canvas : str
        Model of the canvas above.
    sliders : dict of str to str
        Models of the sliders by what they move.
    span : float
        Of the values, for drags of the window.
    """
    vol = state.volume
    faces = [state.faces[_plane(vol, axis)].geometry.shape for axis in range(3)]
    bytes_of = [vol.dtype.itemsize * int(np.prod(shape)) // shape[axis] for axis, shape in enumerate(faces)]
    affine = vol.geometry.affine
    return {
        "volume": volume,
        "overlays": overlays,
        "canvas": canvas,
        "size": [int(n) for n in renderer.figure.bbox.size],  # type: ignore[attr-defined]
        "ratio": float(renderer.figure.dpi) / STYLE.dpi,  # type: ignore[attr-defined]
        "panes": [_pane(ax, pane, is_tile, vol) for ax, pane, is_tile in renderer.shown()],
        "shape": list(vol.geometry.shape),
        "middle": list(vol.middle),
        "isTurned": vol.is_turned,
        "bytes": bytes_of,
        "affine": None if affine is None else affine.tolist(),
        "index": list(state.index),
        "frame": list(state.frame),
        "counts": list(map(len, vol.dimensions)),
        "dims": list(vol.extra_dims),
        "labels": [[d.label(i) for i in range(len(d))] for d in vol.dimensions],
        "axes": dict(vol.plane_axes),
        "slicePlane": vol.slice_plane,
        "strides": [state.stride(axis) for axis in range(3)],
        "slabs": [slab_text(t, state.slab_mode) if t else "" for t in _thicknesses(state)],
        "pointer": None,
        "unit": vol.unit,
        "window": None if scene.window is None else _window(scene.window),
        "hasWindow": vol.has_window,
        "range": span,
        "colormap": _colors(scene.colormap, scene.reverse != state.invert),
        "invert": state.invert,
        "empty": _packed(scene.empty_color),
        "interpolation": state.interpolation,
        "zoom": state.zoom,
        "center": None if state.center is None else list(state.center),
        "crosshair": state.crosshair,
        "scaleBar": state.scale_bar,
        "gap": state.gap,
        "texts": state.texts,
        "layout": state.layout,
        "tool": chosen_tool(state),
        "measuring": "clicks"
        if state.tool in BY_CLICKS
        else "drag"
        if state.tool in (*MEASURING, *PAINTING)
        else "",
        "brush": state.brush_mm if state.tool in ("brush", "eraser") else 0,
        "levelDrag": state.level_drag,
        "playing": state.playing,
        "cine": state.cine,
        "cineMode": state.cine_mode,
        "fps": state.fps,
        "surround": STYLE.surrounds[state.theme][0],
        "style": {"crosshair": STYLE.crosshair, "text": STYLE.text},
        "sliders": sliders,
    }


def _is_over(frame: Any, axis: int, index: int, over: bool = False) -> bool:
    return over


def _key(frame: Any, axis: int, index: int, over: bool = False) -> str:
    """Return the name of a slice, or of what lies over it."""
    return OVER * over + slice_key(frame, axis, index)


def _overlays(state: ViewState) -> tuple[Overlay, ...]:
    """Return the overlays that are to be seen."""
    return tuple(o for o in state.overlays if o.visible and o.opacity > 0)


def _thicknesses(state: ViewState) -> list[float]:
    """Return the thickness of the slab across each array axis in mm; 0 for none."""
    thicknesses = [0.0] * 3
    for plane, axis in state.volume.plane_axes.items():
        thicknesses[axis] = state.slab.get(plane, 0.0)
    return thicknesses


def _plane(volume: Volume, axis: int) -> Plane:
    """Return the plane that steps along an array axis."""
    return next(plane for plane, across in volume.plane_axes.items() if across == axis)


def _pane(ax: Any, pane: Pane, is_tile: bool, volume: Volume) -> dict[str, Any]:
    """Return a pane for the page; of a volume on another grid, also how to come from one to the other."""
    ax.apply_aspect()
    view, box, face = pane.view, ax.bbox, pane.volume
    shown: dict[str, Any] = {
        "plane": view.plane,
        "axis": view.axis,
        "down": view.down,
        "right": view.right,
        "flipDown": view.flip_down,
        "flipRight": view.flip_right,
        "rect": [box.x0, box.y0, box.x1, box.y1],
        "hasWindow": bool(pane.corners[2]),
        "nearest": nearest_plane(face, view),
        "lines": pane.lines,
        "home": list(face.home),
        "middle": list(face.middle),
        "spacing": list(face.geometry.spacing),
        "finer": [1.0] * 3,
        "toVolume": None,
        "toPane": None,
    }
    if face is not volume and face.is_turned:
        here, there = face.geometry, volume.geometry
        assert here.affine is not None and there.affine is not None
        shown["finer"] = [float(a / b) for a, b in zip(here.spacing, there.spacing)]
        shown["toVolume"] = np.linalg.solve(there.affine, here.affine)[:3].tolist()
        shown["toPane"] = np.linalg.solve(here.affine, there.affine)[:3].tolist()
    return {**shown, "index": pane.index} if is_tile else shown


def _window(window: Window) -> dict[str, Any]:
    told: dict[str, Any] = {"center": window.center, "width": window.width, "function": window.function}
    if isinstance(window, VOILUT):
        values = np.arange(len(window.table)) + window.first
        told["first"] = window.first
        told["table64"] = b64encode(window.apply(values).astype("<f4").tobytes()).decode()
    return told


def _colors(name: str, reverse: bool) -> str:
    """Return the colours of a map as bytes of red, green, blue and opacity, in base64."""
    cmap = colormap(name, reverse)
    return b64encode(cmap(np.arange(cmap.N), bytes=True).tobytes()).decode()


def _packed(color: str) -> int:
    """Return a colour as the page's ImageData holds it."""
    red, green, blue = (round(255 * part) for part in to_rgba(color)[:3])
    return (255 << 24) | (blue << 16) | (green << 8) | red

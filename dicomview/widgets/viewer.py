"""SliceViewer: sliders, panes and side panel around one state."""

import os
from base64 import b64encode
from collections.abc import Mapping
from html import escape
from types import MappingProxyType
from typing import Any, Literal

import ipywidgets as widgets
import matplotlib
import numpy as np
from matplotlib.axes import Axes

from dicomview.errors import DisplayError
from dicomview.geometry import PLANES, Plane
from dicomview.render import STYLE, PanesRenderer, PictureFigure, figure_size
from dicomview.state import Scene, ViewState, resolve
from dicomview.tools import PointerTool
from dicomview.volume import Volume
from dicomview.widgets.canvas import make_canvas
from dicomview.widgets.frontend import runs_unattended
from dicomview.widgets.keys import KeyKeeper
from dicomview.widgets.panel import SidePanel

__all__ = ["SliceViewer"]

#: Width of the three panes together, CSS pixels.
WIDTH = 800
#: Traits that change nothing in the picture; the position always comes with the index.
_UNSEEN = {"position", "tool", "playing", "cine", "fps", "cine_mode"}
_WATCHED = sorted(set(ViewState.class_trait_names()) - _UNSEEN)


class SliceViewer(widgets.VBox):  # type: ignore[misc]
    """Browse a volume in three linked orthogonal planes.

    Parameters
    ----------
    volume : Volume, Image or array_like of 2 or more dimensions
    window : Window or (center, width), optional
        The volume's own by default.
    colormap : str, optional
        Name of a matplotlib colormap; by default ``"gray"``, for PET ``"gray_r"``.
    layout : {"ortho", "axial", "coronal", "sagittal"}
        All three planes, or one.
    **traits
        Further traits of :class:`ViewState` to start with: ``index``, ``position``, ``invert`` ...

    Attributes
    ----------
    state : ViewState
        What is looked at; everything can be set and observed there.
    axes : mapping of str to Axes
        The matplotlib Axes of every plane; data coordinates are array indices.
    sliders : mapping of str to IntSlider
        By plane, then by extra dimension.
    panel : SidePanel
    volume : Volume

    Raises
    ------
    DisplayError
        If the values cannot be shown (complex numbers, text, objects).
    traitlets.TraitError
        If a trait gets an impossible value.

    Examples
    --------
    >>> import dicomview as dv
    >>> viewer = dv.SliceViewer(np.zeros((20, 32, 32)), window=(40, 80))
    >>> viewer.state.index = (3, 16, 16)
    >>> viewer.sliders["axial"].value
    3
    >>> viewer.close()
    """

    # Older ipywidgets show themselves with this method; _repr_mimebundle_ is to be used throughout.
    _ipython_display_ = None

    def __init__(
        self,
        volume: Any,
        *,
        window: Any = None,
        colormap: str | None = None,
        layout: str = "ortho",
        **traits: Any,
    ) -> None:
        self.volume = _showable(volume)
        if window is not None:
            traits["window"] = window
        if colormap is not None:
            traits["colormap"] = colormap
        self.state = ViewState(self.volume, colormaps=matplotlib.colormaps, layout=layout, **traits)
        self._canvas = make_canvas(self.volume, figure_size(self.volume.geometry, WIDTH))
        self._canvas.paint(self._scene())
        self._pointer = PointerTool(self._canvas.figure, self._canvas.renderer, self.state)
        self.panel = SidePanel(self.volume, self.state)
        self._sliders = self._make_sliders()
        self._status = widgets.HTML()
        self._title = widgets.HTML(_title(self.volume))
        self._refresh()
        self.state.observe(self._refresh, _WATCHED)
        stage = widgets.VBox(
            [
                widgets.HBox(list(self._sliders.values()), layout=widgets.Layout(flex_flow="row wrap")),
                self._canvas.widget,
                self._status,
            ],
            layout=widgets.Layout(width=f"{WIDTH + 4}px"),
        )
        row = widgets.HBox([stage, self.panel], layout=widgets.Layout(flex_flow="row wrap"))
        super().__init__([self._title, row, KeyKeeper()])
        self.add_class("dicomview")
        self._open = True

    @property
    def axes(self) -> Mapping[Plane, Axes]:
        """The Axes of every plane."""
        return MappingProxyType(self._canvas.renderer.axes)

    @property
    def sliders(self) -> Mapping[str, Any]:
        """The slider of every plane and extra dimension."""
        return MappingProxyType(self._sliders)

    def figure(self, *, width: float = WIDTH) -> PictureFigure:
        """Return the current view as a new Figure, for print or saving.

        Parameters
        ----------
        width : float
            Pixels; the height follows.

        Returns
        -------
        Figure
            Not known to pyplot.
        """
        size = figure_size(self.volume.geometry, width)
        figure = PictureFigure(figsize=(size[0] / STYLE.dpi, size[1] / STYLE.dpi), dpi=STYLE.dpi)
        PanesRenderer(figure, self.volume).update(self._scene())
        return figure

    def save(self, path: str | os.PathLike[str], *, dpi: float | None = None) -> None:
        """Write the current view to an image file.

        Parameters
        ----------
        path : str or PathLike
            The suffix says the format: ``.png``, ``.pdf``, ``.svg`` ...
        dpi : float, optional
            Resolution; 100 pixels per inch of the view by default.
        """
        self.figure().savefig(path, dpi=dpi or "figure")

    def close(self) -> None:
        """Free the canvas, the controls and the connections between them."""
        if getattr(self, "_open", False):
            self._open = False
            self.state.unobserve(self._refresh, _WATCHED)
            self._pointer.close()
            self._canvas.close()
            for child in self.children:
                _close(child)
        super().close()

    def _scene(self) -> Scene:
        return resolve(self.volume, self.state)

    def _make_sliders(self) -> dict[str, Any]:
        """Make a slider per plane and per extra dimension, bound to the state in both directions."""
        sliders: dict[str, Any] = {}
        columns = widgets.Layout(width=f"{WIDTH // 3 - 6}px")
        for plane in PLANES:
            axis = self.volume.plane_axes[plane]
            sliders[plane] = self._slider(plane, self.volume.geometry.shape[axis], "index", axis, columns)
        for i, name in enumerate(self.volume.extra_dims):
            extent = self.volume.array.shape[self.volume.dims.index(name)]
            sliders[name] = self._slider(name, extent, "frame", i, columns)
        return sliders

    def _slider(
        self, name: str, extent: int, trait: Literal["index", "frame"], place: int, layout: Any
    ) -> Any:
        slider = widgets.IntSlider(
            value=getattr(self.state, trait)[place],
            min=0,
            max=extent - 1,
            description=name,
            disabled=extent == 1,
            layout=layout,
            style={"description_width": "58px"},
        )

        slider.observe(lambda change: self.state.move(place, change["new"], trait=trait), "value")
        return slider

    def _refresh(self, change: Any = None) -> None:
        """Bring sliders, canvas and status to the state."""
        with self.state.lock:
            for plane in PLANES:
                self._sliders[plane].value = self.state.index[self.volume.plane_axes[plane]]
            for i, name in enumerate(self.volume.extra_dims):
                self._sliders[name].value = self.state.frame[i]
            self._canvas.paint(self._scene())
            self._status.value = _status(self.volume, self.state)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        if hasattr(self, "_handle_displayed"):  # ipywidgets 7 calls what waits for the display
            self._handle_displayed()
        bundle: dict[str, Any] = {
            "text/plain": f"SliceViewer of {self.volume!r}",
            "image/png": b64encode(self.figure().png()).decode("ascii"),
        }
        if not runs_unattended():
            view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
            bundle["application/vnd.jupyter.widget-view+json"] = view
        return bundle


def _showable(data: Any) -> Volume:
    """Return data as a volume whose values can be shown."""
    volume = Volume.coerce(data)
    if volume.dtype.kind not in "biuf":
        raise DisplayError(
            f"values of type {volume.dtype} cannot be shown; pass real numbers, e.g. abs(array)"
        )
    return volume


def _close(widget: Any) -> None:
    """Close a widget and all that it is made of: ipywidgets leaves children, layouts and styles open."""
    for child in getattr(widget, "children", ()):
        _close(child)
    for part in ("style", "layout"):
        if getattr(widget, part, None) is not None:
            getattr(widget, part).close()
    widget.close()


def _title(volume: Volume) -> str:
    """Return modality and description, escaped, and how many warnings there are."""
    first = escape(repr(volume).splitlines()[0].removeprefix("Volume").strip()) or "&nbsp;"
    notes = "".join(f"<li>{escape(text)}</li>" for text in volume.report.warnings)
    count = len(volume.report.warnings)
    remarks = f"<details><summary>{count} remark{'s' * (count > 1)}</summary><ul>{notes}</ul></details>"
    return f"<b>{first}</b>" + (remarks if notes else "")


def _status(volume: Volume, state: ViewState) -> str:
    """Return index, position and value at the crosshair."""
    value = np.asarray(volume.frame(state.frame)[state.index])
    shown = ", ".join(f"{v:.6g}" for v in np.ravel(value).astype(float))
    if state.index[0] in volume.missing_slices(state.frame):
        shown = "missing slice"
    parts = [f"index {state.index}"]
    if state.position is not None:
        parts.append("LPS " + ", ".join(f"{x:.1f}" for x in state.position) + " mm")
    parts += [escape(d.label(i)) for d, i in zip(volume.dimensions, state.frame)]
    parts.append(f"{shown} {escape(volume.unit)}".strip())
    return "<code>" + " &nbsp; ".join(parts) + "</code>"

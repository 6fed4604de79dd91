"""ViewState: the one mutable model of what is looked at."""

import math
from collections.abc import Callable, Container
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from traitlets import Bool, CFloat, Enum, Int, TraitError, Unicode, observe, validate

from dicomview.display import INTERPOLATIONS, Interpolation
from dicomview.errors import GeometryError
from dicomview.geometry import CONVENTIONS, PLANES, Convention, Plane, PlaneView, plane_view, rotation_matrix
from dicomview.state.measuring import MEASURING
from dicomview.state.overlay import OverlaysTrait
from dicomview.state.painting import PAINTING, Painting
from dicomview.state.rotation import RotationTrait, kept_center, normal_of, rotated, turned_volumes
from dicomview.state.slab import SLAB_MODES, SlabMode, SlabTrait
from dicomview.state.traits import (
    UPRIGHT,
    CenterTrait,
    IndexTrait,
    PointerTrait,
    PositionTrait,
    TurnsTrait,
    WindowTrait,
)
from dicomview.volume import Volume
from dicomview.volume.windows import default_colormap, frame_rate

__all__ = ["LAYOUTS", "ViewState"]

#: Arrangements of the panes.
LAYOUTS = ("ortho", *PLANES, "montage")
#: What a drag with the left button does.
TOOLS = ("window", "crosshair", "pan", "zoom", "rotate", *MEASURING, *PAINTING)
CINE_MODES = ("loop", "bounce")
#: Limits of the magnification; 1 fits the pane.
ZOOMS = (0.1, 64.0)


class ViewState(Painting):
    """Where and how a volume is looked at.

    Every trait can be read, set, observed and linked; the widget, the figure and the exports are functions
    of it. Traits are reassigned, never changed in place.

    Parameters
    ----------
    volume : Volume
        Gives the limits of ``index`` and ``frame``, the affine between ``index`` and ``position``, and what
        to start with.
    colormaps : container of str, optional
        Allowed names of colormaps; any name by default.
    is_color : callable, optional
        Returns whether a text is a colour; any text is one by default.
    **traits
        Values to start with.

    Attributes
    ----------
    acquired : Volume
        The one that is looked at.
    volume : Volume
        Whose voxels ``index`` counts: the acquired one, or the same on the axes of the patient, or turned.
    faces : dict of str to Volume
        By plane, whose slices its pane shows: ``volume``; of turned planes the same slices, upright.
    index : tuple of int
        Voxel in the centre of attention, per spatial axis (slice, row, column). Values beyond the volume
        become the nearest voxel.
    position : tuple of float or None
        The same in LPS mm; setting it moves ``index`` to the nearest voxel. None without an affine.
    frame : tuple of int
        Index per extra dimension (time, echo ...).
    patient_axes : bool
        Whether an oblique volume is shown resliced onto the axes of the patient. ``position`` stays as near
        as a voxel allows.
    rotation : tuple of float
        Rotation of the three planes about the crosshair, away from the axes of the acquisition or the
        patient: a vector in LPS along the axis, of the length of the angle in degrees; (0, 0, 0) for none.
        ``position`` stays. Pictures do not turn with their planes: a plane that is turned about its own
        normal stays as it is.
    step_mm : float or None
        What a step through the slices is, in mm, rounded to whole voxels; None for one voxel.
    window : Window
        Or a VOI LUT, e.g. ``volume.windows["NORMAL"]``; also accepts ``(center, width)``.
    colormap : str
        Name of a matplotlib colormap; ``"gray_r"`` for PET to start with, else ``"gray"``.
    invert : bool
        Dark for bright.
    layout : {"ortho", "axial", "coronal", "sagittal", "montage"}
        All three planes, one, or neighbouring slices of the acquired plane.
    crosshair : bool
        Whether lines mark ``index`` in the panes.
    gap : float
        Pixels that the crosshair leaves free around ``index``.
    zoom : float
        Magnification of all panes; 1 shows the whole volume.
    center : tuple of float or None
        Voxel index in the middle of the panes; None for the middle of the volume. Of turned planes: as far
        from the middle along the axes of every pane.
    convention : {"radiological", "neurological"}
        Which side of the patient is on the right of axial and coronal panes: L, or R.
    turns : dict of str to (int, bool)
        By plane: clockwise quarter turns, and whether the upright pane was mirrored before.
    slab : dict of str to float
        By plane: thickness in mm of the slab that is shown in place of a slice.
    slab_mode : {"max", "mean", "min"}
        What a slab shows: the highest value (MIP), the mean or the lowest one (MinIP).
    overlays : tuple of Overlay
        What lies over the slices, the last on top; :class:`~dicomview.state.Overlays` makes and changes them.
    interpolation : {"nearest", "linear", "lanczos"}
        How values between voxels are found.
    scale_bar, letters, texts, colorbar : bool
        What is written over the panes: a bar of round length in mm, sides of the patient, corner texts, and
        the values of the colours.
    empty_color : str
        Colour of NaN, missing slices and what was not acquired, as matplotlib knows it.
    mark_padding : bool
        Whether voxels that mean "no data" (PixelPaddingValue) have that colour too.
    theme : {"dark", "light"}
        Colour around the panes.
    tool : {"window", "crosshair", "pan", "zoom", "rotate", or a kind of measurement, or of paint}
        What a drag with the left button does: ``"point"``, ``"distance"``, ``"angle"``, ``"rectangle"``,
        ``"ellipse"`` and ``"polygon"`` draw one; ``"brush"``, ``"eraser"`` and ``"fill"`` change a mask of
        ``viewer.overlays.paint()``.
    measurements : tuple of dicomview.measure.Measurement or Region
        Changes can be taken back: :meth:`undo`, :meth:`redo`.
    selected : int or None
        The measurement that shows its handles.
    draft : Measurement or None
        One that is being drawn, or changed.
    paint_layer : str
        The mask that is painted.
    paint_range : tuple of float or None
        Only voxels with values from the first to the second are painted.
    brush_mm : float
        Radius of the brush.
    brush_3d : bool
        Whether the brush is a ball, and a fill spreads over all slices; or a disc in the plane.
    touched : Touched or None
        What was painted last.
    level_drag : {"up", "down"}
        The direction in which a drag raises the centre of the window.
    pointer : tuple of int or None
        The voxel under the pointer.
    playing : bool
        Whether the cine runs.
    cine : str
        What it runs through: a plane, or an extra dimension.
    fps : float
        Steps a second; to start with those of the header, if it has a frame rate.
    cine_mode : {"loop", "bounce"}
    taken : int
        How often another volume took the place of the one that is looked at: :meth:`take`.

    Examples
    --------
    >>> from dicomview import Volume
    >>> state = ViewState(Volume.from_array(np.zeros((9, 8, 7)), sampling=(2, 1, 1)))
    >>> state.index, state.position
    ((4, 4, 3), None)
    >>> state.index = (100, 0, 0)
    >>> state.index
    (8, 0, 0)
    """

    # seen="no": a change of it is not seen in the picture, for the position only together with the index;
    # seen="over": only in what is drawn over the slices.
    index = IndexTrait()
    position = PositionTrait().tag(seen="no")
    frame = IndexTrait()
    patient_axes = Bool(False)
    rotation = RotationTrait()
    step_mm = CFloat(None, allow_none=True).tag(seen="no")
    window = WindowTrait()
    colormap = Unicode("gray")
    invert = Bool(False)
    layout = Enum(LAYOUTS, "ortho")
    crosshair = Bool(True)
    gap = CFloat(10.0, min=0)
    zoom = CFloat(1.0)
    center = CenterTrait()
    convention: "Enum[Convention]" = Enum(CONVENTIONS, "radiological")
    turns = TurnsTrait()
    slab = SlabTrait()
    slab_mode: "Enum[SlabMode]" = Enum(SLAB_MODES, "max")
    overlays = OverlaysTrait()
    interpolation: "Enum[Interpolation]" = Enum(INTERPOLATIONS, "linear")
    scale_bar = Bool(True)
    letters = Bool(True)
    texts = Bool(True)
    colorbar = Bool(False)
    empty_color = Unicode("#4a2530")
    mark_padding = Bool(False)
    theme = Enum(("dark", "light"), "dark")
    tool = Enum(TOOLS, "window").tag(seen="no")
    level_drag = Enum(("up", "down"), "up").tag(seen="no")
    pointer = PointerTrait().tag(seen="no")
    playing = Bool(False).tag(seen="no")
    cine = Unicode().tag(seen="no")
    fps = CFloat(10.0, min=0.1, max=60.0).tag(seen="no")
    cine_mode = Enum(CINE_MODES, "loop").tag(seen="no")
    taken = Int(0).tag(seen="no")

    def __init__(
        self,
        volume: Volume,
        *,
        colormaps: Container[str] | None = None,
        is_color: Callable[[str], bool] = lambda text: True,
        **traits: Any,
    ) -> None:
        self.volume = self.acquired = volume
        self.faces: dict[Plane, Volume] = dict.fromkeys(PLANES, volume)
        self._extents = {"index": volume.geometry.shape, "frame": tuple(map(len, volume.dimensions))}
        self._pivot: Any = None
        #: What the volume in view was made for: ``patient_axes`` and ``rotation``.
        self._axes = False, (0.0, 0.0, 0.0)
        self._colormaps, self._is_color = colormaps, is_color
        self._cines = (*PLANES, *volume.extra_dims)
        unknown = set(traits) - set(self.trait_names())
        if unknown:
            raise TypeError(f"ViewState has no trait {sorted(unknown)}; it has {sorted(self.trait_names())}")
        super().__init__()
        if volume.geometry.affine is not None:
            self.position = self._position_of(self.index)
        self._pivot = traits.get("position") if any(traits.get("rotation", ())) else None
        for name in ("patient_axes", "rotation"):  # which say what an index is
            if name in traits:
                setattr(self, name, traits.pop(name))
        self._pivot = None
        if "position" not in traits:
            traits.setdefault("index", tuple(n // 2 for n in self.volume.geometry.shape))
        traits.setdefault("frame", volume.middle_frame)
        traits.setdefault("cine", volume.extra_dims[0] if volume.extra_dims else volume.slice_plane)
        traits.setdefault("fps", frame_rate(volume.meta) or 10.0)
        traits.setdefault("colormap", default_colormap(volume.meta))
        if "window" not in traits and volume.has_window:
            traits["window"] = volume.default_window
        for name, value in traits.items():
            setattr(self, name, value)
        self._past = []

    def move(self, axis: int, to: int, *, trait: Literal["index", "frame"] = "index") -> None:
        """Set one element of ``index`` or ``frame``."""
        with self.lock:
            indices = list(getattr(self, trait))
            indices[axis] = to
            setattr(self, trait, tuple(indices))

    def step(self, axis: int, by: int) -> None:
        """Move by so many steps along a spatial axis: voxels, or ``step_mm``."""
        with self.lock:
            self.move(axis, self.index[axis] + by * self.stride(axis))

    def stride(self, axis: int) -> int:
        """Return how many voxels a step along a spatial axis is."""
        spacing = self.volume.geometry.spacing[axis]
        return 1 if not (spacing and self.step_mm) else max(1, round(self.step_mm / spacing))

    def turn(self, plane: Plane, quarters: int = 1) -> None:
        """Turn a pane clockwise by quarters."""
        with self.lock:
            old, mirrored = self.turns.get(plane, UPRIGHT)
            self.turns = {**self.turns, plane: (old + quarters, mirrored)}

    def mirror(self, plane: Plane, *, upside_down: bool = False) -> None:
        """Exchange left and right of a pane as it stands, or top and bottom."""
        with self.lock:
            quarters, mirrored = self.turns.get(plane, UPRIGHT)
            # Mirrored first and turned back afterwards.
            self.turns = {**self.turns, plane: ((2 if upside_down else 0) - quarters, not mirrored)}

    def rotate(self, plane: Plane, degrees: float) -> None:
        """Rotate the crosshair of a pane, and the two planes that it stands for, counterclockwise.

        What the pane itself shows stays.
        """
        with self.lock:
            self.rotation = rotated(self.rotation, self.normal(plane), degrees)

    def normal(self, plane: Plane) -> NDArray[np.float64]:
        """Return the direction in LPS from a pane as it stands to the eye."""
        normal = normal_of(self.volume.upright, self.view(plane))
        return np.asarray(rotation_matrix(self.rotation) @ normal)

    def view(self, plane: Plane, volume: Volume | None = None) -> PlaneView:
        """Return how a pane stands that shows slices of a volume, by default of that in view."""
        shown = self.volume if volume is None else volume
        view = plane_view(shown.upright, plane, convention=self.convention).on(shown.geometry)
        quarters, mirrored = self.turns.get(plane, UPRIGHT)
        return (view.mirrored() if mirrored else view).turned(quarters)

    def fit(self) -> None:
        """Show the whole volume, in the middle of the panes, in planes that are not rotated."""
        with self.lock:
            self.rotation = (0.0, 0.0, 0.0)
            with self.hold_trait_notifications():
                self.zoom, self.center = 1.0, None

    @validate("zoom", "gap", "fps")
    def _validate_finite(self, proposal: Any) -> float:
        value, name = float(proposal["value"]), proposal["trait"].name
        if not math.isfinite(value):
            raise TraitError(f"{name} is a finite number, not {value}")
        return min(max(value, ZOOMS[0]), ZOOMS[1]) if name == "zoom" else value

    @validate("step_mm")
    def _validate_step(self, proposal: Any) -> float | None:
        step: float | None = proposal["value"]
        if step is not None and not 0 < step < math.inf:
            raise TraitError(f"step_mm is a positive number of mm, or None, not {step}")
        return step

    @validate("patient_axes")
    def _validate_axes(self, proposal: Any) -> bool:
        if proposal["value"]:
            try:
                self.acquired.on_patient_axes(lazy=True)
            except GeometryError as error:
                raise TraitError(f"patient_axes: {error}") from None
        return bool(proposal["value"])

    @observe("patient_axes", "rotation")
    def _axes_changed(self, change: Any) -> None:
        """Keep the place on the other grid."""
        if self._axes == (self.patient_axes, self.rotation):
            return
        self._axes = self.patient_axes, self.rotation
        old, place = self.volume, self._pivot or self.position
        base = self.acquired.on_patient_axes(lazy=True) if self.patient_axes else self.acquired
        faces = dict.fromkeys(PLANES, base)
        self.volume = base
        if any(self.rotation):
            self.volume, faces = turned_volumes(
                self.acquired, base, self.rotation,
                about=place, patient_axes=self.patient_axes,
                before=self.faces if change["name"] == "rotation" else faces,
            )  # fmt: skip
        self.faces = faces
        self._extents["index"] = self.volume.geometry.shape
        with self.hold_trait_notifications():  # nobody sees an index of the one with the grid of the other
            self.pointer = None
            if change["name"] == "rotation":
                self.center = kept_center(old, self.volume, self.center)
            elif self.center is not None:
                middle = old.geometry.position(self.center)
                assert middle is not None  # patient axes need an affine
                self.center = tuple(self.volume.geometry.index(middle).tolist())
            self.index = self._index_at(place)
            self.position = self._position_of(self.index)

    def take(self, acquired: Volume) -> None:
        """Look at another volume on the same grid, as the one before."""
        with self.lock:
            self.acquired = acquired
            self.look_alike(self)
            self.taken += 1

    def look_alike(self, other: "ViewState") -> None:
        """Have the axes of another view on the same grid; says nothing to those who observe."""
        shown = {id(old): self.acquired.like(old) for old in (other.volume, *other.faces.values())}
        self.volume = shown[id(other.volume)]
        self.faces = {plane: shown[id(face)] for plane, face in other.faces.items()}
        self._extents["index"] = self.volume.geometry.shape
        self._axes = other.patient_axes, other.rotation

    @property
    def can_rotate(self) -> bool:
        """Whether the planes can be turned: in mm, which a single slice and unknown places do not have."""
        geometry = self.acquired.geometry
        return geometry.affine is not None and None not in geometry.spacing

    @validate("cine")
    def _validate_cine(self, proposal: Any) -> str:
        name: str = proposal["value"]
        if name not in self._cines:
            raise TraitError(f"cine is one of {', '.join(self._cines)}, not {name!r}")
        return name

    @validate("colormap")
    def _validate_colormap(self, proposal: Any) -> str:
        name: str = proposal["value"]
        if self._colormaps is not None and name not in self._colormaps:
            raise TraitError(f"{name!r} is not a matplotlib colormap; matplotlib.colormaps lists them")
        return name

    @validate("empty_color")
    def _validate_color(self, proposal: Any) -> str:
        color: str = proposal["value"]
        if not self._is_color(color):
            raise TraitError(f"empty_color is a colour as matplotlib knows it, not {color!r}")
        return color

    @observe("index")
    def _index_changed(self, change: Any) -> None:
        if self.volume.geometry.affine is not None:
            self.position = self._position_of(change["new"])

    @observe("position")
    def _position_changed(self, change: Any) -> None:
        if change["new"] is not None and change["new"] != self._position_of(self.index):
            self.index = self._index_at(change["new"])

    def _position_of(self, index: tuple[int, ...]) -> tuple[float, ...] | None:
        position = self.volume.geometry.position(index)
        return None if position is None else tuple(float(x) for x in position)

    def _index_at(self, position: Any) -> tuple[int, ...]:
        """Return the voxel nearest to a position."""
        if self.volume.geometry.affine is None:
            raise TraitError("position needs an affine, which this volume does not have; set index")
        try:
            x, y, z = (float(value) for value in position)
        except (TypeError, ValueError):
            raise TraitError(f"position is three LPS coordinates in mm, not {position!r}") from None
        if not all(map(math.isfinite, (x, y, z))):
            raise TraitError(f"position is three LPS coordinates in mm, not {position!r}")
        nearest = np.rint(self.volume.geometry.index((x, y, z))).astype(int).tolist()
        return tuple(min(max(i, 0), n - 1) for i, n in zip(nearest, self.volume.geometry.shape))

"""Painting: brush, eraser, fill and threshold on the masks of a view, and the way back."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from traitlets import Bool, CFloat, TraitError, TraitType, Unicode, validate

from dicomview.errors import PaintError
from dicomview.geometry import Box, Plane, connected, stroke
from dicomview.measure.space import index_of
from dicomview.state.measuring import Measuring
from dicomview.state.overlay import Overlay
from dicomview.state.painted import Painted, Step, Touched
from dicomview.volume.memory import check_budget

__all__ = ["PAINTING", "RADII", "Painting"]

#: Tools that paint.
PAINTING = ("brush", "eraser", "fill")
#: Limits of the radius in mm.
RADII = (0.1, 200.0)
#: Bytes of steps that can be taken back; the oldest are forgotten.
MOST_BYTES = 64 << 20


class PaintRangeTrait(TraitType):  # type: ignore[type-arg]
    """Two values, the lower one first, or None."""

    default_value = None
    allow_none = True

    def validate(self, obj: Any, value: Any) -> tuple[float, float] | None:
        """Accept any pair of numbers."""
        if value is None:
            return None
        if obj.acquired.is_color:
            raise TraitError("paint_range: colours have no range of values")
        try:
            low, high = (float(v) for v in value)
        except (TypeError, ValueError):
            raise TraitError(f"paint_range is a lowest and a highest value, or None, not {value!r}") from None
        if not low <= high:
            raise TraitError(f"paint_range begins with the lowest value: {low} is not below {high}")
        return low, high


class TouchedTrait(TraitType):  # type: ignore[type-arg]
    """What was painted last."""

    default_value = None
    allow_none = True

    def validate(self, obj: Any, value: Any) -> Touched | None:
        """Accept what painting itself sets."""
        if value is None or isinstance(value, Touched):
            return value
        raise TraitError(f"touched is set by painting, not to {value!r}")


class Painting(Measuring):
    """What a view paints; part of :class:`ViewState`.

    Points are LPS mm, or voxel indices where the volume has no affine. Missing slices are never painted.

    Attributes
    ----------
    paint_layer : str
        The mask that is painted; where there is none of this name, the last one that can be, or a new one.
    paint_range : tuple of float or None
        Only voxels with values from the first to the second are painted.
    brush_mm : float
        Radius of the brush.
    brush_3d : bool
        Whether brush and fill of the pointer work in all slices.
    touched : Touched or None
        What was painted last.
    """

    paint_layer = Unicode().tag(seen="no")
    paint_range = PaintRangeTrait().tag(seen="no")
    brush_mm = CFloat(5.0).tag(seen="no")
    brush_3d = Bool(False).tag(seen="no")
    touched = TouchedTrait().tag(seen="over")

    overlays: "TraitType[tuple[Overlay, ...], Any]"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._stroke: Step | None = None
        super().__init__(*args, **kwargs)

    @validate("brush_mm")
    def _validate_radius(self, proposal: Any) -> float:
        value = float(proposal["value"])
        if not np.isfinite(value):
            raise TraitError(f"brush_mm is a finite number, not {value}")
        return min(max(value, RADII[0]), RADII[1])

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return self._is_there(self._stroke) if self._stroke else super().can_undo

    @property
    def can_paint_flat(self) -> bool:
        """Whether the planes in view are those of the acquisition: a disc or a fill lies in one of these."""
        return self.volume is self.acquired

    @property
    def painted(self) -> Painted | None:
        """The mask that is painted, of those on the grid of the volume."""
        grid = self.acquired.geometry
        layers = [o for o in self.overlays if isinstance(o, Painted) and o.layer.geometry == grid]
        named = [overlay for overlay in layers if overlay.name == self.paint_layer]
        return next(iter(named or layers[::-1]), None)

    def paint(
        self,
        points: ArrayLike,
        *,
        radius: float | None = None,
        plane: Plane | None = None,
        erase: bool = False,
        ends: bool = True,
    ) -> None:
        """Draw a brush along a line.

        Parameters
        ----------
        points : array_like of shape (points, 3)
        radius : float, optional
            In mm; ``brush_mm`` by default.
        plane : {"axial", "coronal", "sagittal"}, optional
            Paint the slice of this plane at the first point only; by default the brush is a ball.
        erase : bool
            Takes away, whatever ``paint_range`` says.
        ends : bool
            Whether the stroke is at its end; what is painted until then is taken back at once.

        Examples
        --------
        >>> from dicomview import Volume, ViewState
        >>> state = ViewState(Volume.from_array(np.zeros((9, 8, 7)), affine=np.eye(4)))
        >>> state.paint([(4, 1, 3), (4, 6, 3)], radius=0.5)
        >>> int(state.painted.array.sum())
        6
        >>> state.undo()
        >>> int(state.painted.array.sum())
        0
        """
        with self.lock:
            places = np.atleast_2d(index_of(self.acquired.geometry, points))
            axis = None if plane is None else self.acquired.plane_axes[plane]
            step = self._stroke or self._new_step()
            for start, end in zip(places, places[1:] if len(places) > 1 else places):
                covered = stroke(
                    self.acquired.geometry, start, end,
                    radius=self.brush_mm if radius is None else radius, axis=axis,
                )  # fmt: skip
                if covered is not None:
                    box, inside = covered
                    if not erase and self.paint_range is not None:
                        inside &= self._in_range(box, self.paint_range)
                    self._lay(step, box, inside, erase=erase)
            if ends:
                self.end_stroke()

    def end_stroke(self) -> None:
        """Note that a stroke is at its end: the next one is a step of its own."""
        with self.lock:
            step, self._stroke = self._stroke, None
            if step:
                self._past = [*self._past, step]
            while len(self._past) > 1 and sum(map(_bytes, self._past)) > MOST_BYTES:
                del self._past[0]

    def fill(self, point: ArrayLike, *, plane: Plane | None = None, erase: bool = False) -> None:
        """Paint what hangs together with a place, face to face.

        With a ``paint_range`` voxels with such values; without one those that are not painted yet, up to what
        is painted: the inside of an outline.

        Parameters
        ----------
        point : array_like of shape (3,)
        plane : {"axial", "coronal", "sagittal"}, optional
            In the slice of this plane only.
        erase : bool
            Take away what is painted and hangs together with the place instead.

        Raises
        ------
        MemoryBudgetError
            If all slices of a volume that is read lazily are too much.
        """
        geometry = self.acquired.geometry
        place = np.floor(index_of(geometry, point) + 0.5).astype(int)
        if ((place < 0) | (place >= geometry.shape)).any():
            return
        with self.lock:
            step = self._new_step()
            axis = None if plane is None else self.acquired.plane_axes[plane]
            box = self._box(axis, int(place[axis]) if axis is not None else 0)
            allowed = step.layer.array[box] == erase
            if self.paint_range is not None and not erase:
                allowed = self._in_range(box, self.paint_range)
            self._leave_missing(box, allowed)
            seed = [0 if a == axis else int(i) for a, i in enumerate(place)]
            self._lay(step, box, connected(allowed, seed), erase=erase)
            self.end_stroke()

    def threshold(self, low: float, high: float, *, plane: Plane | None = None, erase: bool = False) -> None:
        """Paint all voxels with values from one to another.

        Parameters
        ----------
        low, high : float
        plane : {"axial", "coronal", "sagittal"}, optional
            In the slice in view of this plane only.
        erase : bool

        Raises
        ------
        PaintError
            If the slice in view is none of the acquisition; if the volume has colours.
        MemoryBudgetError
            If all slices of a volume that is read lazily are too much.
        """
        with self.lock:
            if plane is not None and not self.can_paint_flat:
                raise PaintError(
                    "a slice is painted in the planes of the acquisition, and the view shows others",
                    remedy="leave plane out, or set patient_axes to False and rotation to (0, 0, 0)",
                )
            axis = None if plane is None else self.acquired.plane_axes[plane]
            box = self._box(axis, self.index[axis] if axis is not None else 0)  # type: ignore[attr-defined]
            step = self._new_step()
            self._lay(step, box, self._in_range(box, (low, high)), erase=erase)
            self.end_stroke()

    def clear_paint(self) -> None:
        """Take everything away from the mask that is painted."""
        with self.lock:
            step = self._new_step()
            self._lay(step, self._box(None, 0), np.ones(step.layer.array.shape, bool), erase=True)
            self.end_stroke()

    # -- how ------------------------------------------------------------------------------------------

    def _target(self) -> Painted:
        """Return the mask that is painted, a new one where there is none."""
        if self.painted is None:
            from dicomview.state.overlays import Overlays

            Overlays(self).paint()  # type: ignore[arg-type]
        painted = self.painted
        assert painted is not None
        self.paint_layer = painted.name
        return painted

    def _new_step(self) -> Step:
        self.end_stroke()
        self._stroke = step = Step(self._target())
        return step

    def _box(self, axis: int | None, index: int) -> Box:
        """Return the whole grid, or a slice of it."""
        a, b, c = (
            slice(index, index + 1) if i == axis else slice(0, n)
            for i, n in enumerate(self.acquired.geometry.shape)
        )
        return a, b, c

    def _lay(self, step: Step, box: Box, covered: NDArray[np.bool_], *, erase: bool) -> None:
        """Paint or erase what is covered of a box."""
        now = step.layer.array[box]
        if not erase:
            self._leave_missing(box, covered)
        if step.change(box, now & ~covered if erase else now | covered):
            self._future = []
            self._tell(step, step.last_box)

    def _tell(self, step: Step, box: Box) -> None:
        """Let it be known that a part of a mask was changed, unless it is no longer there."""
        painted = self._painted_in(step)
        if painted is not None:
            self.touched = Touched(painted.name, box, step.layer.revision)

    def _painted_in(self, step: Step) -> Overlay | None:
        return next((o for o in self.overlays if o.number == step.number), None)

    def _in_range(self, box: Box, limits: Sequence[float]) -> NDArray[np.bool_]:
        """Return which voxels of a box have values in a range; none that mean no data."""
        volume = self.acquired
        if volume.is_color:
            raise PaintError("colours have no range of values that could be painted", remedy="take a channel")
        low, high = limits
        shape = [part.stop - part.start for part in box]
        if volume.is_lazy:
            check_budget(shape, volume.dtype.itemsize, "the values", "paint slice by slice")
        values = np.asarray(volume.frame(self.frame)[box])
        inside: NDArray[np.bool_] = (values >= low) & (values <= high)
        if volume.padding is not None:
            inside &= (values < volume.padding[0]) | (values > volume.padding[1])
        places = [np.arange(part.start, part.stop) for part in box]
        inside &= ~volume.without_data(np.ix_(*places), self.frame)
        return inside

    def _leave_missing(self, box: Box, covered: NDArray[np.bool_]) -> None:
        """Take the slices that are missing out of what is covered."""
        for k in self.acquired.missing_slices(self.frame):
            if box[0].start <= k < box[0].stop:
                covered[k - box[0].start] = False

    def undo(self) -> None:
        """Take the last change of measurements or paint back, or give up the one that is being drawn."""
        self.end_stroke()
        super().undo()

    def _is_there(self, step: Any) -> bool:
        return not isinstance(step, Step) or isinstance(self._painted_in(step), Painted)

    def _take(self, step: Any, target: list[Any]) -> None:
        painted = self._painted_in(step) if isinstance(step, Step) else None
        if not isinstance(painted, Painted):
            super()._take(step, target)
            return
        target.append(step.taken_back(painted))
        self._tell(step, step.box)


def _bytes(step: Any) -> int:
    return step.bytes if isinstance(step, Step) else 0

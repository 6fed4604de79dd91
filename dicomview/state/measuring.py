"""Measuring: the measurements of a view, one at work, and the way back."""

from collections.abc import Sequence
from typing import Any

from traitlets import Int, TraitError, TraitType, observe, validate

from dicomview.errors import DicomviewError
from dicomview.measure import KINDS, Measurement, Region, Result, evaluate, lies_in
from dicomview.state.locked import Locked
from dicomview.volume import Volume

__all__ = ["MEASURING", "Measuring"]

#: Tools that draw measurements.
MEASURING = tuple(KINDS)
#: Steps that can be undone.
STEPS = 200
#: Results that are kept.
RESULTS = 500

Measurements = tuple[Measurement | Region, ...]


class MeasurementsTrait(TraitType):  # type: ignore[type-arg]
    """A tuple of measurements."""

    default_value = ()

    def validate(self, obj: Any, value: Any) -> Measurements:
        """Accept any sequence of them."""
        if not isinstance(value, Sequence) or not all(isinstance(m, Measurement | Region) for m in value):
            raise TraitError(f"measurements are of dicomview.measure: Distance, Ellipse ..., not {value!r}")
        return tuple(value)


class DraftTrait(TraitType):  # type: ignore[type-arg]
    """A measurement that is being drawn or changed, or None."""

    default_value = None
    allow_none = True

    def validate(self, obj: Any, value: Any) -> Measurement | None:
        """Accept a measurement of points."""
        if value is None or isinstance(value, Measurement):
            return value
        raise TraitError(f"draft is a measurement, or None, not {value!r}")


class Measuring(Locked):
    """What a view measures; part of :class:`ViewState`.

    Attributes
    ----------
    measurements : tuple of Measurement or Region
    selected : int or None
        Which of them shows handles.
    draft : Measurement or None
        One that is being drawn; or that takes the place of the selected one while it is changed.
    """

    measurements = MeasurementsTrait().tag(seen="over")
    selected = Int(None, allow_none=True).tag(seen="over")
    draft = DraftTrait().tag(seen="over")

    volume: Volume
    acquired: Volume
    frame: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        #: What undoes each change, and makes each one again, the newest last: measurements as they were, or
        #: a step of something else.
        self._past: list[Any] = []
        self._future: list[Any] = []
        self._is_going_back = False
        #: Of the volume beside it.
        self._results: dict[Any, Result] = {}
        self._evaluated: Volume | None = None
        super().__init__(*args, **kwargs)

    @validate("selected")
    def _validate_selected(self, proposal: Any) -> int | None:
        chosen: int | None = proposal["value"]
        if chosen is not None and not 0 <= chosen < len(self.measurements):
            raise TraitError(f"selected is one of {len(self.measurements)} measurements, not {chosen}")
        return chosen

    @observe("measurements")
    def _measurements_changed(self, change: Any) -> None:
        if not self._is_going_back:
            self._past = [*self._past[1 - STEPS :], change["old"]]
            self._future = []
        if self.selected is not None and self.selected >= len(change["new"]):
            self.selected = None

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self._past) and self._is_there(self._past[-1])

    @property
    def can_redo(self) -> bool:
        """Whether there is a change that was taken back."""
        return bool(self._future) and self._is_there(self._future[-1])

    def undo(self) -> None:
        """Take the last change of measurements or paint back, or give up the one that is being drawn."""
        self._go(self._past, self._future)

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        self._go(self._future, self._past)

    def _go(self, source: list[Any], target: list[Any]) -> None:
        with self.lock:
            if self.draft is not None:
                self.draft = None
                return
            if source and self._is_there(source[-1]):
                self._take(source.pop(), target)

    def _is_there(self, step: Any) -> bool:
        """Return whether what a step changes is still there: the way ends where it is not."""
        return True

    def _take(self, step: Any, target: list[Any]) -> None:
        """Take a step and keep the way back."""
        target.append(self.measurements)
        self.selected = None
        self._is_going_back = True
        try:
            self.measurements = step
        finally:
            self._is_going_back = False

    def add_measurement(self, measurement: Measurement | Region) -> None:
        """Add one at the end and select it."""
        with self.lock:
            self.draft = None
            self.measurements = (*self.measurements, measurement)
            self.selected = len(self.measurements) - 1

    def change_measurement(self, i: int, measurement: Measurement | Region) -> None:
        """Put one in the place of another."""
        with self.lock:
            self.draft = None
            found = list(self.measurements)
            found[i] = measurement
            self.measurements = tuple(found)

    def remove_measurement(self, i: int | None = None) -> None:
        """Remove one, by default the one that is selected, if any."""
        with self.lock:
            self.draft = None
            at = self.selected if i is None else range(len(self.measurements))[i]
            if at is not None:
                self.selected = None
                self.measurements = self.measurements[:at] + self.measurements[at + 1 :]

    @property
    def measured(self) -> Measurements:
        """The measurements as they are drawn, with the one that is at work."""
        found: Measurements = self.measurements
        if self.draft is None:
            return found
        at = len(found) if self.selected is None else self.selected
        return (*found[:at], self.draft, *found[at + 1 :])

    def result(self, measurement: Measurement | Region, *, frame: Sequence[int] | None = None) -> Result:
        """Return the numbers of a measurement in a frame, by default in that in view.

        A shape in a slice as it was acquired is measured there; one that was drawn on the axes of the patient
        in the resliced volume, as long as that is shown.
        """
        volume = self.acquired
        if (
            self.volume is not volume
            and isinstance(measurement, Measurement)
            and lies_in(volume.geometry, measurement) is None
        ):
            volume = self.volume
        if self._evaluated is not self.volume or len(self._results) >= RESULTS:
            self._evaluated, self._results = self.volume, {}
        place = self.frame if frame is None else tuple(frame)
        key = measurement, place
        if key not in self._results:
            self._results[key] = evaluate(volume, measurement, frame=place)
        return self._results[key]

    def known_result(
        self, measurement: Measurement | Region, *, frame: Sequence[int] | None = None
    ) -> Result:
        """Return the numbers; none where a slice cannot be read, or a region has no place."""
        try:
            return self.result(measurement, frame=frame)
        except DicomviewError:
            return Result(measurement.kind, measurement.name)

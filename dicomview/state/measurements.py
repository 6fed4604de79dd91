"""Measurements: those of a state as a list, a table and files."""

import os
from collections.abc import Iterator
from dataclasses import fields
from html import escape
from pathlib import Path
from typing import Any

from dicomview.errors import MeasureError
from dicomview.measure import (
    Measurement,
    Region,
    Result,
    from_json,
    misplaced,
    structured_report,
    to_json,
    words,
)
from dicomview.state.model import ViewState
from dicomview.volume.convert import package

__all__ = ["Measurements"]


class Measurements:
    """What a viewer measures: a list that is also a table.

    Parameters
    ----------
    state : ViewState

    Examples
    --------
    >>> import numpy as np
    >>> import dicomview as dv
    >>> state = dv.ViewState(dv.Volume.from_array(np.ones((9, 8, 7)), sampling=(3, 1, 1)))
    >>> found = Measurements(state)
    >>> found.add(dv.measure.Distance([(4, 0, 0), (4, 3, 4)], name="stone"))
    >>> found
    Measurements
      1 distance  stone, 5.0 mm
    >>> found.records()[0]["length"]
    5.0
    >>> found.undo()
    >>> len(found)
    0
    """

    def __init__(self, state: ViewState) -> None:
        self._state = state

    def __len__(self) -> int:
        return len(self._state.measurements)

    def __iter__(self) -> Iterator[Measurement | Region]:
        return iter(self._state.measurements)

    def __getitem__(self, i: Any) -> Any:
        return self._state.measurements[i]

    def add(self, measurement: Measurement | Region) -> None:
        """Add one at the end.

        Raises
        ------
        MeasureError
            If a region has no place in the volume, or another frame of reference.
        """
        self._check(measurement)
        self._state.add_measurement(measurement)

    def _check(self, measurement: Measurement | Region) -> None:
        problem = misplaced(self._state.acquired, measurement) if isinstance(measurement, Region) else ""
        if problem:
            raise MeasureError(
                f"{measurement.name or measurement.kind}: {problem}",
                remedy="measure it in the volume in which it was drawn",
            )

    def remove(self, which: int | Measurement | Region) -> None:
        """Remove one, by its place from 0 or by itself.

        Raises
        ------
        IndexError, ValueError
            If there is none.
        """
        self._state.remove_measurement(
            which if isinstance(which, int) else self._state.measurements.index(which)
        )

    def clear(self) -> None:
        """Remove all."""
        self._state.measurements = ()

    def go_to(self, i: int) -> None:
        """Select one, by its place from 0, and move the crosshair to its middle."""
        state = self._state
        with state.lock:
            state.selected = i
            middle = state.measurements[i].middle
            if middle is None:
                return
            if state.volume.geometry.affine is None:
                state.index = tuple(map(round, middle))
            else:
                state.position = middle

    def undo(self) -> None:
        """Take the last change back."""
        self._state.undo()

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        self._state.redo()

    def records(self) -> list[dict[str, Any]]:
        """Return a dict for each: the numbers of :class:`dicomview.measure.Result`, and its points.

        Values are those of the frame in view.
        """
        return [
            {
                **self._state.result(measurement).record(),
                "points": [list(p) for p in measurement.points]
                if isinstance(measurement, Measurement)
                else None,
            }
            for measurement in self
        ]

    def to_dataframe(self) -> Any:
        """Return the records as a pandas DataFrame.

        Raises
        ------
        MissingPackageError
            Without pandas.
        """
        pandas = package("pandas", "'dicomview[tables]'")
        columns = [*(field.name for field in fields(Result)), "points"]
        return pandas.DataFrame(self.records(), columns=columns)

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write all to a file, with their numbers."""
        results = [self._state.result(measurement) for measurement in self]
        text = to_json(self._state.acquired, list(self), results=results)
        Path(path).write_text(text, encoding="utf-8")

    def from_json(self, path: str | os.PathLike[str], *, ignore_frame_of_reference: bool = False) -> None:
        """Add those of a file; see :func:`dicomview.measure.from_json`.

        Raises
        ------
        MeasureError
            If they mean something else in this volume.
        """
        text = Path(path).read_text(encoding="utf-8")
        found = from_json(self._state.acquired, text, ignore_frame_of_reference=ignore_frame_of_reference)
        for measurement in found:
            self._check(measurement)
        self._state.measurements = (*self._state.measurements, *found)

    def to_sr(self, path: str | os.PathLike[str]) -> None:
        """Write all to a DICOM structured report; see :func:`dicomview.measure.structured_report`.

        It carries the patient and the study of the images. Values are those of the frame in view.

        Raises
        ------
        MeasureError
            If the volume was not read from files, or has no place in the patient.
        MissingPackageError
            Without highdicom.
        """
        state = self._state
        results = [state.result(measurement) for measurement in self]
        structured_report(state.acquired, list(self), frame=state.frame, results=results).save_as(path)

    def rows(self) -> list[tuple[str, str]]:
        """Return kind and numbers of each in words; of what cannot be evaluated only its name."""
        return [(m.kind, ", ".join(words(self._state.known_result(m)))) for m in self]

    def __repr__(self) -> str:
        lines = [f"  {i} {kind:<9} {text}".rstrip() for i, (kind, text) in enumerate(self.rows(), 1)]
        return "\n".join(["Measurements", *(lines or ["  none"])])

    def _repr_html_(self) -> str:
        left = "style='text-align:left'"
        body = "".join(
            f"<tr><td>{i}</td><td {left}>{escape(kind)}</td><td {left}>{escape(text)}</td></tr>"
            for i, (kind, text) in enumerate(self.rows(), 1)
        )
        head = f"<tr><th></th><th {left}>kind</th><th {left}>values</th></tr>"
        return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"

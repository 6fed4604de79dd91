"""Served: the series that a server has, as it tells of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from html import escape
from typing import overload

from pydicom.dataset import Dataset

from dicomview.io.headers import meta_from_dataset
from dicomview.io.quiet import quiet
from dicomview.options import options
from dicomview.volume import Meta
from dicomview.volume.describe import html_table, text_table
from dicomview.volume.meta import safe_text, series_title, shown_text

__all__ = ["ServedSeries", "ServedSeriesList", "fits", "served"]


@dataclass(frozen=True, repr=False)
class ServedSeries:
    """A series that a server has.

    Attributes
    ----------
    uid, study_uid : str
        SeriesInstanceUID (0020,000E) and StudyInstanceUID (0020,000D).
    modality, description : str
    images : int or None
        How many images the server says that it has.
    meta : Meta
        Everything that the server tells of it, by keyword; printing hides the patient.
    """

    uid: str
    study_uid: str
    modality: str = ""
    description: str = ""
    images: int | None = None
    meta: Meta = field(default_factory=Meta, compare=False)

    def row(self) -> tuple[str, ...]:
        """Return modality, title, date and description of the study, and number of images as text."""
        number = self.meta.get("SeriesNumber")
        study = (shown_text(key, self.meta.get(key, "")) for key in ("StudyDate", "StudyDescription"))
        images = "" if self.images is None else str(self.images)
        return (safe_text(self.modality), series_title(self.description, number), *study, images)

    def patient(self) -> tuple[str, ...]:
        """Return name and number of the patient as text."""
        return tuple(safe_text(self.meta.get(keyword, "")) for keyword in ("PatientName", "PatientID"))

    def __repr__(self) -> str:
        return "ServedSeries(" + ", ".join(text for text in self.row() if text) + ")"


class ServedSeriesList(Sequence[ServedSeries]):
    """Series that a server found; prints as a table, with the patient if `options.show_patient` is set."""

    COLUMNS = ("", "modality", "series", "study date", "study", "images")

    def __init__(self, series: Sequence[ServedSeries]) -> None:
        self._series = tuple(series)

    @overload
    def __getitem__(self, index: int) -> ServedSeries: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ServedSeries]: ...
    def __getitem__(self, index: int | slice) -> ServedSeries | Sequence[ServedSeries]:
        return self._series[index]

    def __len__(self) -> int:
        return len(self._series)

    def __iter__(self) -> Iterator[ServedSeries]:
        return iter(self._series)

    def _table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        shown = options.show_patient
        columns = (*self.COLUMNS, "patient", "patient ID") if shown else self.COLUMNS
        return columns, [
            (str(i), *one.row(), *(one.patient() if shown else ())) for i, one in enumerate(self)
        ]

    def __repr__(self) -> str:
        return "\n".join(text_table(*self._table())) if len(self) else "the server has no such series"

    def _repr_html_(self) -> str:
        return html_table(*self._table()) if len(self) else f"<div>{escape(repr(self))}</div>"


def served(dataset: Dataset) -> ServedSeries:
    """Return a series as the server tells of it."""
    with quiet():
        meta = meta_from_dataset(dataset)
    images = meta.get("NumberOfSeriesRelatedInstances")
    return ServedSeries(
        uid=str(meta.get("SeriesInstanceUID", "")),
        study_uid=str(meta.get("StudyInstanceUID", "")),
        modality=str(meta.get("Modality", "")),
        description=str(meta.get("SeriesDescription", "")),
        images=images if isinstance(images, int) else None,
        meta=meta,
    )


def fits(dataset: Dataset, keyword: str, wanted: str) -> bool:
    """Return whether an element is what is wanted, which may have wildcards; case does not count.

    Examples
    --------
    >>> dataset = Dataset()
    >>> dataset.PatientName = "Doe^Jane"
    >>> fits(dataset, "PatientName", "doe^*"), fits(dataset, "PatientName", "doe jane")
    (True, False)
    """
    value = str(dataset.get(keyword, "")).rstrip("^= ").casefold()
    return fnmatchcase(value, wanted.rstrip("^= ").casefold().replace("[", "[[]"))

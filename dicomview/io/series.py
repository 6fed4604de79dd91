"""Series: what a folder holds, told from headers alone."""

from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Literal, TypeAlias, overload

import numpy as np

from dicomview.errors import DicomviewError, SeriesError
from dicomview.geometry import plane_axes
from dicomview.io.assemble import Stack, assemble, names
from dicomview.io.failures import reading
from dicomview.io.header import Header
from dicomview.io.sources import File, plain
from dicomview.volume import Dropped, Volume
from dicomview.volume.describe import format_spacing, html_table, text_table
from dicomview.volume.meta import is_hidden, safe_text, series_title

__all__ = ["HIDDEN", "Lazy", "Series", "SeriesList", "choose", "is_color", "is_localizer", "no_volume"]

#: Whether slices are decoded only when they are asked for, and then whether without dask.
Lazy: TypeAlias = bool | Literal["planewise"]
#: Said below a table of several series.
HIDDEN = "descriptions are hidden: dv.options.show_descriptions = True shows them"
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
#: Modalities without images, in words.
_DOCUMENTS = {
    "SR": "structured report",
    "PR": "presentation state",
    "KO": "key object selection",
    "RTSTRUCT": "structure set (contours): read it with segread",
    "RTPLAN": "treatment plan",
    "REG": "registration",
    "DOC": "document",
}


_OTHER_FOLDER = "point to the folder with the images"


class Series:
    """One series, or the part of it that forms a stack of its own.

    Attributes
    ----------
    uid : str
        SeriesInstanceUID (0020,000E).
    modality : str
    description : str
        SeriesDescription, with what sets the part apart in brackets.
    files : tuple of Path
        In the order of the slices.
    shape : tuple of int or None
        Slices, rows, columns; extra dimensions in front, 3 for colour last; None without images.
    spacing : tuple of float or None
        Distance in mm between slices, rows and columns; None where the files do not say.
    reason : str or None
        Why it is no volume; None for a volume.
    warnings : tuple of str
    """

    def __init__(
        self,
        headers: Sequence[Header],
        *,
        part: str = "",
        remarks: Sequence[str] = (),
        beside: Sequence[str] = (),
        is_survey: bool = False,
        reader: Callable[..., Volume],
    ) -> None:
        first = headers[0]
        self._given = headers, remarks
        #: Whether it is one of several planes of a localizer, going by orientations and number of slices.
        self.is_survey = is_survey
        #: What else the series holds, in words.
        self.beside = tuple(beside)
        others = f"the series has other images that are no part of this volume: {names(beside)}"
        self._remarks = (*remarks, others) if beside else tuple(remarks)
        #: What sets it apart from the others of its series; empty where it is the whole series.
        self.part = part
        self.uid = first.series_instance_uid
        self.modality = first.modality
        self.description = first.series_description + (f" [{part}]" if part else "")
        self._stack = assemble(headers)
        self._reader = reader
        self.files: tuple[Path, ...] = tuple(dict.fromkeys(plain(h.path) for h in self._stack.present))
        self.reason = _reason(headers) or self._stack.reason
        self.shape: tuple[int, ...] | None = None
        if first.has_pixels and first.rows and first.columns:
            extra = tuple(len(dimension) for dimension in self._stack.dimensions)
            colour = (3,) if is_color(first) else ()
            self.shape = (*extra, *self._stack.geometry.shape, *colour)

    @property
    def title(self) -> str:
        """What it is called where it is shown: the description only if that may be told."""
        first, geometry = self._given[0][0], self._stack.geometry
        axes = {} if geometry.affine is None or self.shape is None else plane_axes(geometry)
        plane = next((name for name, axis in axes.items() if axis == 0 and name not in self.part), "")
        return series_title(first.series_description, first.series_number, self.part, plane)

    @property
    def spacing(self) -> tuple[float | None, float | None, float | None]:
        """Distance in mm between slices, rows and columns."""
        return self._stack.geometry.spacing

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was noticed while the slices were put in order."""
        return (*self._remarks, *self._stack.warnings)

    @property
    def stack(self) -> Stack:
        """The ordered headers."""
        return self._stack

    def read(self, *, lazy: bool = False) -> Volume:
        """Read the pixels.

        Parameters
        ----------
        lazy : bool
            Whether slices are decoded only when they are asked for, as for :func:`dicomview.volread`.

        Returns
        -------
        Volume

        Raises
        ------
        SeriesError
            If it is no volume.
        DecodeError
            If no slice can be decoded.
        """
        return self._read(lazy)

    def read_planewise(self) -> Volume:
        """Return the volume with an array that decodes a slice when it is asked for, without dask.

        Returns
        -------
        Volume

        Raises
        ------
        SeriesError, DecodeError
            As for :meth:`read`.

        Examples
        --------
        >>> import dicomview as dv
        >>> (series,) = dv.find_series(dv.samples.head_ct())
        >>> series.read_planewise().is_lazy
        True
        """
        return self._read("planewise")

    def _read(self, lazy: Lazy) -> Volume:
        if self.reason:
            raise SeriesError(
                f"{self.title or 'the series'} is no volume: {self.reason}",
                path=self.files[0] if len(self.files) == 1 else None,
                remedy="find_series() shows what else is there",
            )
        with reading(
            self.files[0] if len(self.files) == 1 else self.files[0].parent, "the pixels cannot be read"
        ):
            return self._reader(self, lazy)

    @property
    def images(self) -> dict[tuple[File, int | None, tuple[int, int] | None], None]:
        """File, frame and tile of all its images, also of those that are no slices, in order."""
        return dict.fromkeys((header.path, header.frame, header.tile) for header in self._given[0])

    def again(self, headers: Sequence[Header], reader: Callable[..., Volume]) -> "Series":
        """Return the same series with headers of the same files that were read anew."""
        return Series(
            headers,
            part=self.part,
            remarks=self._given[1],
            beside=self.beside,
            is_survey=self.is_survey,
            reader=reader,
        )

    def row(self) -> tuple[str, ...]:
        """Return modality, title, shape, spacing, files and remark as text."""
        shape = "" if self.shape is None else " × ".join(map(str, self.shape))
        known = any(d is not None for d in self.spacing)
        spacing = format_spacing(self.spacing) if known and self.shape else ""
        remark = self.reason or "; ".join(self.warnings)
        return (
            safe_text(self.modality),
            self.title,
            shape,
            spacing,
            str(len(self.files)),
            remark,
        )

    def __repr__(self) -> str:
        return "Series(" + ", ".join(text for text in self.row() if text) + ")"


class SeriesList(Sequence[Series]):
    """The series at a path; prints as a table.

    Attributes
    ----------
    dropped : tuple of Dropped
        Files that should be DICOM but cannot be read.
    others : int
        Number of files of other kinds that were passed over.
    path : Path or None
        Where that is, if it is one file or folder.
    """

    COLUMNS = ("", "modality", "series", "shape", "spacing", "files", "remark")

    def __init__(
        self,
        series: Sequence[Series],
        *,
        dropped: Sequence[Dropped] = (),
        others: int = 0,
        path: Path | None = None,
    ) -> None:
        self._series = tuple(series)
        self.dropped = tuple(dropped)
        self.others = others
        self.path = path

    @overload
    def __getitem__(self, index: int) -> Series: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Series]: ...
    def __getitem__(self, index: int | slice) -> Series | Sequence[Series]:
        return self._series[index]

    def __len__(self) -> int:
        return len(self._series)

    def __iter__(self) -> Iterator[Series]:
        return iter(self._series)

    @property
    def volumes(self) -> list[Series]:
        """The series that are volumes."""
        return [series for series in self if series.reason is None]

    def rows(self) -> list[tuple[str, ...]]:
        """Return the table without its head."""
        return [(str(i), *series.row()) for i, series in enumerate(self)]

    def notes(self) -> list[str]:
        """Return what stands below the table: files that are no part of any series."""
        notes = [f"not readable: {dropped}" for dropped in self.dropped]
        notes += [f"{self.others} other files"] * bool(self.others)
        if len(self) > 1 and is_hidden("SeriesDescription") and any(one.description for one in self):
            notes.append(HIDDEN)
        return notes

    def __repr__(self) -> str:
        lines = text_table(self.COLUMNS, self.rows())
        if not len(self):
            lines = ["no DICOM series"]
        return "\n".join([*lines, *self.notes()])

    def _repr_html_(self) -> str:
        notes = "".join(f"<div>{escape(note)}</div>" for note in self.notes())
        return html_table(self.COLUMNS, self.rows()) + notes


def is_color(header: Header) -> bool:
    """Return whether the decoded pixels are RGB."""
    return header.samples_per_pixel > 1 or header.photometric_interpretation == "PALETTE COLOR"


def is_localizer(header: Header) -> bool:
    """Return whether the image says that it is a localizer."""
    return "LOCALIZER" in header.image_type


def _reason(headers: Sequence[Header]) -> str | None:
    """Say why images like these are no volume; None when they may be."""
    first = headers[0]
    if not first.has_pixels or not (first.rows and first.columns):
        return _DOCUMENTS.get(first.modality, "no pixel data")
    if is_localizer(first):
        return "localizer"
    if first.sop_class_uid == _WHOLE_SLIDE:
        return "whole slide image: its frames are tiles of one plane, not slices"
    if "MOSAIC" in first.image_type and first.tile is None:
        return "mosaic that does not tell its number of slices, or whose tiles do not fit it"
    if _is_capture(first) and first.frame is None:
        return "secondary capture without position"
    return None


def _is_capture(header: Header) -> bool:
    """Return whether an image is a secondary capture that stands nowhere."""
    of_class = header.sop_class_uid == _SECONDARY_CAPTURE
    of_class |= header.sop_class_uid.startswith(_SECONDARY_CAPTURE + ".")
    return of_class and header.position is None


def choose(found: SeriesList, wanted: int | str | Series | None) -> Series:
    """Return the series that is meant, or raise SeriesError with the table."""
    if wanted is None:
        volumes = found.volumes
        # Neither single images (scouts, bolus tracking) nor planes of a three-plane localizer nor masks,
        # doses and films of screens made from a volume make it ambiguous.
        for is_minor in (_is_single_image, _is_survey, _is_derived):
            if len(volumes) > 1:
                volumes = [s for s in volumes if not is_minor(s)] or volumes
        if len(volumes) == 1:
            return volumes[0]
        if not volumes:
            raise no_volume(found)
        raise _undecided(found, f"{len(volumes)} volumes are here")
    if isinstance(wanted, Series):
        return wanted
    if isinstance(wanted, int | np.integer):
        if not -len(found) <= int(wanted) < len(found):
            raise _undecided(found, f"there is no series number {wanted}")
        return found[int(wanted)]
    if not isinstance(wanted, str) or not wanted:
        raise _undecided(found, f"series={wanted!r} is no way to choose")
    hits = [s for s in found if s.uid == wanted] or [
        s for s in found if wanted.casefold() in s.description.casefold()
    ]
    hits = [s for s in hits if s.reason is None] or hits
    if len(hits) != 1:
        raise _undecided(found, f"series={wanted!r} fits {len(hits)} series")
    return hits[0]


def _is_survey(series: Series) -> bool:
    return series.is_survey


def _is_derived(series: Series) -> bool:
    return series.modality in ("SEG", "RTDOSE") or _is_capture(series.stack.present[0])


def _is_single_image(series: Series) -> bool:
    return series.shape is not None and len(series.stack.headers) == 1


def _undecided(found: SeriesList, cause: str) -> SeriesError:
    """Return the error with the table to choose from."""
    return SeriesError(
        f"{cause}\n{found!r}",
        path=found.path,
        remedy="choose with series= a number, a UID or a part of the description",
    )


def no_volume(found: SeriesList) -> DicomviewError:
    """Return the error about what is there instead of a volume; a single file tells itself what is wrong."""
    if len(found):
        return SeriesError(f"no volume is here\n{found!r}", path=found.path, remedy=_OTHER_FOLDER)
    if len(found.dropped) == 1 and found.dropped[0].error is not None and not found.others:
        return found.dropped[0].error
    if found.dropped:
        rows = "\n".join(map(str, found.dropped))
        remedy = "do what is said of each, or " + _OTHER_FOLDER
        return SeriesError(f"no file could be read as DICOM\n{rows}", path=found.path, remedy=remedy)
    if found.others:
        cause = f"none of the {found.others} files is DICOM"
        return SeriesError(cause, path=found.path, remedy=_OTHER_FOLDER)
    return SeriesError("the folder is empty", path=found.path, remedy=_OTHER_FOLDER)

"""Series: what a folder holds, told from headers alone."""

from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any, overload

import numpy as np

from dicomview.errors import SeriesError
from dicomview.geometry import plane_of
from dicomview.io.assemble import Stack, assemble, names, slots_of
from dicomview.io.header import Header
from dicomview.volume import Dropped, Volume
from dicomview.volume.describe import format_spacing
from dicomview.volume.meta import safe_text

__all__ = ["Series", "SeriesList", "group_headers"]

#: Orientations whose cosines differ by less belong to one stack.
ORIENTATION_TOLERANCE = 1e-3
#: Relative difference of PixelSpacing within one stack.
SPACING_TOLERANCE = 1e-4

_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
#: Modalities without images, in words.
_DOCUMENTS = {
    "SR": "structured report",
    "PR": "presentation state",
    "KO": "key object selection",
    "RTSTRUCT": "structure set (contours)",
    "RTPLAN": "treatment plan",
    "REG": "registration",
    "DOC": "document",
}
#: Attributes that separate images taken at the same positions, and how they are called.
_SEPARATORS: tuple[tuple[str, Callable[[Header], Any]], ...] = (
    ("ImageType", lambda h: "\\".join(h.image_type)),
    ("ConvolutionKernel", lambda h: h.convolution_kernel),
)


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
        is_survey: bool = False,
        reader: Callable[..., Volume],
    ) -> None:
        first = headers[0]
        #: Whether it is one of several planes of a localizer, going by orientations and number of slices.
        self.is_survey = is_survey
        self._remarks = tuple(remarks)
        self.uid = first.series_instance_uid
        self.modality = first.modality
        self.description = first.series_description + (f" [{part}]" if part else "")
        self._stack = assemble(headers)
        self._reader = reader
        self.files: tuple[Path, ...] = tuple(dict.fromkeys(Path(h.path) for h in self._stack.present))
        self.reason = _reason(headers) or self._stack.reason
        self.shape: tuple[int, ...] | None = None
        if first.has_pixels and first.rows and first.columns:
            extra = tuple(len(dimension) for dimension in self._stack.dimensions)
            colour = (3,) if is_color(first) else ()
            self.shape = (*extra, *self._stack.geometry.shape, *colour)

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

    def read(self) -> Volume:
        """Read the pixels.

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
        if self.reason:
            raise SeriesError(f"{safe_text(self.description) or 'the series'} is no volume: {self.reason}")
        return self._reader(self)

    def row(self) -> tuple[str, ...]:
        """Return modality, description, shape, spacing, files and remark as text."""
        shape = "" if self.shape is None else " × ".join(map(str, self.shape))
        known = any(d is not None for d in self.spacing)
        spacing = format_spacing(self.spacing) if known and self.shape else ""
        remark = self.reason or "; ".join(self.warnings)
        return (
            safe_text(self.modality),
            safe_text(self.description),
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
    """

    COLUMNS = ("", "modality", "description", "shape", "spacing", "files", "remark")

    def __init__(self, series: Sequence[Series], *, dropped: Sequence[Dropped] = (), others: int = 0) -> None:
        self._series = tuple(series)
        self.dropped = tuple(dropped)
        self.others = others

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

    def _notes(self) -> list[str]:
        notes = [f"not readable: {dropped}" for dropped in self.dropped]
        return [*notes, f"{self.others} other files"] if self.others else notes

    def __repr__(self) -> str:
        table = [self.COLUMNS, *self.rows()]
        widths = [max(len(row[i]) for row in table) for i in range(len(self.COLUMNS))]
        lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in table]
        if not len(self):
            lines = ["no DICOM series"]
        return "\n".join([*lines, *self._notes()])

    def _repr_html_(self) -> str:
        head = "".join(_cell("th", text) for text in self.COLUMNS)
        body = "".join(f"<tr>{''.join(_cell('td', text) for text in row)}</tr>" for row in self.rows())
        notes = "".join(f"<div>{escape(note)}</div>" for note in self._notes())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"


def _cell(tag: str, text: str) -> str:
    return f"<{tag} style='text-align:left'>{escape(text)}</{tag}>"


def is_color(header: Header) -> bool:
    """Return whether the decoded pixels are RGB."""
    return header.samples_per_pixel > 1 or header.photometric_interpretation == "PALETTE COLOR"


def group_headers(headers: Sequence[Header], *, reader: Callable[..., Volume]) -> list[Series]:
    """Group headers into series, and series into stacks of one size, orientation and kind.

    Parameters
    ----------
    headers : sequence of Header
    reader : callable
        Reads the pixels of a Series; given to each of them.

    Returns
    -------
    list of Series
        By SeriesNumber.
    """
    by_uid: dict[tuple[str, str], list[Header]] = {}
    for header in headers:
        # Images that name no series are kept together by their folder.
        key = (header.series_instance_uid, "" if header.series_instance_uid else str(header.path.parent))
        by_uid.setdefault(key, []).append(header)
    result: list[tuple[float, Series]] = []
    for (uid, _), members in by_uid.items():
        remarks = (
            []
            if uid
            else [
                "SeriesInstanceUID (0020,000E) is absent: the images of the folder are taken for one series"
            ]
        )
        stacks = [
            (" ".join(filter(None, (part, kind))), subset)
            for part, group in _alike(members)
            for kind, subset in _separate_kinds(group)
        ]
        survey = _is_survey([group for _, group in stacks])
        for part, group in stacks:
            number = group[0].series_number
            rank = float("inf") if number is None else number
            others = [
                f"{len({h.path for h in other})} file(s) {label}".rstrip()
                for label, other in stacks
                if other is not group
            ]
            beside = f"the series has other images that are no part of this volume: {names(others)}"
            series = Series(
                group,
                part=part if len(stacks) > 1 else "",
                remarks=(*remarks, beside) if others else remarks,
                is_survey=survey,
                reader=reader,
            )
            result.append((rank, series))
    return [series for _, series in sorted(result, key=lambda item: item[0])]


def _is_survey(groups: Sequence[Sequence[Header]]) -> bool:
    """Return whether the parts of a series look like a localizer: several orientations, few slices each."""
    planes = {_orientation_name(group[0]) for group in groups if group[0].orientation is not None}
    return len(planes) > 1 and max(map(len, groups)) <= 20


def _alike(members: Sequence[Header]) -> list[tuple[str, list[Header]]]:
    """Split by what makes a common grid impossible; label the parts by what differs."""
    groups: list[list[Header]] = []
    for header in members:
        for group in groups:
            if _same_grid(group[0], header):
                group.append(header)
                break
        else:
            groups.append([header])
    if len(groups) == 1:
        return [("", groups[0])]
    labels = [", ".join(dict.fromkeys(filter(None, words))) for words in _differences([g[0] for g in groups])]
    twice = {label for label in labels if labels.count(label) > 1}
    return [
        (f"{label} part {i}".strip() if label in twice else label, group)
        for i, (label, group) in enumerate(zip(labels, groups), 1)
    ]


def _differences(firsts: Sequence[Header]) -> list[tuple[str, ...]]:
    """Describe each of several images by what is not the same for all of them."""
    described = [
        (
            f"{h.rows} × {h.columns}",
            "" if h.has_pixels else "without pixel data",
            f"{h.number_of_frames} frames" if h.frame is not None else "",
            f"stack {h.stack_id}" if h.stack_id else "",
            "" if h.orientation is not None else "without orientation",
            _orientation_name(h),
            "" if h.pixel_spacing is None else f"{h.pixel_spacing[0]:.3g} mm pixels",
            "localizer" if _is_localizer(h) else "",
            "colour" if h.samples_per_pixel > 1 else "",
        )
        for h in firsts
    ]
    varies = [len(set(column)) > 1 for column in zip(*described)]
    return [tuple(word for word, differs in zip(words, varies) if differs) for words in described]


def _orientation_name(header: Header) -> str:
    """Name the plane of an image."""
    if header.orientation is None:
        return ""
    return plane_of(np.cross(header.orientation[:3], header.orientation[3:]))


def _same_grid(a: Header, b: Header) -> bool:
    """Return whether two images can be slices of one volume."""
    return (
        (a.rows, a.columns, a.samples_per_pixel, a.has_pixels, a.stack_id)
        == (b.rows, b.columns, b.samples_per_pixel, b.has_pixels, b.stack_id)
        and ((a.frame is None) == (b.frame is None))
        and is_color(a) == is_color(b)
        # Films without a place are each on their own.
        and (a.frame is None or a.position is not None or a.sop_instance_uid == b.sop_instance_uid)
        and _is_localizer(a) == _is_localizer(b)
        and _close(a.pixel_spacing, b.pixel_spacing, relative=SPACING_TOLERANCE)
        and _close(a.orientation, b.orientation, absolute=ORIENTATION_TOLERANCE)
    )


def _close(
    a: Sequence[float] | None, b: Sequence[float] | None, *, relative: float = 0.0, absolute: float = 0.0
) -> bool:
    if a is None or b is None:
        return a is b
    return bool(np.allclose(a, b, rtol=relative, atol=absolute))


def _separate_kinds(group: Sequence[Header]) -> list[tuple[str, list[Header]]]:
    """Split images taken at the same positions by kind: magnitude and phase, kernels."""
    placed = [h for h in group if h.position is not None and h.orientation is not None]
    if len(placed) < len(group):
        return [("", list(group))]
    if not _crowded(group):
        return _separate_times(group)
    slots = slots_of(group)[2]
    for name, value_of in _SEPARATORS:
        parts: dict[Any, list[Header]] = {}
        for header in group:
            parts.setdefault(value_of(header), []).append(header)
        # It is the kind that puts two images at one place if no two of a kind share one, or if each kind
        # covers all places equally often (and time or another dimension does the rest).
        whole = all(_covers(part, len(slots)) for part in parts.values())
        if len(parts) > 1 and (whole or not any(_crowded(part) for part in parts.values())):
            return [
                (" ".join(filter(None, (f"{name} {value}", label))), subset)
                for value, part in parts.items()
                for label, subset in _separate_kinds(part)
            ]
    return [("", list(group))]


def _covers(part: Sequence[Header], count: int) -> bool:
    """Return whether a part has equally many images at each of so many positions."""
    slots = slots_of(part)[2]
    return len(slots) == count and len({len(slot) for slot in slots}) == 1


def _separate_times(group: Sequence[Header]) -> list[tuple[str, list[Header]]]:
    """Split time points whose slices lie between each other's (shuttle scans): they are no one stack."""
    name = "TemporalPositionIdentifier"
    parts: dict[float | None, list[Header]] = {}
    for header in group:
        parts.setdefault(dict(header.keys).get(name), []).append(header)
    sizes = {len(part) for part in parts.values()}
    if len(parts) > 1 and None not in parts and len(sizes) == 1 and sizes.pop() > 1:
        return [(f"{name} {value:g}", part) for value, part in parts.items()]
    return [("", list(group))]


def _crowded(group: Sequence[Header]) -> bool:
    """Return whether several images lie at one position."""
    unique = {h.identity: h for h in group}
    return any(len(slot) > 1 for slot in slots_of(list(unique.values()))[2])


def _is_localizer(header: Header) -> bool:
    return "LOCALIZER" in header.image_type


def _reason(headers: Sequence[Header]) -> str | None:
    """Say why images like these are no volume; None when they may be."""
    first = headers[0]
    if not first.has_pixels or not (first.rows and first.columns):
        return _DOCUMENTS.get(first.modality, "no pixel data")
    if _is_localizer(first):
        return "localizer"
    if "MOSAIC" in first.image_type and first.tile is None:
        return "mosaic that does not tell its number of slices"
    capture = first.sop_class_uid == _SECONDARY_CAPTURE or first.sop_class_uid.startswith(
        _SECONDARY_CAPTURE + "."
    )
    if capture and first.position is None:
        return "secondary capture without position"
    return None

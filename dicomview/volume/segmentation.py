"""Segmentation: segments or regions, their masks, and these masks on the grid of a volume."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any, Literal

import numpy as np

from dicomview.errors import GeometryError, SegmentError
from dicomview.geometry import Geometry
from dicomview.volume.contours import Contour, Placed, fill_even_odd, place_contours
from dicomview.volume.describe import html_table, text_table
from dicomview.volume.masks import MaskPlane, transfer
from dicomview.volume.memory import check_budget
from dicomview.volume.meta import Meta, safe_text, slice_thickness
from dicomview.volume.reference import other_frame_of_reference
from dicomview.volume.report import Report
from dicomview.volume.segment import Segment, pick
from dicomview.volume.volume import Volume

__all__ = ["Kind", "Segmentation"]

Kind = Literal["binary", "fractional", "labelmap", "contours"]
#: What helps where a mask is too large.
_SMALLER = "put the segmentation on a smaller volume with on()"

#: Gives the slices of a segment's mask that are not empty, and adds to a list what a reader should know.
Planes = Callable[[Segment, list[str]], Iterator[MaskPlane]]


class Segmentation:
    """Segments with a mask each; read by :func:`dicomview.segread`.

    ``seg["liver"]`` or ``seg[1]`` gives a mask as a :class:`Volume`: bool, or float32 from 0 to 1 of a
    fractional segmentation. Masks may overlap; a segment without any frame or contour has an empty mask.

    Attributes
    ----------
    segments : tuple of Segment
    kind : {"binary", "fractional", "labelmap", "contours"}
    geometry : Geometry or None
        The grid of the masks; None for contours, until they are put :meth:`on` a volume.
    frame_of_reference_uid : str or None
    referenced_series_uids : tuple of str
        SeriesInstanceUID of the images that were segmented.
    fractional_type : str or None
        SegmentationFractionalType: ``"PROBABILITY"`` or ``"OCCUPANCY"``.
    meta : Meta
        Header elements of the file.
    report : Report

    Examples
    --------
    >>> mask = np.zeros((2, 4, 4), dtype=bool)
    >>> mask[1, 1:3, 1:3] = True
    >>> volume = Volume.from_array(np.zeros((2, 4, 4)), affine=np.eye(4))
    >>> seg = Segmentation.from_masks({"liver": mask}, volume.geometry)
    >>> int(seg["liver"].sum()), seg.labelmap()[1, 1].tolist(), seg.on(volume)[1].shape
    (4, [0, 1, 1, 0], (2, 4, 4))
    """

    def __init__(
        self,
        segments: Sequence[Segment],
        *,
        kind: Kind,
        geometry: Geometry | None = None,
        planes: Planes | None = None,
        contours: Mapping[int, Sequence[Contour]] | None = None,
        frame_of_reference_uid: str | None = None,
        referenced_series_uids: Sequence[str] = (),
        referenced_image_uids: Sequence[str] = (),
        fractional_type: str | None = None,
        thickness: float | None = None,
        meta: Mapping[str, Any] | None = None,
        report: Report | None = None,
    ) -> None:
        self.segments = tuple(segments)
        self.kind: Kind = kind
        self.geometry = geometry
        self.frame_of_reference_uid = frame_of_reference_uid
        self.referenced_series_uids = tuple(referenced_series_uids)
        self._image_uids = frozenset(referenced_image_uids)
        self.fractional_type = fractional_type
        self.meta = Meta(meta or {})
        self.report = report or Report()
        self._general = self.report.warnings  # those that concern every mask
        self._planes = planes
        self._contours = dict(contours or {})
        self._thickness = thickness

    @classmethod
    def from_masks(
        cls, masks: Mapping[str, Any], geometry: Geometry, *, thickness: float | None = None
    ) -> "Segmentation":
        """Make a segmentation of arrays.

        Parameters
        ----------
        masks : mapping of str to array_like of shape ``geometry.shape``
            By label; numbered from 1 in this order.
        geometry : Geometry
        thickness : float, optional
            In mm, of a single slice.
        """
        arrays = {i: np.asarray(mask) != 0 for i, mask in enumerate(masks.values(), 1)}
        for array in arrays.values():
            if array.shape != geometry.shape:
                raise GeometryError(
                    f"a mask has {array.shape} voxels, its geometry {geometry.shape}",
                    remedy="give each mask the shape of the geometry",
                )

        def planes(segment: Segment, notes: list[str]) -> Iterator[MaskPlane]:
            array = arrays[segment.number]
            return ((k, array[k]) for k in range(len(array)) if array[k].any())

        segments = [Segment(i, label) for i, label in enumerate(masks, 1)]
        return cls(segments, kind="binary", geometry=geometry, planes=planes, thickness=thickness)

    # -- segments -------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.segments)

    def __iter__(self) -> Iterator[Segment]:
        return iter(self.segments)

    def __contains__(self, key: object) -> bool:
        return any(segment is key or key in (segment.number, segment.label) for segment in self.segments)

    def segment(self, key: int | str | Segment) -> Segment:
        """Return the segment of a number or label.

        Parameters
        ----------
        key : int, str or Segment
            Number; or label, where upper and lower case count only if they tell labels apart.

        Raises
        ------
        SegmentError
            If there is none, or several of this label.
        """
        return pick(self.segments, key)

    # -- masks ----------------------------------------------------------------------------------------

    def __getitem__(self, key: int | str | Segment) -> Volume:
        segment = self.segment(key)
        geometry = self._grid()
        notes: list[str] = []
        dtype = np.dtype(np.float32 if self.kind == "fractional" else bool)
        check_budget(geometry.shape, dtype.itemsize, "the mask", _SMALLER)
        array = np.zeros(geometry.shape, dtype)
        for k, plane in self._mask_planes(segment, notes):
            array[k] = plane
        return self._volume(array, segment, notes)

    def labelmap(self, segments: Sequence[int | str | Segment] | None = None) -> Volume:
        """Return all masks in one volume, each voxel with the number of its segment.

        Parameters
        ----------
        segments : sequence of int or str, optional
            Only these.

        Returns
        -------
        Volume
            uint8, or uint16 where a number needs it; 0 where there is no segment (and in segment 0, which
            label maps may have for the background).

        Raises
        ------
        SegmentError
            If masks overlap, the message says which; if they are fractional; if a number does not fit.
        MemoryBudgetError
            If the label map would take more memory than ``dicomview.options.memory_budget``.
        """
        if self.kind == "fractional":
            raise SegmentError(
                "fractional masks have no labels", remedy="compare seg[...] with a threshold of your own"
            )
        chosen = self.segments if segments is None else tuple(map(self.segment, segments))
        geometry = self._grid()
        highest = max((s.number for s in chosen), default=0)
        dtype = np.dtype(np.uint8 if highest < 256 else np.uint16)
        check_budget(geometry.shape, dtype.itemsize, "the label map", _SMALLER)
        array = np.zeros(geometry.shape, dtype)
        overlaps: dict[tuple[int, int], int] = {}
        notes: list[str] = []
        for segment in chosen:
            if segment.number == 0 and self.kind == "labelmap":
                continue
            for k, plane in self._mask_planes(segment, notes):
                if not 0 < segment.number < 65536:
                    raise SegmentError(
                        f"a label is a number from 1 to 65535, which {segment} has not",
                        tag="SegmentNumber",
                        remedy="leave this segment out: labels(segments=[...])",
                    )
                inside = plane != 0
                for number, count in zip(*np.unique(array[k][inside], return_counts=True)):
                    if number:
                        pair = int(number), segment.number
                        overlaps[pair] = overlaps.get(pair, 0) + int(count)
                array[k][inside] = segment.number
        if overlaps:
            told = [
                f"{self.segment(a)} and {self.segment(b)} in {n} voxels" for (a, b), n in overlaps.items()
            ]
            raise SegmentError(
                "segments of a label map must not overlap, as do "
                f"{'; '.join(told[:5])}{' ...' if len(told) > 5 else ''}",
                remedy="take the masks one by one, or name segments that do not",
            )
        return self._volume(array, None, notes)

    def contours(self, key: int | str | Segment) -> list[Contour]:
        """Return the contours of a region, in LPS mm; none of a segment that is made of voxels.

        Returns
        -------
        list of Contour
            In the order of the file, also open ones and points.

        Raises
        ------
        SegmentError
            If there is no such segment.
        """
        return list(self._contours.get(self.segment(key).number, ()))

    def on(self, volume: Volume, *, ignore_frame_of_reference: bool = False) -> "Segmentation":
        """Return the segmentation with its masks on the grid of a volume, by position in the patient.

        Parameters
        ----------
        volume : Volume
            Of any orientation; only its grid and header are used.
        ignore_frame_of_reference : bool, optional
            Also where FrameOfReferenceUID says that positions have another meaning.

        Returns
        -------
        Segmentation
            Masks of voxels are copied voxel by voxel where each voxel of theirs is one of the volume's
            (axes in another order, a crop, other slices); otherwise the nearest voxel counts, and fractions
            are interpolated linearly. On the very series that was segmented, a slice without a frame is
            empty. Contours are filled in the slice that is nearest, within half a slice: a voxel is
            inside when its centre is inside an odd number of contours. ``report.warnings`` and those of
            every mask say what has no place in the volume.

        Raises
        ------
        GeometryError
            If the volume or the masks have no place in the patient, or in another frame of reference.

        References
        ----------
        DICOM PS3.3 C.7.4.1 (Frame of Reference), C.8.8.6 (ROI Contour Module).
        """
        if volume.geometry.affine is None:
            raise GeometryError(
                "masks are put on a volume by position, and this volume has no affine",
                remedy="give it one with Volume.from_array(array, affine=...)",
            )
        warnings, strangers = self._other_frames(volume)
        if ignore_frame_of_reference:
            strangers = {}
        if strangers and len(strangers) >= len(self.segments):
            raise _elsewhere(next(iter(strangers.values())))
        general = (*self._general, *warnings)
        planes, told = self._filled(volume) if self.kind == "contours" else (self._moved(volume), ())

        def checked(segment: Segment, notes: list[str]) -> Iterator[MaskPlane]:
            if segment.number in strangers:
                raise _elsewhere(strangers[segment.number])
            return planes(segment, notes)

        result = Segmentation(
            self.segments,
            kind=self.kind,
            geometry=volume.geometry,
            planes=checked,
            contours=self._contours,
            frame_of_reference_uid=volume.meta.get("FrameOfReferenceUID") or self.frame_of_reference_uid,
            referenced_series_uids=self.referenced_series_uids,
            fractional_type=self.fractional_type,
            thickness=slice_thickness(volume.meta),
            meta=self.meta,
            report=replace(
                self.report, warnings=(*general, *map(str, map(_elsewhere, strangers.values())), *told)
            ),
        )
        result._general = general
        return result

    def _other_frames(self, volume: Volume) -> tuple[list[str], dict[int, str]]:
        """Return warnings, and the segments whose positions have another meaning than the volume's."""
        keyword = "FrameOfReferenceUID"
        strangers, unknown = {}, False
        for segment in self.segments:
            ours = segment.frame_of_reference_uid or self.frame_of_reference_uid
            unknown = unknown or not ours
            differs = other_frame_of_reference({keyword: ours}, volume.meta)
            if differs:
                strangers[segment.number] = (
                    f"{segment} and the volume must share a frame of reference: {differs}"
                )
        absent = "FrameOfReferenceUID (0020,0052) is absent: positions are taken to mean the same"
        return ([absent] if unknown or not volume.meta.get(keyword) else []), strangers

    def _moved(self, volume: Volume) -> Planes:
        """Return the masks of voxels on the grid of a volume."""
        source = self._grid()
        if source.affine is None:
            raise GeometryError(
                "the masks have no place in the patient, they cannot be put on a volume",
                remedy="give them a geometry with an affine",
            )
        is_source = volume.meta.get("SeriesInstanceUID") in self.referenced_series_uids or any(
            source is not None and source.sop_instance_uid in self._image_uids for source in volume.sources
        )

        def planes(segment: Segment, notes: list[str]) -> Iterator[MaskPlane]:
            return transfer(
                self._mask_planes(segment, notes),
                source,
                volume.geometry,
                is_source_series=is_source,
                thickness=self._thickness,
                notes=notes,
            )

        return planes

    def _filled(self, volume: Volume) -> tuple[Planes, list[str]]:
        """Return the masks of contours on the grid of a volume, and what has no mask."""
        geometry = volume.geometry
        placed: dict[int, Placed] = {
            segment.number: place_contours(
                self._contours.get(segment.number, ()),
                geometry,
                name=segment.title,
                thickness=slice_thickness(volume.meta),
            )
            for segment in self.segments
        }

        def planes(segment: Segment, notes: list[str]) -> Iterator[MaskPlane]:
            region = placed[segment.number]
            notes += region.warnings
            if region.problem:
                raise SegmentError(region.problem, remedy="put it on the volume on which it was drawn")
            for k, polygons in region.slices.items():
                yield k, fill_even_odd(polygons, geometry.shape[1:])

        return planes, [text for region in placed.values() for text in region.warnings]

    def _grid(self) -> Geometry:
        if self.geometry is None:
            raise SegmentError(
                "contours have no voxels",
                remedy="put them on a volume with seg.on(volume)[...], or give one to read them, "
                "segread(path, reference=volume)",
            )
        return self.geometry

    def _mask_planes(self, segment: Segment, notes: list[str]) -> Iterator[MaskPlane]:
        return iter(()) if self._planes is None else self._planes(segment, notes)

    def _volume(self, array: np.ndarray, segment: Segment | None, notes: Sequence[str]) -> Volume:
        meta = self.meta.copy()
        if segment is not None and segment.label:
            meta["SegmentLabel"] = segment.title if segment.is_region else segment.label
        if self.frame_of_reference_uid:
            meta["FrameOfReferenceUID"] = self.frame_of_reference_uid
        warnings = tuple(dict.fromkeys((*self._general, *notes)))
        return Volume(array, geometry=self._grid(), meta=meta, report=replace(self.report, warnings=warnings))

    # -- showing --------------------------------------------------------------------------------------

    COLUMNS = ("number", "label", "type", "algorithm", "colour", "contours")

    def rows(self) -> list[tuple[str, ...]]:
        """Return number, label, type, algorithm, colour and number of contours of each segment as text."""
        return [
            (
                str(s.number),
                s.title,
                safe_text(s.property_type or s.interpreted_type or ""),
                safe_text(s.algorithm_type or ""),
                "#{:02x}{:02x}{:02x}".format(*s.color) if s.color else "",
                str(len(self._contours.get(s.number, ()))) if self.kind == "contours" else "",
            )
            for s in self.segments
        ]

    def _heading(self) -> str:
        grid = "" if self.geometry is None else f", {' × '.join(map(str, self.geometry.shape))}"
        return f"Segmentation {self.kind}, {len(self)} segment{'s' * (len(self) != 1)}{grid}"

    def __repr__(self) -> str:
        return "\n".join([self._heading(), *text_table(self.COLUMNS, self.rows()), *self.report.warnings])

    def _repr_html_(self) -> str:
        notes = "".join(f"<div>{escape(text)}</div>" for text in self.report.warnings)
        return f"<div>{escape(self._heading())}</div>{html_table(self.COLUMNS, self.rows())}{notes}"


def _elsewhere(cause: str) -> GeometryError:
    """Return the error about positions that have another meaning than the volume's."""
    return GeometryError(
        cause,
        tag="FrameOfReferenceUID",
        remedy="register them, or pass ignore_frame_of_reference=True if their positions agree",
    )

"""Reading structure sets (RTSTRUCT): regions of interest and their contours."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from dicomview.errors import DecodeError
from dicomview.io.assemble import names
from dicomview.io.failures import COPY, reading, words_of
from dicomview.io.header import exact, number
from dicomview.io.headers import meta_from_dataset
from dicomview.io.inflate import opened
from dicomview.io.sources import File
from dicomview.volume import Contour, Report, Segment, Segmentation

__all__ = ["STRUCTURE_SET", "read_structures", "text_of"]

STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"


def read_structures(file: File) -> Segmentation:
    """Read the regions of a structure set.

    Parameters
    ----------
    file : Path or MemoryFile

    Returns
    -------
    Segmentation
        Of kind ``"contours"``, without a grid.

    Raises
    ------
    DecodeError
        If the file or a contour cannot be read; the message names the region.

    References
    ----------
    DICOM PS3.3 C.8.8.5 (Structure Set Module), C.8.8.6 (ROI Contour Module), C.8.8.8 (RT ROI Observations).
    """
    with reading(file, "the structure set cannot be read"):
        with opened(file) as stream:
            dataset = pydicom.dcmread(stream, force=True)
        return _segmentation(dataset)


def _segmentation(dataset: Dataset) -> Segmentation:
    rois = {exact(item.ROINumber, int): item for item in dataset.get("StructureSetROISequence") or ()}
    outlines: dict[int, list[Dataset]] = {}
    for item in dataset.get("ROIContourSequence") or ():
        outlines.setdefault(exact(item.ReferencedROINumber, int), []).append(item)
    observed: dict[int, Dataset] = {}
    for item in dataset.get("RTROIObservationsSequence") or ():
        observed.setdefault(exact(item.get("ReferencedROINumber"), int), item)
    unnamed = sorted(set(outlines) - set(rois))
    warnings = [f"region {n} has contours, but no item in StructureSetROISequence" for n in unnamed]
    segments = [
        _region(n, rois.get(n, Dataset()), outlines.get(n, []), observed.get(n)) for n in [*rois, *unnamed]
    ]
    contours = {
        s.number: [
            _contour(item, s)
            for outline in outlines.get(s.number, ())
            for item in outline.get("ContourSequence") or ()
        ]
        for s in segments
    }
    warnings += _miscounted(outlines)
    repeated = [label for label, count in Counter(s.label for s in segments).items() if count > 1]
    if repeated:
        warnings.append(f"{len(repeated)} names are those of several regions: take them by number")
    frames = {s.frame_of_reference_uid for s in segments}
    studies = [
        study
        for frame in dataset.get("ReferencedFrameOfReferenceSequence") or ()
        for study in frame.get("RTReferencedStudySequence") or ()
    ]
    series = [
        text_of(item, "SeriesInstanceUID")
        for study in studies
        for item in study.get("RTReferencedSeriesSequence") or ()
    ]
    return Segmentation(
        segments,
        kind="contours",
        contours=contours,
        frame_of_reference_uid=frames.pop() if len(frames) == 1 else None,
        referenced_series_uids=[uid for uid in dict.fromkeys(series) if uid],
        meta=_meta(dataset),
        report=Report(tuple(warnings)),
    )


def _miscounted(outlines: Mapping[int, Sequence[Dataset]]) -> list[str]:
    """Say which regions have contours whose number of points is not the one that is told."""
    regions = [
        str(region)
        for region, items in outlines.items()
        if any(_is_miscounted(c) for item in items for c in item.get("ContourSequence") or ())
    ]
    if not regions:
        return []
    return [
        f"contours of region {names(regions)} do not have as many points as NumberOfContourPoints "
        "(3006,0046) tells: some may be lost"
    ]


def _is_miscounted(contour: Dataset) -> bool:
    raw = contour.get_item("ContourData")
    if raw is None or not isinstance(raw.value, bytes):
        return False
    told = number(contour.get("NumberOfContourPoints"), int)
    return told is not None and 3 * told != raw.value.count(b"\\") + 1


def _meta(dataset: Dataset) -> dict[str, object]:
    """Return the header without the contours, which are as large as an image."""
    bare = Dataset()
    for tag in dataset.keys():  # noqa: SIM118 - iterating a Dataset gives elements
        if tag != 0x30060039:  # ROIContourSequence
            bare[tag] = dataset.get_item(tag)
    return meta_from_dataset(bare)


def _region(number: int, item: Dataset, outlines: list[Dataset], observed: Dataset | None) -> Segment:
    """Put together what three sequences say of one region."""
    color = next((c for o in outlines if (c := o.get("ROIDisplayColor")) is not None), None)
    valid = color is not None and not isinstance(color, str) and len(color) == 3
    return Segment(
        number=number,
        label=text_of(item, "ROIName") or "",
        description=text_of(item, "ROIDescription"),
        algorithm_type=text_of(item, "ROIGenerationAlgorithm"),
        color=tuple(min(max(int(c), 0), 255) for c in color) if valid else None,  # type: ignore[arg-type, union-attr]
        interpreted_type=None if observed is None else text_of(observed, "RTROIInterpretedType"),
        frame_of_reference_uid=text_of(item, "ReferencedFrameOfReferenceUID"),
        is_region=True,
    )


def _contour(item: Dataset, segment: Segment) -> Contour:
    """Read the points of a contour; numbers by the thousand, so straight from the text of the file."""
    raw = item.get_item("ContourData")
    value = b"" if raw is None else raw.value
    try:
        if isinstance(value, bytes):
            texts = value.strip(b" \0").split(b"\\")
            if b"_" in value:  # which Python takes for a part of a number
                raise ValueError("no numbers")
            numbers = np.array([float(text) for text in texts if text.strip()])
        else:
            numbers = np.array(value, dtype=np.float64).reshape(-1)
        if len(numbers) % 3 or not np.isfinite(numbers).all():
            raise ValueError(f"{len(numbers)} values are no points in space")
    except (TypeError, ValueError) as error:
        raise DecodeError(
            f"ContourData of region {segment} cannot be read ({words_of(error)})",
            tag="ContourData",
            remedy=COPY,
        ) from None
    images = item.get("ContourImageSequence")
    return Contour(
        numbers.reshape(-1, 3),
        text_of(item, "ContourGeometricType") or "",
        text_of(images[0], "ReferencedSOPInstanceUID") if images else None,
    )


def text_of(item: Dataset, keyword: str) -> str | None:
    """Return an element as text; None where it is absent or empty."""
    value = item.get(keyword)
    return None if value is None or str(value).strip() == "" else str(value)

"""Remarks: the report of how a series became a volume."""

from collections.abc import Mapping, Sequence

from dicomview.errors import DicomviewError
from dicomview.geometry import Geometry
from dicomview.geometry.middle import median
from dicomview.io.assemble import names
from dicomview.io.header import Header
from dicomview.io.realworld import mapping_warnings
from dicomview.io.series import Series
from dicomview.volume import Disagreement, Dropped, Meta, Report

__all__ = ["report_of"]

#: A distance in the header may differ by the larger of these (mm, fraction) from the positions.
AGREES_MM, AGREES_FRACTION = 0.01, 0.01
_BURNED = "BurnedInAnnotation"
#: What all images of a series share, and what it means if they do not.
_SHARED = (
    ("PatientID", "0010,0020", "they may be of several patients"),
    ("FrameOfReferenceUID", "0020,0052", "their positions may not compare"),
    ("PhotometricInterpretation", "0028,0004", "dark and bright may not mean the same in all of them"),
)
#: Modalities whose pictures have text in them more often than not.
LETTERED = (
    "US", "IVUS", "ES", "XA", "RF", "XC", "SC", "OT", "GM", "SM", "OP", "OPV", "CR", "DX", "DR", "MG", "PX",
)  # fmt: skip
#: An angle in the header may differ by so much, degrees.
AGREES_DEGREES = 0.5


def report_of(
    series: Series,
    meta: Meta,
    failed: Mapping[int, DicomviewError],
    unreadable: Sequence[Dropped],
    missing: tuple[int | tuple[int, ...], ...],
    told: Sequence[str] = (),
) -> Report:
    """Return the report of a volume.

    Parameters
    ----------
    series : Series
        What was read.
    meta : Meta
        What the header says.
    failed : mapping of int to DicomviewError
        Slices that could not be decoded.
    unreadable : sequence of Dropped
        Files beside the series that could not be read.
    missing : tuple of int or tuple
        Places of all empty slices.
    told : sequence of str
        What was noticed while the slices were decoded.
    """
    stack = series.stack
    steps = _steps(stack.geometry)
    this = f"{len(series.files)} file(s) {series.part}".rstrip()
    return Report(
        (
            *series.warnings,
            *mapping_warnings(stack.present),
            *_mixed(meta),
            *burned_in(meta),
            *told,
            *_empty_slices(failed),
            *_unreadable_files(unreadable),
        ),
        (*stack.dropped, *unreadable),
        missing,
        groups=(f"{this} (this volume)", *series.beside) if series.beside else (),
        sorted_by=stack.sorted_by,
        spacing_from="" if steps is None else _spacing_from(stack.present[0]),
        steps=steps,
        tilt=stack.geometry.tilt,
        gaps=stack.gaps,
        disagreements=tuple(_disagreements(meta, stack.geometry, steps)),
    )


def burned_in(meta: Meta) -> list[str]:
    """Say that the pictures may show who somebody is, where the header does not say that they do not.

    In CT, MR, PET and the like the element is mostly absent, and there is no text in the pixels.

    References
    ----------
    DICOM PS3.3 C.7.6.1.1 (General Image), BurnedInAnnotation.
    """
    told = set(meta.per_slice(_BURNED)) if _BURNED in meta or _BURNED in meta.varying else {None}
    told = {str(value or "").strip().upper() for value in told}
    if told == {"NO"} or (told == {""} and meta.get("Modality") not in LETTERED):
        return []
    said = "is YES" if "YES" in told else "does not say NO"
    return [f"{_BURNED} (0028,0301) {said}: the pictures, and all that is made of them, may name the patient"]


def _mixed(meta: Meta) -> list[str]:
    """Say that slices differ in what all images of a series must share; the values may name the patient."""
    return [
        f"slices differ in {keyword} ({tag}): {meaning}"
        for keyword, tag, meaning in _SHARED
        if keyword in meta.varying and len(set(map(str, meta.per_slice(keyword)))) > 1
    ]


def _steps(geometry: Geometry) -> tuple[float, float, float] | None:
    """Return the least, median and largest step."""
    steps = geometry.steps
    if steps is None or not len(steps):
        return None
    return float(steps.min()), float(median(steps)), float(steps.max())


def _spacing_from(header: Header) -> str:
    """Name the element that the positions of the slices come from."""
    if header.tile is not None:
        return "SpacingBetweenSlices of the mosaic"
    if header.frame is not None and header.modality in ("NM", "RTDOSE"):
        return {"NM": "SpacingBetweenSlices", "RTDOSE": "GridFrameOffsetVector"}[header.modality]
    return "ImagePositionPatient"


def _disagreements(
    meta: Meta, geometry: Geometry, steps: tuple[float, float, float] | None
) -> list[Disagreement]:
    """Compare what the header says of the stack with the positions."""
    found = []
    if steps is not None:
        step = steps[1]
        for keyword in ("SpacingBetweenSlices", "SliceThickness"):
            told = meta.get(keyword)
            if not isinstance(told, int | float) or told == 0:
                continue
            if abs(abs(told) - step) > max(AGREES_MM, AGREES_FRACTION * step):
                found.append(Disagreement(keyword, float(told), step, "mm"))
    told, tilt = meta.get("GantryDetectorTilt"), geometry.tilt
    if isinstance(told, int | float) and tilt is not None and abs(abs(told) - tilt) > AGREES_DEGREES:
        found.append(Disagreement("GantryDetectorTilt", float(told), tilt, "degrees"))
    told, slices = meta.get("NumberOfSlices"), geometry.shape[0]
    if isinstance(told, int) and told != slices:
        found.append(Disagreement("NumberOfSlices", float(told), float(slices)))
    return found


def _empty_slices(failed: Mapping[int, DicomviewError]) -> list[str]:
    """Say which slices are empty because their file cannot be decoded, the first few one by one."""
    told = [f"slice {k} is empty: {error}" for k, error in failed.items()]
    return told if len(told) <= 5 else [*told[:5], f"{len(told) - 5} more slices are empty"]


def _unreadable_files(unreadable: Sequence[Dropped]) -> list[str]:
    if not unreadable:
        return []
    return [f"not readable, beside the series: {names(str(dropped) for dropped in unreadable)}"]

"""Structured reports: measurements as a DICOM SR of template TID 1500, through highdicom."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from dicomview.errors import MeasureError
from dicomview.io.evidence import UNICODE, evidence, label_text
from dicomview.io.quiet import quiet
from dicomview.measure.evaluate import Result, evaluate
from dicomview.measure.shapes import Angle, Distance, Ellipse, Measurement, Point, Region
from dicomview.measure.space import index_of
from dicomview.volume import Volume
from dicomview.volume.convert import package

__all__ = ["structured_report"]

#: What is measured: code, scheme, meaning.
NAMES = {
    "length": ("410668003", "SCT", "Length"),
    "angle": ("1483009", "SCT", "Angle"),
    "area": ("42798000", "SCT", "Area"),
    "volume": ("118565006", "SCT", "Volume"),
    "mean": ("373098007", "SCT", "Mean"),
    "sd": ("386136009", "SCT", "Standard Deviation"),
    "minimum": ("255605001", "SCT", "Minimum"),
    "maximum": ("56851009", "SCT", "Maximum"),
    "median": ("373099004", "SCT", "Median"),
}
#: Units as UCUM has them.
LENGTHS = {
    "length": ("mm", "UCUM", "millimeter"),
    "angle": ("deg", "UCUM", "degree"),
    "area": ("mm2", "UCUM", "square millimeter"),
    "volume": ("mm3", "UCUM", "cubic millimeter"),
}
UNITS = {
    "": ("1", "UCUM", "no units"),
    "HU": ("[hnsf'U]", "UCUM", "Hounsfield unit"),
    "SUV": ("g/ml{SUVbw}", "UCUM", "Standardized Uptake Value body weight"),
    "BQML": ("Bq/ml", "UCUM", "Becquerels per milliliter"),
    "mm2/s": ("mm2/s", "UCUM", "square millimeter per second"),
}
IMAGING = ("363679005", "SCT", "Imaging")
DEVICE = ("121007", "DCM", "Device")


def structured_report(
    volume: Volume,
    measurements: Sequence[Measurement | Region],
    *,
    frame: Sequence[int] = (),
    results: Sequence[Result] = (),
) -> Any:
    """Return a Comprehensive 3D SR of measurements, with their places in the patient.

    Regions of voxels are reported by their numbers alone, what has no number by its place.

    Parameters
    ----------
    volume : Volume
        Read from files: patient and study are theirs, and the report says that it belongs to them.
    measurements : sequence of Measurement or Region
        At least one.
    frame : sequence of int
        One index for each of ``volume.extra_dims``.
    results : sequence of Result
        Their numbers; by default they are evaluated in the volume.

    Returns
    -------
    highdicom.sr.Comprehensive3DSR
        A pydicom dataset.

    Raises
    ------
    MeasureError
        Without measurements, FrameOfReferenceUID, affine or files; if the headers do not allow it.
    MissingPackageError
        Without highdicom.

    References
    ----------
    DICOM PS3.16 TID 1500 (Measurement Report), PS3.3 C.18.9 (3D spatial coordinates).
    """
    hd = package("highdicom", "'dicomview[dicom-objects]'")
    uid = volume.meta.get("FrameOfReferenceUID")
    if not measurements:
        raise MeasureError(
            "a structured report needs at least one measurement", remedy="measure something first"
        )
    if volume.geometry.affine is None or not uid:
        raise MeasureError(
            "a structured report gives positions in the patient: the volume must have an affine and "
            "FrameOfReferenceUID",
            tag="FrameOfReferenceUID",
            remedy="take a volume of images that have both, or save the measurements as JSON",
        )
    observer = hd.sr.ObserverContext(
        observer_type=_code(hd, DEVICE),
        observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(
            uid=hd.UID(), name="dicomview"
        ),
    )
    results = results or [evaluate(volume, m, frame=frame) for m in measurements]
    groups = [_group(hd, m, result, str(uid)) for m, result in zip(measurements, results, strict=True)]
    report = hd.sr.MeasurementReport(
        observation_context=hd.sr.ObservationContext(observer_device_context=observer),
        procedure_reported=_code(hd, IMAGING),
        imaging_measurements=groups,
    )
    images = _evidence(measurements, volume, tuple(frame) or volume.middle_frame)
    try:
        with quiet():  # a warning of highdicom may say the name of the patient
            made = hd.sr.Comprehensive3DSR(
                evidence=images,
                content=report[0],
                series_instance_uid=hd.UID(),
                series_number=1000,
                sop_instance_uid=hd.UID(),
                instance_number=1,
                manufacturer="dicomview",
                is_complete=True,
            )
    except (AttributeError, KeyError, ValueError) as error:
        # A value of the header may name the patient: only a key is told.
        told = repr(error) if isinstance(error, KeyError) else type(error).__name__
        raise MeasureError(
            f"the headers of these images do not allow a structured report ({told})",
            remedy="mend the headers, or save JSON",
        ) from None
    made.SpecificCharacterSet = UNICODE
    return made


def _group(hd: Any, measurement: Measurement | Region, result: Result, uid: str) -> Any:
    """Return one measurement with its place."""
    tracking = hd.sr.TrackingIdentifier(uid=hd.UID(), identifier=label_text(result.name, result.kind))
    found = {name: getattr(result, name) for name in NAMES}
    numbers = {name: value for name, value in found.items() if value is not None}
    if isinstance(measurement, Point):
        numbers = {name: value for name, value in numbers.items() if name == "mean"}
    is_area = isinstance(measurement, Measurement) and measurement.is_area
    # Places of what has no area belong to its numbers; without any they are a region, or they would be lost.
    if isinstance(measurement, Region) or (numbers and not is_area):
        places = [_place(hd, measurement, uid)] if isinstance(measurement, Measurement) else None
        return hd.sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=tracking,
            measurements=[_number(hd, *item, result.unit, places) for item in numbers.items()],
        )
    return hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=tracking,
        referenced_region=_region(hd, measurement, uid),
        measurements=[_number(hd, *item, result.unit) for item in numbers.items()],
    )


def _number(hd: Any, name: str, value: float, unit: str, places: Any = None) -> Any:
    annotation = "{" + re.sub("[^!-z|~]", "_", unit)[:14] + "}"  # what UCUM does not know
    coded = LENGTHS.get(name) or UNITS.get(unit) or (annotation, "UCUM", unit)
    return hd.sr.Measurement(
        name=_code(hd, NAMES[name]), value=value, unit=_code(hd, coded), referenced_coordinates=places
    )


def _place(hd: Any, measurement: Measurement, uid: str) -> Any:
    """Return the points of what has no area."""
    return hd.sr.CoordinatesForMeasurement3D(
        graphic_type=_open(measurement), graphic_data=measurement.array, frame_of_reference_uid=uid
    )


def _open(measurement: Measurement) -> str:
    """Return the graphic type of what has no area."""
    return "POLYLINE" if isinstance(measurement, Distance | Angle) else "POINT"


def _region(hd: Any, measurement: Measurement, uid: str) -> Any:
    """Return the points, or the outline of an area: of an ellipse the ends of its long and its short axis."""
    if not measurement.is_area:
        return hd.sr.ImageRegion3D(
            graphic_type=_open(measurement), graphic_data=measurement.array, frame_of_reference_uid=uid
        )
    if not isinstance(measurement, Ellipse):
        points = np.concatenate([measurement.array, measurement.array[:1]])
        return hd.sr.ImageRegion3D(graphic_type="POLYGON", graphic_data=points, frame_of_reference_uid=uid)
    axes, lengths, _ = np.linalg.svd(measurement.radii.T, full_matrices=False)
    long, short = (axes * lengths).T
    points = np.array([long, -long, short, -short]) + measurement.middle
    return hd.sr.ImageRegion3D(graphic_type="ELLIPSE", graphic_data=points, frame_of_reference_uid=uid)


def _evidence(
    measurements: Sequence[Measurement | Region], volume: Volume, frame: tuple[int, ...]
) -> list[Any]:
    """Return the headers of the slices that were measured."""
    last = volume.geometry.shape[0] - 1
    middles = [m.middle for m in measurements]
    near = {
        int(np.clip(np.rint(index_of(volume.geometry, middle)[0]), 0, last)) for middle in middles if middle
    }
    missing = set(volume.missing_slices(frame))
    there = [k for k in range(last + 1) if k not in missing]
    chosen = sorted({min(there, key=lambda k: abs(k - at)) for at in near or {last // 2}})
    return evidence(volume, chosen, frame=frame, what="a structured report", kind=MeasureError)


def _code(hd: Any, code: tuple[str, str, str]) -> Any:
    value, scheme, meaning = code
    return hd.sr.CodedConcept(value=value, scheme_designator=scheme, meaning=meaning)

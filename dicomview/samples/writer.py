"""Writes an array of real values as a series of single-frame CT, MR or PET files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
    generate_uid,
)
from pydicom.valuerep import DSfloat

__all__ = ["write_series"]

Elements = Mapping[str, Any] | Callable[[int], Mapping[str, Any]]

_CLASSES = {"CT": CTImageStorage, "MR": MRImageStorage, "PT": PositronEmissionTomographyImageStorage}

_PATIENT = {
    "PatientName": "Sample^Head",
    "PatientID": "SAMPLE-HEAD",
    "PatientBirthDate": "",
    "PatientSex": "O",
    "StudyDate": "20200101",
    "StudyTime": "120000",
    "AccessionNumber": "",
    "ReferringPhysicianName": "",
    "StudyID": "1",
    "SeriesNumber": 1,
    "PatientPosition": "HFS",
    "PositionReferenceIndicator": "",
    "Manufacturer": "dicomview",
    "AcquisitionNumber": 1,
    "ContentDate": "20200101",
    "ContentTime": "120000",
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "BitsAllocated": 16,
}
_MODALITY: dict[str, dict[str, Any]] = {
    "CT": {
        "KVP": 120,
        "WindowCenter": [40, 600],
        "WindowWidth": [80, 2800],
        "WindowCenterWidthExplanation": ["BRAIN", "BONE"],
        "RescaleType": "HU",
    },
    "MR": {
        "ImageType": ["ORIGINAL", "PRIMARY", "OTHER"],
        "ScanningSequence": "SE",
        "SequenceVariant": "SK",
        "ScanOptions": "",
        "MRAcquisitionType": "2D",
        "RepetitionTime": 2800,
        "EchoTime": 30,
        "EchoTrainLength": 8,
        "MagneticFieldStrength": 1.5,
        "WindowCenter": 480,
        "WindowWidth": 960,
    },
    "PT": {
        "SeriesType": ["STATIC", "IMAGE"],
        "Units": "BQML",
        "CountsSource": "EMISSION",
        "CorrectedImage": ["NORM", "DTIM", "ATTN", "SCAT", "DECY", "RAN"],
        "DecayCorrection": "START",
        "SeriesDate": "20200101",
        "SeriesTime": "120000",
        "AcquisitionDate": "20200101",
        "AcquisitionTime": "120000",
        "FrameReferenceTime": 0,
        "ActualFrameDuration": 600_000,  # ms
        "DecayFactor": 1,
        "CollimatorType": "NONE",
        "PatientOrientationCodeSequence": [],
        "PatientGantryRelationshipCodeSequence": [],
    },
}


def _decimals(values: ArrayLike) -> list[DSfloat]:
    """Return numbers as decimal strings of at most 16 characters, as exact as these allow."""
    # + 0.0: no "-0.0". pydicom tells also of what it makes of an empty text.
    return [DSfloat(float(v) + 0.0, auto_format=True) for v in np.ravel(values)]  # pyright: ignore[reportReturnType]


def _stored(
    array: NDArray[Any], slope: float, intercept: float, bits: int, signed: bool | None
) -> tuple[NDArray[Any], bool]:
    """Return the stored numbers and whether they are signed."""
    if not 1 <= bits <= 16:
        raise ValueError(f"bits_stored must be 1..16, not {bits}")
    if slope == 0 or not np.isfinite([slope, intercept]).all():
        raise ValueError(f"slope {slope} and intercept {intercept} must be finite, the slope not zero")
    rounded: NDArray[Any]
    if array.dtype.kind in "iu" and slope == 1 and float(intercept).is_integer():
        rounded = array.astype(np.int64) - int(intercept)
    else:
        exact = (array.astype(np.float64) - intercept) / slope
        if not np.isfinite(exact).all():
            raise ValueError("the array has values that are not finite")
        rounded = np.rint(exact)
        # 1e-9 allows for the rounding of this division itself, as with a slope of 0.1.
        if (np.abs(exact - rounded) > 1e-9 * np.maximum(1, np.abs(rounded))).any():
            raise ValueError(f"(value - {intercept}) / {slope} is not an integer for every value")
    least, most = rounded.min(), rounded.max()
    signed = bool(least < 0) if signed is None else signed
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    if least < low or most > high:
        raise ValueError(f"stored values {least:.0f}..{most:.0f} do not fit into {low}..{high}")
    return rounded.astype("<i2" if signed else "<u2"), signed


def _plane(affine: NDArray[np.float64]) -> dict[str, Any]:
    """Return the elements of the image plane that all slices share."""
    row, column = affine[:3, 1], affine[:3, 2]
    spacing = np.sqrt([row @ row, column @ column])
    if affine.shape != (4, 4) or not np.isfinite(affine).all() or not spacing.all():
        raise ValueError("the affine must be 4 x 4 and finite, with rows and columns apart")
    if abs(row @ column) > 1e-6 * spacing[0] * spacing[1]:
        raise ValueError("rows and columns of the affine are not orthogonal")
    along_row, along_column = column / spacing[1], row / spacing[0]
    gap = abs(np.cross(along_row, along_column) @ affine[:3, 0])
    return {
        "PixelSpacing": _decimals(spacing),
        "ImageOrientationPatient": _decimals([along_row, along_column]),
        "SliceThickness": _decimals(gap)[0] if gap else "",
    }


def _set(dataset: Dataset, elements: Mapping[str, Any]) -> None:
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)


def write_series(
    folder: str | PathLike[str],
    array: ArrayLike,
    affine: ArrayLike,
    *,
    modality: str = "CT",
    slope: float = 1,
    intercept: float = 0,
    bits_stored: int = 16,
    signed: bool | None = None,
    study_uid: str | None = None,
    series_uid: str | None = None,
    frame_of_reference_uid: str | None = None,
    description: str = "Sample",
    instance_numbers: Sequence[int] | None = None,
    names: Sequence[str] | None = None,
    elements: Elements | None = None,
) -> list[Path]:
    """Write a volume as one file per slice, in explicit VR little endian.

    Parameters
    ----------
    folder : str or path-like
        Where to write; made if it does not exist.
    array : array_like, shape (slices, rows, columns)
        Real values, such as HU; ``(value - intercept) / slope`` must be integers.
    affine : array_like of float, shape (4, 4)
        Takes (slice, row, column, 1) to LPS mm; rows and columns must be orthogonal, the step from slice to
        slice may be anything, for only positions are written.
    modality : {"CT", "MR", "PT"}, optional
        Chooses the SOP class and its elements.
    slope, intercept : float, optional
        Rescale slope and intercept; an MR without rescaling has neither element.
    bits_stored : int, optional
        1 to 16; 16 bits are always allocated.
    signed : bool, optional
        Pixel representation; by default signed where there are negative stored values.
    study_uid, series_uid, frame_of_reference_uid : str, optional
        By default these follow from description, modality, shape and affine, always the same.
    description : str, optional
        Series description.
    instance_numbers : sequence of int, optional
        One for each slice; by default 1, 2, ...
    names : sequence of str, optional
        File names; by default IM0000.dcm, IM0001.dcm, ...
    elements : mapping or callable, optional
        DICOM keywords and their values, set last in every slice; or a function from the slice's index to
        such a mapping. ``None`` as a value leaves the element empty.

    Returns
    -------
    list of Path
        The files, in the order of the array.

    Raises
    ------
    ValueError
        If a value cannot be stored exactly, or shapes, names or axes are not as described.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = write_series(folder, np.zeros((2, 4, 4)), np.diag([5.0, 1, 1, 1]))
    >>> [file.name for file in files]
    ['IM0000.dcm', 'IM0001.dcm']
    """
    if modality not in _CLASSES:
        raise ValueError(f"modality must be CT, MR or PT, not {modality!r}")
    values, matrix = np.asarray(array), np.asarray(affine, dtype=np.float64)
    if values.ndim != 3 or 0 in values.shape:
        raise ValueError(f"the array must be (slices, rows, columns), not {values.shape}")
    count = len(values)
    numbers = list(range(1, count + 1)) if instance_numbers is None else list(instance_numbers)
    names = [f"IM{i:04d}.dcm" for i in range(count)] if names is None else list(names)
    if len(numbers) != count or len(set(names)) != count:
        raise ValueError(f"{count} slices need as many instance numbers and different names")
    plane = _plane(matrix)
    stored, signed = _stored(values, slope, intercept, bits_stored, signed)
    layout = ",".join(map(str, _decimals(matrix)))
    seed = hashlib.sha256(f"{description}/{modality}/{values.shape}/{layout}".encode()).hexdigest()
    study_uid = study_uid or generate_uid(
        entropy_srcs=["study", series_uid or seed]
    )  # a series is of one study
    series_uid = series_uid or generate_uid(entropy_srcs=["series", seed])
    shared = Dataset()
    _set(shared, _PATIENT | _MODALITY[modality] | plane)
    if "PatientOrientationCodeSequence" in shared:
        del shared.PatientPosition  # the one or the other
    shared.SOPClassUID = _CLASSES[modality]
    shared.Modality = modality
    shared.StudyInstanceUID, shared.SeriesInstanceUID = study_uid, series_uid
    shared.FrameOfReferenceUID = frame_of_reference_uid or generate_uid(entropy_srcs=["frame", study_uid])
    shared.SeriesDescription = description
    shared.Rows, shared.Columns = values.shape[1:]
    shared.BitsStored, shared.HighBit = bits_stored, bits_stored - 1
    shared.PixelRepresentation = int(signed)
    if modality != "MR" or (slope, intercept) != (1, 0):
        shared.RescaleIntercept, shared.RescaleSlope = _decimals([intercept, slope])
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for i, name in enumerate(names):
        dataset = Dataset()
        dataset.update(shared)
        dataset.SOPInstanceUID = generate_uid(entropy_srcs=["instance", series_uid, str(i)])
        dataset.InstanceNumber = numbers[i]
        dataset.ImagePositionPatient = _decimals(matrix[:3, 3] + i * matrix[:3, 0])
        _set(dataset, (elements(i) if callable(elements) else elements) or {})
        dataset.add_new("PixelData", "OW", stored[i].tobytes())
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        paths.append(folder / name)
        dataset.save_as(paths[-1], enforce_file_format=True)
    return paths

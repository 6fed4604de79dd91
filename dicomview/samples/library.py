"""The ready-made samples: writes them once into the user's cache and returns their folders."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from dicomview.samples.head import head_phantom
from dicomview.samples.knee import knee_phantom
from dicomview.samples.phantom import Phantom
from dicomview.samples.tracer import FRAMES, INTERVAL, PERFUSION, PET, passing_contrast, uptake
from dicomview.samples.writer import write_series

__all__ = ["head_ct", "head_perfusion", "head_pet", "knee_mr"]

#: Study and frame of reference of the head CT: the other scans of the head belong to them.
_STUDY = "1.2.826.0.1.3680043.8.498.41882662675745803059490874377728089400"
_FRAME_OF_REFERENCE = "1.2.826.0.1.3680043.8.498.29025566521940997873570520028746259583"
_WEIGHT, _DOSE, _HALF_LIFE, _UPTAKE_TIME = 70.0, 370e6, 6586.2, 3600.0  # kg, Bq, s, s

_HEAD: dict[str, Any] = {
    "description": "Head 2.5 mm",
    "intercept": -1024,
    "bits_stored": 12,
    "elements": {"StudyDescription": "CT head", "BodyPartExamined": "HEAD"},
}
_KNEE: dict[str, Any] = {
    "description": "Knee PD sagittal",
    "bits_stored": 12,
    "elements": {
        "PatientName": "Sample^Knee",
        "PatientID": "SAMPLE-KNEE",
        "StudyDescription": "MR knee right",
        "BodyPartExamined": "KNEE",
        "Laterality": "R",
        "PatientPosition": "FFS",
    },
}


def _write(folder: Path, phantom: Phantom, options: dict[str, Any]) -> None:
    array = phantom.volume()
    if phantom.modality == "CT":
        array = np.maximum(array, -1024)
    write_series(folder, array, phantom.affine, modality=phantom.modality, **options)


def _write_perfusion(folder: Path) -> None:
    series_uid = generate_uid(entropy_srcs=["dicomview", "head-perfusion"])
    count = PERFUSION[0][0]
    for frame in range(FRAMES):
        time = {
            "StudyDescription": "CT head",
            "BodyPartExamined": "HEAD",
            "SeriesNumber": 2,
            "AcquisitionNumber": frame + 1,
            "AcquisitionDate": "20200101",
            "AcquisitionTime": f"1210{frame * INTERVAL:02.0f}",
        }

        def elements(k: int, frame: int = frame, time: dict[str, Any] = time) -> dict[str, Any]:
            uid = generate_uid(entropy_srcs=["instance", series_uid, str(frame), str(k)])
            return {"SOPInstanceUID": uid, **time}

        write_series(
            folder,
            np.maximum(passing_contrast(frame), -1024),
            PERFUSION[1],
            intercept=-1024,
            bits_stored=12,
            series_uid=series_uid,
            description="Perfusion",
            instance_numbers=range(frame * count + 1, (frame + 1) * count + 1),
            names=[f"IM{frame:02d}{k:02d}.dcm" for k in range(count)],
            elements=elements,
            study_uid=_STUDY,
            frame_of_reference_uid=_FRAME_OF_REFERENCE,
        )


def _write_pet(folder: Path) -> None:
    tracer = Dataset()
    tracer.Radiopharmaceutical = "Fluorodeoxyglucose"
    tracer.RadiopharmaceuticalStartDateTime = "20200101110000"
    tracer.RadionuclideTotalDose, tracer.RadionuclideHalfLife = _DOSE, _HALF_LIFE
    tracer.RadionuclideCodeSequence = [_code("77004003", "SCT", "^18^Fluorine")]
    shared = {
        "StudyDescription": "CT head",
        "BodyPartExamined": "HEAD",
        "SeriesNumber": 3,
        "PatientWeight": _WEIGHT,
        "RadiopharmaceuticalInformationSequence": [tracer],
        "NumberOfSlices": PET[0][0],
    }
    # By the definition of the SUV, in Bq/ml at the start of the scan; counts scatter with their number.
    activity = uptake() * _DOSE * 2 ** (-_UPTAKE_TIME / _HALF_LIFE) / (_WEIGHT * 1000)
    still = Phantom("noise", "PT", *PET, 0, (), 1000)
    activity += still.volume() / 1000 * 20 * np.sqrt(activity)
    write_series(
        folder,
        np.rint(np.maximum(activity, 0)),
        PET[1],
        modality="PT",
        description="FDG",
        elements=lambda k: {**shared, "ImageIndex": k + 1},
        study_uid=_STUDY,
        frame_of_reference_uid=_FRAME_OF_REFERENCE,
    )


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def _provide(folder: str | PathLike[str] | None, name: str, write: Callable[[Path], None]) -> Path:
    """Write to a folder of the caller's, or once to the cache."""
    if folder is not None:
        write(Path(folder))
        return Path(folder)
    target = platformdirs.user_cache_path("dicomview") / "samples" / f"{name}-v1"
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=target.parent))
    try:
        write(work)
        work.rename(target)  # at once: nobody ever sees a part of a series
    except OSError:
        if not target.is_dir():  # otherwise somebody else was faster, with the same files
            raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return target


def head_ct(folder: str | PathLike[str] | None = None) -> Path:
    """Return a folder with a synthetic axial CT of a head: 68 files of 512 x 512.

    The nose is anterior, and there is a small haemorrhage in the left hemisphere; see `head_phantom`.

    Parameters
    ----------
    folder : str or path-like, optional
        Where to write. By default the series is written once to the user's cache and found there later.

    Returns
    -------
    Path
        The folder.
    """
    return _provide(folder, "head-ct", lambda path: _write(path, head_phantom(), _HEAD))


def head_perfusion(folder: str | PathLike[str] | None = None) -> Path:
    """Return a folder with a CT perfusion of the same head: 24 times of 10 slices of 128 x 128.

    Contrast medium reaches the arteries first, then grey and white matter, then the veins; the haemorrhage
    has none. See `passing_contrast`.

    Parameters
    ----------
    folder : str or path-like, optional
        Where to write. By default the series is written once to the user's cache and found there later.

    Returns
    -------
    Path
        The folder.

    Examples
    --------
    >>> import dicomview as dv
    >>> vol = dv.volread(head_perfusion())
    >>> vol.shape, vol.dims[0], vol.dimensions[0].values[:3], vol.dimensions[0].unit
    ((24, 10, 128, 128), 'time', (0.0, 2.0, 4.0), 's')
    """
    return _provide(folder, "head-perfusion", _write_perfusion)


def head_pet(folder: str | PathLike[str] | None = None) -> Path:
    """Return a folder with an FDG-PET of the same head: 68 files of 96 x 96, in Bq/ml.

    The header has all that the SUV needs: 370 MBq of fluorine-18 an hour before the scan, 70 kg. See
    `uptake`.

    Parameters
    ----------
    folder : str or path-like, optional
        Where to write. By default the series is written once to the user's cache and found there later.

    Returns
    -------
    Path
        The folder.

    Examples
    --------
    >>> import dicomview as dv
    >>> suv = dv.volread(head_pet()).suv()
    >>> suv.unit, round(float(suv.max()))
    ('SUV', 14)
    """
    return _provide(folder, "head-pet", _write_pet)


def knee_mr(folder: str | PathLike[str] | None = None) -> Path:
    """Return a folder with a synthetic sagittal MR of a right knee: 27 files of 320 x 320.

    Parameters
    ----------
    folder : str or path-like, optional
        Where to write. By default the series is written once to the user's cache and found there later.

    Returns
    -------
    Path
        The folder.
    """
    return _provide(folder, "knee-mr", lambda path: _write(path, knee_phantom(), _KNEE))

"""The ready-made samples: writes them once into the user's cache and returns their folders."""

from __future__ import annotations

import shutil
import tempfile
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from dicomview.samples.head import head_phantom
from dicomview.samples.knee import knee_phantom
from dicomview.samples.phantom import Phantom
from dicomview.samples.writer import write_series

__all__ = ["head_ct", "knee_mr"]

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


def _provide(
    folder: str | PathLike[str] | None, name: str, phantom: Phantom, options: dict[str, Any]
) -> Path:
    """Write to a folder of the caller's, or once to the cache."""
    if folder is not None:
        _write(Path(folder), phantom, options)
        return Path(folder)
    target = platformdirs.user_cache_path("dicomview") / "samples" / f"{name}-v1"
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=target.parent))
    try:
        _write(work, phantom, options)
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
    return _provide(folder, "head-ct", head_phantom(), _HEAD)


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
    return _provide(folder, "knee-mr", knee_phantom(), _KNEE)

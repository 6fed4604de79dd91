"""Foreign: what is not DICOM, or comes from an address, goes through imageio."""

import os
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import imageio.v3 as iio
import numpy as np
from imageio.core.request import InitializationError

from dicomview.errors import DicomviewError, PathError, UnsupportedError
from dicomview.io.discover import SUFFIXES, PathLike
from dicomview.io.failures import not_dicom
from dicomview.io.headers import looks_like_dicom
from dicomview.io.remote import is_address, last_of, reason_of
from dicomview.io.sources import is_archive

__all__ = ["is_foreign", "opened", "read_foreign"]


def is_foreign(path: PathLike) -> bool:
    """Return whether a path is a file that is not DICOM but that imageio may know."""
    path = Path(path).expanduser()
    if path.suffix.lower() in SUFFIXES or not path.is_file():
        return False
    return not looks_like_dicom(path) and not is_archive(path)


def opened(path: Any, mode: str) -> Any:
    """Open a file, folder, URL, bytes or open file with our plugin of imageio."""
    try:
        uri = os.fspath(path) if isinstance(path, os.PathLike) else path
        # The stubs of imageio know no plugins but its own.
        return iio.imopen(uri, mode, plugin="dicomview")  # type: ignore[call-overload]
    except OSError as error:
        if not is_address(path) or isinstance(error, DicomviewError):
            raise
        problem = _problem(error.__cause__ or error, path)
    raise problem


def _problem(answer: BaseException, url: str) -> PathError:
    """Say what is the matter with an address; the text of an error may hold a key or a whole path."""
    if isinstance(answer, HTTPError):
        answer.close()  # it holds the connection
    reason = (
        str(answer) if isinstance(answer, InitializationError) else reason_of(answer)
    )  # the first is ours
    return PathError(f"{last_of(url)!r} cannot be fetched ({reason})", remedy="check the address")


def read_foreign(path: Path) -> np.ndarray:
    """Read an array in another format through imageio's own plugins."""
    if not path.stat().st_size:  # or it only says so, and never ends
        raise not_dicom(path)
    try:
        return np.asarray(iio.imread(path))
    except Exception as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    raise UnsupportedError(
        f"neither DICOM nor in a format that imageio can read here ({reason})",
        path=path,
        remedy="name a DICOM file, or install what imageio needs for this format",
    )

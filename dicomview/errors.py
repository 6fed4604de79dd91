"""The exceptions that dicomview raises.

::

    DicomviewError
    ├── PathError (FileNotFoundError)   there is nothing at the path, or it may not be read
    ├── SeriesError (ValueError)        no volume, or several to choose from
    ├── DecodeError (ValueError)        a file is damaged: it cannot be read or its pixels cannot be decoded
    │   └── UnsupportedError            nothing is wrong with the file, but dicomview cannot do this
    ├── GeometryError (ValueError)      positions, orientations or spacings that cannot be used
    ├── DisplayError (ValueError)       something that cannot be shown
    ├── MeasureError (ValueError)       something that cannot be measured, or not be handed on
    ├── PaintError (ValueError)         something that cannot be painted
    ├── SegmentError (LookupError)      a mask that a segmentation does not have or cannot give
    ├── ServerError (ConnectionError)   a server does not answer, refuses, or sends something else
    ├── SUVError (ValueError)           the header does not give a standardized uptake value
    ├── MemoryBudgetError (MemoryError) an array would take more memory than it may
    └── MissingPackageError (ImportError)   an optional package cannot be imported

Each tells programs which file (``path``), which element (``tag``) and what to do (``remedy``), and people the
same in one sentence, ``str(error)``. That names a file without its folders, whose names often carry the
patient's, and as "a file" with ``dicomview.options.redact_paths``.
"""

import os
import re
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from dicomview.options import options

__all__ = [
    "DecodeError",
    "DicomviewError",
    "DisplayError",
    "GeometryError",
    "MeasureError",
    "MemoryBudgetError",
    "MissingPackageError",
    "PaintError",
    "PathError",
    "SUVError",
    "SegmentError",
    "SeriesError",
    "ServerError",
    "UnsupportedError",
    "file_name",
]

#: Of a file name that is shown: what file systems allow, and an archive may not.
_LONGEST = 255


def file_name(path: str | os.PathLike[str]) -> str:
    r"""Return what texts call a file: its name without folders, or "a file" with ``options.redact_paths``.

    Examples
    --------
    >>> file_name("DOE^JOHN/IM_\n0001.dcm")
    'IM_?0001.dcm'
    """
    if options.redact_paths:
        return "a file"
    name = os.path.basename(os.fspath(path).rstrip("/\\"))  # noqa: PTH119 - an archive's member is no Path
    return "".join(c if c.isprintable() else "?" for c in name[:_LONGEST])


class DicomviewError(Exception):
    """Base of everything that dicomview raises on purpose.

    Parameters
    ----------
    message : str
        The cause; further lines (a table) stay behind everything else. A keyword that is the tag is followed
        by its number in ``str(error)``.
    path, tag, remedy : optional
        See below.

    Attributes
    ----------
    path : pathlib.Path or None
        Whole path of the file or folder; that of a member of an archive begins with the archive's.
    tag : str or None
        DICOM keyword of the element to blame, ``"PixelSpacing"``; ``"(7053,1000)"`` for a private one.
    remedy : str or None
        What to do, for people.

    Examples
    --------
    >>> error = DecodeError(
    ...     "PixelSpacing must be positive, not 0",
    ...     path="study/IM_1.dcm",
    ...     tag="PixelSpacing",
    ...     remedy="copy the file again",
    ... )
    >>> str(error)
    'IM_1.dcm: PixelSpacing (0028,0030) must be positive, not 0: copy the file again'
    >>> error.path.as_posix(), error.tag, error.remedy
    ('study/IM_1.dcm', 'PixelSpacing', 'copy the file again')
    """

    path: Path | None
    tag: str | None
    remedy: str | None

    def __init__(
        self,
        message: str = "",
        *,
        path: str | os.PathLike[str] | None = None,
        tag: str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(message)
        self.path = None
        self.tag = tag
        self.remedy = remedy
        self._is_folder = False
        if path is not None:
            self.at(path)

    def at(self, path: str | os.PathLike[str]) -> Self:
        """Take note of the path, if none is known yet, and return the error."""
        if self.path is None:
            self.path = Path(path)
            is_folder = os.path.isdir(path)  # noqa: PTH112 - the text may be no path at all
            self._is_folder = is_folder and self.path.suffix != ".zarr"  # which stands for a file
        return self

    @property
    def reason(self) -> str:
        """What ``str(error)`` says, without the name of the file."""
        cause, line, more = str(self.args[0] if self.args else "").partition("\n")
        if self.tag:
            cause = _with_number(cause, self.tag)
        return ": ".join(part for part in (cause, self.remedy) if part) + line + more

    def __str__(self) -> str:
        return (
            self.reason if self.path is None or self._is_folder else f"{file_name(self.path)}: {self.reason}"
        )


def _with_number(cause: str, tag: str) -> str:
    """Put the number of an element behind its keyword, or both before the cause where it has neither."""
    number = _number(tag)
    label = f"{tag} {number}".rstrip()
    if number and number in cause:
        return cause
    named = re.sub(rf"\b{re.escape(tag)}\b", label, cause, count=1) if tag in cause else cause
    return named if tag in cause else f"{label}: {cause}"


@lru_cache
def _number(keyword: str) -> str:
    """Return the number of an element; nothing for a private one, whose tag is its number."""
    # By its name: geometry and display, which raise these errors, go without pydicom.
    tag: Any = import_module("pydicom.datadict").tag_for_keyword(keyword)
    return "" if tag is None else f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


class PathError(DicomviewError, FileNotFoundError):
    """There is nothing at the path that was given, or it may not be read."""


class SeriesError(DicomviewError, ValueError):
    """The path holds no volume, or several volumes to choose from."""


class DecodeError(DicomviewError, ValueError):
    """A file is not readable as DICOM, or its pixel data cannot be decoded."""


class UnsupportedError(DecodeError):
    """A file is as it should be, but dicomview cannot do this with it.

    A video, a codec that is not installed, an object without pixels. As a DecodeError it is caught with the
    damaged files; whoever wants to tell the two apart catches it first.
    """


class GeometryError(DicomviewError, ValueError):
    """Positions, orientations or spacings are missing or contradict each other."""


class DisplayError(DicomviewError, ValueError):
    """The data or the request cannot be shown."""


class MeasureError(DicomviewError, ValueError):
    """A measurement is not possible: its points do not fit, or it has no place in the volume."""


class PaintError(DicomviewError, ValueError):
    """Something cannot be painted: it has no values, or the planes in view are others than those painted."""


class SegmentError(DicomviewError, LookupError):
    """A segmentation has no such segment, or cannot give the mask that is asked for."""


class ServerError(DicomviewError, ConnectionError):
    """A server cannot be reached, refuses, or sends something else than was asked for.

    Attributes
    ----------
    status : int or None
        Of HTTP, where the server answered with one.
    """

    status: int | None = None


class SUVError(DicomviewError, ValueError):
    """Elements that the standardized uptake value needs are missing or cannot be used."""


class MemoryBudgetError(DicomviewError, MemoryError):
    """An array would take more memory than ``dicomview.options.memory_budget`` allows."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Make it as any other error: MemoryError's own way is not for classes with another base first."""
        return Exception.__new__(cls, *args, **kwargs)


class MissingPackageError(DicomviewError, ImportError):  # type: ignore[misc] # its path would be text
    """An optional package is needed and cannot be imported."""

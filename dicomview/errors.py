"""The exceptions that dicomview raises.

::

    DicomviewError
    ├── PathError (FileNotFoundError)   there is nothing at the path
    ├── SeriesError (ValueError)        no volume, or several to choose from
    ├── DecodeError (ValueError)        a file cannot be read or its pixels cannot be decoded
    ├── GeometryError (ValueError)      positions, orientations or spacings that cannot be used
    ├── DisplayError (ValueError)       something that cannot be shown
    ├── MeasureError (ValueError)       something that cannot be measured, or not be handed on
    ├── PaintError (ValueError)         something that cannot be painted
    ├── SegmentError (LookupError)      a mask that a segmentation does not have or cannot give
    ├── ServerError (ConnectionError)   a server does not answer, refuses, or sends something else
    ├── SUVError (ValueError)           the header does not give a standardized uptake value
    ├── MemoryBudgetError (MemoryError) an array would take more memory than it may
    └── MissingPackageError (ImportError)   an optional package cannot be imported
"""

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
]


class DicomviewError(Exception):
    """Base of everything that dicomview raises on purpose."""


class PathError(DicomviewError, FileNotFoundError):
    """There is nothing at the path that was given."""

    def __str__(self) -> str:
        """Give the message alone: FileNotFoundError would add an errno."""
        return str(self.args[0]) if self.args else ""


class SeriesError(DicomviewError, ValueError):
    """The path holds no volume, or several volumes to choose from."""


class DecodeError(DicomviewError, ValueError):
    """A file is not readable as DICOM, or its pixel data cannot be decoded."""


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


class MissingPackageError(DicomviewError, ImportError):
    """An optional package is needed and cannot be imported."""

"""Report: how a volume was assembled, and from which files."""

from dataclasses import dataclass, field
from pathlib import Path

from dicomview.errors import DicomviewError, file_name

__all__ = ["Disagreement", "Dropped", "Gap", "Report", "Source"]


@dataclass(frozen=True, repr=False)
class Source:
    """Where a slice came from.

    Attributes
    ----------
    path : Path
    sop_instance_uid : str
    frame : int or None
        Number of the frame, from 0, in a file of several.
    """

    path: Path
    sop_instance_uid: str
    frame: int | None = None

    def __repr__(self) -> str:
        frame = "" if self.frame is None else f", frame {self.frame}"
        return f"Source({file_name(self.path)}{frame})"


@dataclass(frozen=True, repr=False)
class Dropped:
    """A file that did not become part of a volume, and why.

    Attributes
    ----------
    path : Path
    reason : str
    error : DicomviewError or None
        What was raised where it could not be read, with its ``tag`` and ``remedy``.
    """

    path: Path
    reason: str
    error: DicomviewError | None = field(default=None, compare=False)

    @classmethod
    def of(cls, path: Path, error: DicomviewError) -> "Dropped":
        """Return what an error says of a file."""
        return cls(path, error.at(path).reason, error)

    def __str__(self) -> str:
        # Folder names often carry the patient's name; the file name is enough to find the file.
        return f"{file_name(self.path)}: {self.reason}"

    __repr__ = __str__


@dataclass(frozen=True, repr=False)
class Gap:
    """A place where slices are missing.

    Attributes
    ----------
    after, before : Path
        Files of the slices on both sides.
    slices : int
        How many are missing.
    step : float
        Distance between the two, mm.
    """

    after: Path
    before: Path
    slices: int
    step: float

    def __repr__(self) -> str:
        return f"Gap({self.slices} between {file_name(self.after)} and {file_name(self.before)})"


@dataclass(frozen=True)
class Disagreement:
    """An element that says something else than the files show.

    Attributes
    ----------
    keyword : str
    header : float
        Its value.
    found : float
        The value that was found and used.
    unit : str
    """

    keyword: str
    header: float
    found: float
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.keyword} is {self.header:.6g} {self.unit}, found {self.found:.6g} {self.unit}".replace(
            " ,", ","
        ).rstrip()


@dataclass(frozen=True, repr=False)
class Report:
    """How a volume was put together, and what was noticed; ``print(vol.report)`` says it in plain words.

    Attributes
    ----------
    warnings : tuple of str
        Everything that a careful reader of the images should know, in plain words.
    dropped : tuple of Dropped
        Files that were left out, with the reason.
    missing : tuple of int, or of tuples
        Slices for which there is no (readable) file; they are filled with one value. In a volume with extra
        dimensions ``(frame ..., slice)``.
    groups : tuple of str
        Into what the series was split: this volume first, then the other parts; empty where it was not.
    sorted_by : str
        Keyword of the element that gave the order of the slices.
    spacing_from : str
        Keyword of the element that gave the distance of the slices; empty where it is not known.
    steps : tuple of float or None
        Least, median and largest distance from slice to slice, mm.
    tilt : float or None
        Angle in degrees between the direction of stacking and the normal of the slices.
    gaps : tuple of Gap
        Places where slices are missing.
    disagreements : tuple of Disagreement
        Elements of the header that say something else than the positions show.
    """

    warnings: tuple[str, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    missing: tuple[int | tuple[int, ...], ...] = ()
    groups: tuple[str, ...] = ()
    sorted_by: str = ""
    spacing_from: str = ""
    steps: tuple[float, float, float] | None = None
    tilt: float | None = None
    gaps: tuple[Gap, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()

    def __str__(self) -> str:
        lines = [*self._done(), *self.warnings, *(f"left out {dropped}" for dropped in self.dropped)]
        return "\n".join(lines) if lines else "nothing to remark"

    def _done(self) -> list[str]:
        """Say what was done."""
        told = []
        if self.groups:
            told.append(f"the series was split: {'; '.join(self.groups)}")
        if self.sorted_by:
            told.append(f"slices sorted by {self.sorted_by}")
        if self.steps is not None:
            least, median, largest = self.steps
            spread = "" if largest - least < 5e-4 else f" ({least:.6g} to {largest:.6g} mm)"
            told.append(f"slices {median:.6g} mm apart{spread}, from {self.spacing_from}")
        if self.tilt:
            told.append(f"stacked at {self.tilt:.2f}° to the normal of the slices")
        return [*told, *(f"header: {text}" for text in self.disagreements)]

    __repr__ = __str__

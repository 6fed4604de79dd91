"""Report: how a volume was assembled, and from which files."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Dropped", "Report", "Source"]


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
        return f"Source({self.path.name}{frame})"


@dataclass(frozen=True, repr=False)
class Dropped:
    """A file that did not become part of a volume, and why.

    Attributes
    ----------
    path : Path
    reason : str
    """

    path: Path
    reason: str

    def __str__(self) -> str:
        # Folder names often carry the patient's name; the file name is enough to find the file.
        return f"{self.path.name}: {self.reason}"

    __repr__ = __str__


@dataclass(frozen=True, repr=False)
class Report:
    """What was noticed while a volume was put together.

    Attributes
    ----------
    warnings : tuple of str
        Everything that a careful reader of the images should know, in plain words.
    dropped : tuple of Dropped
        Files that were left out, with the reason.
    missing : tuple of int, or of tuples
        Slices for which there is no (readable) file; they are filled with one value. In a volume with extra
        dimensions ``(frame ..., slice)``.
    """

    warnings: tuple[str, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    missing: tuple[int | tuple[int, ...], ...] = ()

    def __str__(self) -> str:
        lines = [*self.warnings, *(f"left out {dropped}" for dropped in self.dropped)]
        return "\n".join(lines) if lines else "nothing to remark"

    __repr__ = __str__

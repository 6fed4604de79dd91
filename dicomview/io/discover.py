"""Finding DICOM files: by content, in folders, files and lists of files."""

import os
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydicom.uid import MediaStorageDirectoryStorage

from dicomview.errors import DecodeError, PathError
from dicomview.io.header import Header
from dicomview.io.headers import looks_like_dicom, read_headers
from dicomview.io.progress import progress
from dicomview.volume import Dropped

__all__ = ["SUFFIXES", "PathLike", "Paths", "existing", "scan"]

PathLike = str | os.PathLike[str]
#: A folder, a file, or several of them.
Paths = PathLike | Iterable[PathLike]

#: Files that say by their name that they are DICOM are reported when they are not.
SUFFIXES = frozenset((".dcm", ".dicom", ".ima"))


def scan(path: Paths) -> tuple[list[Header], list[Dropped], int]:
    """Read the header of every DICOM file at a path.

    Parameters
    ----------
    path : str, PathLike or list of these
        Folders are searched recursively; a file stands for itself, never for its neighbours.

    Returns
    -------
    headers : list of Header
        In natural order of the paths.
    dropped : list of Dropped
        Files that were meant to be DICOM but cannot be read.
    others : int
        How many files of other kinds were passed over.

    Raises
    ------
    PathError
        If there is nothing at the path.
    """
    headers: list[Header] = []
    dropped: list[Dropped] = []
    others = 0
    for file, asked_for in progress(list(_files(path, dropped)), "headers"):
        try:
            if not looks_like_dicom(file):
                if asked_for or (file.suffix.lower() in SUFFIXES and not file.name.startswith("._")):
                    dropped.append(Dropped(file, _why_not(file)))
                else:
                    others += 1
                continue
            found = read_headers(file)
        except OSError as error:
            dropped.append(Dropped(file, f"cannot be opened ({error.strerror or type(error).__name__})"))
        except DecodeError as error:
            dropped.append(Dropped(file, str(error).removeprefix(f"{file.name} ")))
        else:
            if found[0].sop_class_uid != MediaStorageDirectoryStorage:
                headers += found
            elif asked_for:
                dropped.append(Dropped(file, "a directory of files: give the folder that it lies in"))
    return headers, dropped, others


def _why_not(file: Path) -> str:
    """Say why a file is not read."""
    if zipfile.is_zipfile(file) or tarfile.is_tarfile(file):
        return "an archive: unpack it and give the folder"
    return f"not a DICOM file ({file.stat().st_size} bytes)"


def existing(path: PathLike) -> Path:
    """Return a path, the user's home resolved, or raise PathError."""
    found = Path(path).expanduser()
    if not found.exists():
        raise PathError(f"there is no file or folder {os.fspath(path)!r}: check the path")
    return found


def _files(path: Paths, dropped: list[Dropped]) -> Iterator[tuple[Path, bool]]:
    """Give every file once, and whether it was named by the caller."""
    seen: set[Path] = set()
    for start in [path] if isinstance(path, str | os.PathLike) else path:
        root = existing(start)
        found = [(file, False) for file in _walk(root, dropped)] if root.is_dir() else [(root, True)]
        for file, asked_for in sorted(found, key=lambda item: _natural(item[0])):
            real = file.resolve()
            if real not in seen:
                seen.add(real)
                yield file, asked_for


def _walk(root: Path, dropped: list[Dropped]) -> Iterator[Path]:
    """Give the files below a folder, also behind links, each folder once."""

    def unreadable(error: OSError) -> None:
        dropped.append(Dropped(Path(error.filename), f"cannot be listed ({error.strerror})"))

    visited: set[Path] = set()
    for folder, folders, files in os.walk(root, followlinks=True, onerror=unreadable):
        real = Path(folder).resolve()
        if real in visited:
            folders.clear()
            continue
        visited.add(real)
        yield from (Path(folder, name) for name in files)


def _natural(path: Path) -> list[tuple[bool, int, str]]:
    """Sort IM2 before IM10."""
    key: list[tuple[bool, int, str]] = []
    word, digits = "", ""
    for char in [*os.fspath(path), ""]:
        if char and char in "0123456789":
            digits += char
            continue
        if digits:
            key += [(False, 0, word), (True, int(digits), "")]
            word, digits = "", ""
        word += char
    return [*key, (False, 0, word)]

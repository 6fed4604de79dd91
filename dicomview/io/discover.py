"""Finding DICOM files: by content, in folders, files and lists of files."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from dicomview.errors import DecodeError, PathError
from dicomview.io.headers import Header, looks_like_dicom, read_header
from dicomview.io.progress import progress
from dicomview.volume import Dropped

__all__ = ["SUFFIXES", "PathLike", "Paths", "existing", "read_headers"]

PathLike = str | os.PathLike[str]
#: A folder, a file, or several of them.
Paths = PathLike | Iterable[PathLike]

#: Files that say by their name that they are DICOM are reported when they are not.
SUFFIXES = frozenset((".dcm", ".dicom", ".ima"))
_DIRECTORY_STORAGE = "1.2.840.10008.1.3.10"


def read_headers(path: Paths) -> tuple[list[Header], list[Dropped], int]:
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
    files = list(_files(path))
    for file, asked_for in progress(files, "headers"):
        try:
            if not looks_like_dicom(file):
                if asked_for or file.suffix.lower() in SUFFIXES:
                    dropped.append(Dropped(file, f"not a DICOM file ({file.stat().st_size} bytes)"))
                else:
                    others += 1
                continue
            header = read_header(file)
        except OSError as error:
            dropped.append(Dropped(file, f"cannot be opened ({error.strerror or error})"))
        except DecodeError as error:
            dropped.append(Dropped(file, str(error).removeprefix(f"{file.name} ")))
        else:
            if header.sop_class_uid != _DIRECTORY_STORAGE:
                headers.append(header)
    return headers, dropped, others


def existing(path: PathLike) -> Path:
    """Return a path, the user's home resolved, or raise PathError."""
    found = Path(path).expanduser()
    if not found.exists():
        raise PathError(f"there is no file or folder {os.fspath(path)!r}: check the path")
    return found


def _files(path: Paths) -> Iterator[tuple[Path, bool]]:
    """Give every file once, and whether it was named by the caller."""
    seen = set()
    for start in [path] if isinstance(path, str | os.PathLike) else path:
        root = existing(start)
        if root.is_dir():
            found = [(Path(folder, name), False) for folder, _, names in os.walk(root) for name in names]
        else:
            found = [(root, True)]
        for file, asked_for in sorted(found, key=lambda item: _natural(item[0])):
            if file not in seen:
                seen.add(file)
                yield file, asked_for


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

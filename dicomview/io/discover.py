"""Finding DICOM files: by content, in folders, files, archives, DICOMDIR and lists of these."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

from pydicom.uid import MediaStorageDirectoryStorage

from dicomview.io.cache import HeaderCache
from dicomview.io.cluster import spread
from dicomview.io.failures import failure, not_dicom
from dicomview.io.header import Header
from dicomview.io.headers import is_directory, looks_like_dicom, read_headers
from dicomview.io.likeness import Likenesses
from dicomview.io.progress import progress
from dicomview.io.ranged import RangedFile, heads
from dicomview.io.remote import is_address, remote_files
from dicomview.io.sources import (
    File,
    MemoryFile,
    archive_members,
    directory_files,
    existing,
    is_archive,
    walk,
)
from dicomview.volume import Dropped

__all__ = ["SUFFIXES", "PathLike", "Paths", "scan"]

PathLike = str | os.PathLike[str]
#: A folder, a file (also its bytes, or an open one), or several of them.
Paths = PathLike | bytes | BinaryIO | Iterable[PathLike]

#: Files that say by their name that they are DICOM are reported when they are not.
SUFFIXES = frozenset((".dcm", ".dicom", ".ima"))


def scan(
    path: Paths,
    cache: HeaderCache | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> tuple[list[Header], list[Dropped], int]:
    """Read the header of every DICOM file at a path.

    Parameters
    ----------
    path : str, PathLike or list of these
        Folders are searched recursively; a file stands for itself, never for its neighbours.
    cache : HeaderCache, optional
        Where headers are looked up first, and kept. All headers then have a token for their SOPInstanceUID.

    storage_options : mapping, optional
        For URLs: keys, tokens and the like, as fsspec takes them.

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
    dropped: list[Dropped] = []
    files = list(_files(path, dropped, storage_options))
    known = cache.headers(file for file, _ in files) if cache else {}
    parts = spread(_scanned, [item for item in files if item[0] not in known] if known else files)
    headers = [header for part in parts for header in part[0]]
    dropped += (one for part in parts for one in part[1])
    if cache:
        headers = _with_cache(files, known, headers, cache)
    return headers, dropped, sum(part[2] for part in parts)


def _with_cache(
    files: Sequence[tuple[File, bool]],
    known: Mapping[File, Header],
    headers: Sequence[Header],
    cache: HeaderCache,
) -> list[Header]:
    """Return all headers in the order of their files; the cache takes note of those that it did not know."""
    by_file: dict[File, list[Header]] = {}
    for header in headers:
        by_file.setdefault(header.path, []).append(header)
    cache.add(by_file)
    found = {file: [cache.without_uid(header) for header in some] for file, some in by_file.items()}
    found |= {file: [header] for file, header in known.items()}
    return [header for file, _ in files for header in found.get(file, ())]


def _scanned(files: Sequence[tuple[File, bool]]) -> tuple[list[Header], list[Dropped], int]:
    """Read the headers of files; with each comes whether it was named by the caller."""
    headers: list[Header] = []
    dropped: list[Dropped] = []
    others = 0
    likenesses = Likenesses()
    ready = heads(file for file, _ in files)
    for file, asked_for in progress(files, "headers"):
        next(ready)
        try:
            like = likenesses.header(file)
            if like is not None:
                headers.append(like)
                continue
            if not looks_like_dicom(file):
                if asked_for or (file.suffix.lower() in SUFFIXES and not file.name.startswith("._")):
                    raise not_dicom(file)
                if is_archive(file, by_name=True):
                    reason = "an archive inside the folder, not opened: give its own path to read it"
                    dropped.append(Dropped(Path(file), reason))
                else:
                    others += 1
                continue
            found = likenesses.learn(file, read_headers(file))
        except BaseException as error:
            problem = failure(file, error, "cannot be opened")
            if problem is None:
                raise
            dropped.append(Dropped.of(Path(file), problem))
        else:
            if found[0].sop_class_uid != MediaStorageDirectoryStorage:
                headers += found
        finally:
            if isinstance(file, RangedFile):
                file.forget()
    return headers, dropped, others


def _files(
    path: Paths, dropped: list[Dropped], storage_options: Mapping[str, Any] | None
) -> Iterator[tuple[File, bool]]:
    """Give every file once, and whether it was named by the caller."""
    seen: set[str] = set()
    for start in [path] if _is_one(path) else path:  # type: ignore[union-attr]
        found = _found(start, dropped, storage_options)
        folders = {os.path.dirname(os.fspath(file)) for file, _, _ in found}  # noqa: PTH120
        # Names are enough where all files are side by side.
        text = os.path.basename if len(folders) == 1 else os.fspath
        for file, asked_for, place in sorted(found, key=lambda item: _natural(text(item[0]))):
            if place not in seen:
                seen.add(place)
                yield file, asked_for


#: Contents of files have no path that tells them apart.
_NUMBERS = count(1)


def _is_one(path: Any) -> bool:
    return isinstance(path, str | os.PathLike | bytes) or hasattr(path, "read")


def _found(
    start: Any, dropped: list[Dropped], storage_options: Mapping[str, Any] | None
) -> list[tuple[File, bool, str]]:
    """Return the files behind one path, whether each was named by the caller, and its path without links."""
    if isinstance(start, bytes):
        root: File = MemoryFile.of(start, f"<bytes {next(_NUMBERS)}>")
    elif hasattr(start, "read") and not isinstance(start, os.PathLike):
        name = Path(str(getattr(start, "name", "<file>"))).name
        root = MemoryFile.of(start.read(), f"<file {next(_NUMBERS)}>", name)
    elif isinstance(start, MemoryFile | RangedFile):
        root = start
    elif is_address(start):
        files, is_file = remote_files(start, storage_options)
        if not is_file:
            return [(file, False, _place(file)) for file in files]
        root = files[0]
    else:
        root = existing(start)
        if root.is_dir():
            return [(file, False, place) for file, place in walk(root, dropped)]
    try:
        if looks_like_dicom(root):
            if isinstance(root, Path) and is_directory(root):
                return [(file, True, _place(file)) for file in directory_files(root, dropped)]
        elif is_archive(root):
            return [(file, False, _place(file)) for file in archive_members(root, dropped)]
    except Exception:  # said when the file itself is read
        pass
    return [(root, True, _place(root))]


def _place(file: File) -> str:
    """Return the path of a file without links."""
    return os.path.realpath(file) if isinstance(file, Path) else os.fspath(file)


_DIGITS = re.compile("([0-9]+)")


def _natural(text: str) -> list[str | int]:
    """Sort IM2 before IM10."""
    parts = _DIGITS.split(text)
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]

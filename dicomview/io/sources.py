"""Where files come from: folders, archives, DICOMDIR, memory."""

import io
import os
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any, BinaryIO

import pydicom

from dicomview.errors import PathError
from dicomview.volume import Dropped

__all__ = ["File", "MemoryFile", "archive_members", "directory_files", "existing", "is_archive", "walk"]


class MemoryFile(PurePosixPath):
    """A file whose contents are in memory: a member of an archive, or bytes.

    It has a name and place like a path, and is opened like one.
    """

    data: bytes

    @classmethod
    def of(cls, data: bytes, *parts: str | os.PathLike[str]) -> "MemoryFile":
        """Make a file of bytes."""
        file = cls(*parts)
        file.data = data
        return file

    def open(self, mode: str = "rb") -> BinaryIO:
        """Return the contents as a file object."""
        return io.BytesIO(self.data)

    def stat(self) -> Any:
        """Return the size, as ``st_size``."""
        return SimpleNamespace(st_size=len(self.data))

    def resolve(self) -> "MemoryFile":
        """Return itself: there are no links in memory."""
        return self


#: Other files, like npz, are zip archives inside.
_ARCHIVES = frozenset(("", ".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz"))
#: What headers and pixels are read from.
File = Path | MemoryFile


def walk(root: Path, dropped: list[Dropped]) -> Iterator[Path]:
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


def is_archive(file: File) -> bool:
    """Return whether a file is a zip or (compressed) tar archive of files, not a format made of one."""
    if file.suffix.lower() not in _ARCHIVES:
        return False
    with file.open("rb") as stream:
        if zipfile.is_zipfile(stream):
            return True
        stream.seek(0)
        return tarfile.is_tarfile(stream)


def archive_members(file: File, dropped: list[Dropped]) -> Iterator[MemoryFile]:
    """Give the files of a zip or tar archive, read into memory; nothing is written to disk."""
    try:
        with file.open("rb") as stream:
            if zipfile.is_zipfile(stream):
                with zipfile.ZipFile(stream) as archive:
                    for info in archive.infolist():
                        if not info.is_dir():
                            yield MemoryFile.of(archive.read(info), str(file), info.filename.lstrip("/"))
                return
            stream.seek(0)
            with tarfile.open(fileobj=stream) as tape:
                for member in tape:
                    content = tape.extractfile(member) if member.isfile() else None
                    if content is not None:
                        yield MemoryFile.of(content.read(), str(file), member.name.lstrip("/"))
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, RuntimeError, OSError) as error:
        dropped.append(Dropped(Path(file), f"the archive cannot be read to its end ({type(error).__name__})"))


def directory_files(file: Path, dropped: list[Dropped]) -> Iterator[Path]:
    """Give the files that a DICOMDIR names; those outside its own folder are refused.

    References
    ----------
    DICOM PS3.3 F.3 (Basic Directory IOD).
    """
    root = file.parent.resolve()
    dataset = pydicom.dcmread(file)
    for record in dataset.get("DirectoryRecordSequence") or ():
        parts = record.get("ReferencedFileID")
        if not parts:
            continue
        named = root.joinpath(*([parts] if isinstance(parts, str) else list(parts)))
        if not named.resolve().is_relative_to(root):
            dropped.append(Dropped(named, "named by the DICOMDIR, but outside its folder"))
        elif not named.is_file():
            dropped.append(Dropped(named, "named by the DICOMDIR, but not there"))
        else:
            yield named


def existing(path: str | os.PathLike[str]) -> Path:
    """Return a path, the user's home resolved, or raise PathError."""
    found = Path(path).expanduser()
    if not found.exists():
        raise PathError(f"there is no file or folder {os.fspath(path)!r}: check the path")
    return found

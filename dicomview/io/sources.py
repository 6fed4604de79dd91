"""Where files come from: folders, archives, DICOMDIR, memory."""

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any, BinaryIO, cast

import pydicom
from pydicom.filereader import read_partial

from dicomview.errors import MemoryBudgetError, PathError, file_name
from dicomview.io.failures import words_of
from dicomview.io.inflate import Bounded, Room, opened
from dicomview.io.quiet import quiet
from dicomview.io.ranged import RangedFile
from dicomview.volume import Dropped

__all__ = [
    "File",
    "MemoryFile",
    "archive_members",
    "directory_files",
    "existing",
    "irregular",
    "is_archive",
    "plain",
    "reopened",
    "start_of",
    "walk",
]


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

    def __reduce__(self) -> Any:
        """Take the contents along to another process."""
        return MemoryFile.of, (self.data, *self.parts)

    def open(self, mode: str = "rb") -> BinaryIO:
        """Return the contents as a file object."""
        return io.BytesIO(self.data)

    def stat(self) -> Any:
        """Return the size, as ``st_size``."""
        return SimpleNamespace(st_size=len(self.data))

    def resolve(self) -> "MemoryFile":
        """Return itself: there are no links in memory."""
        return self


#: What reading a damaged or encrypted archive raises.
_BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, RuntimeError,
    NotImplementedError, OSError,
)  # fmt: skip
#: Other files, like npz, are zip archives inside.
_ARCHIVES = frozenset(("", ".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz"))
#: What packs a tar archive, by the first bytes of what it makes.
_PACKERS: dict[bytes, Callable[[BinaryIO], Any]] = {
    b"\x1f\x8b": lambda stream: gzip.GzipFile(fileobj=stream),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
    b"\x5d\0\0": lzma.LZMAFile,
}
#: Archives in archives are opened so many levels down.
_DEEPEST = 3
_RECORDS = 0x00041220  # DirectoryRecordSequence
_KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
_READING = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
#: What headers and pixels are read from.
File = Path | MemoryFile | RangedFile


def walk(root: Path, dropped: list[Dropped]) -> Iterator[tuple[Path, str]]:
    """Give the files below a folder and their paths without links; each folder once, also behind links.

    What is neither file nor folder, like a pipe, is dropped and not opened.
    """
    visited: set[tuple[int, int]] = set()
    waiting = [(root, os.path.realpath(root))]
    while waiting:
        folder, real = waiting.pop()
        try:
            state = folder.stat()
            if (state.st_dev, state.st_ino) in visited:
                continue
            visited.add((state.st_dev, state.st_ino))
            with os.scandir(folder) as listed:
                entries = list(listed)
        except OSError as error:
            dropped.append(Dropped(folder, f"cannot be listed ({error.strerror})"))
            continue
        inside = os.path.join(real, "")  # noqa: PTH118
        folders = []
        for entry in entries:
            file = folder / entry.name
            place = os.path.realpath(file) if entry.is_symlink() else inside + entry.name
            if _is(entry.is_dir):
                folders.append((file, place))
            elif not _is(entry.is_file) and (problem := irregular(file)) is not None:
                dropped.append(Dropped.of(file, problem))
            else:
                yield file, place
        waiting += reversed(folders)


def _is(test: Callable[[], bool]) -> bool:
    try:
        return test()
    except OSError:
        return False


def irregular(path: Path) -> PathError | None:
    """Return what to raise where a path is a pipe, socket or device; None for others, also for no file."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return None
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return None
    kind = _KINDS.get(stat.S_IFMT(mode), "a device")
    return PathError(
        f"not a regular file, but {kind}: it may never end",
        path=path,
        remedy="save what it gives to a file, or give that as bytes",
    )


def is_archive(file: File, *, by_name: bool = False) -> bool:
    """Return whether a file is a zip or (compressed) tar archive of files, not a format made of one.

    Only its name is looked at first, and with ``by_name`` one that says nothing is no archive's.
    """
    if file.suffix.lower() not in _ARCHIVES or (by_name and not file.suffix):
        return False
    if not file.stat().st_size:  # or it only says so, and never ends
        return False
    with file.open("rb") as stream:
        if zipfile.is_zipfile(stream):
            return True
        stream.seek(0)
        try:
            with _tape(stream, Room(file.stat().st_size)):
                return True
        except MemoryBudgetError:
            return True
        except _BROKEN:
            return False


def archive_members(
    file: File, dropped: list[Dropped], depth: int = 0, room: Room | None = None
) -> Iterator[MemoryFile]:
    """Give the files of a zip or tar archive, and of archives inside; nothing is written to disk.

    All of them are in memory, so that together they may take no more than what is inflated may.
    """
    try:
        with file.open("rb") as stream:
            members = _zip_members if zipfile.is_zipfile(stream) else _tar_members
            room = Room(file.stat().st_size) if room is None else room
            stream.seek(0)
            for number, (name, data) in enumerate(members(stream, file, dropped, room)):
                # Two members may have the same name.
                member = MemoryFile.of(data, str(file), str(number), name.lstrip("/"))
                if depth < _DEEPEST and is_archive(member, by_name=True):
                    yield from archive_members(member, dropped, depth + 1, room)
                else:
                    yield member
    except MemoryBudgetError as error:
        dropped.append(Dropped(Path(file), error.reason))
    except _BROKEN as error:
        dropped.append(Dropped(Path(file), f"the archive cannot be read to its end ({words_of(error)})"))


def reopened(path: Path) -> File | None:
    """Return a file again by the path that it was read from, also a member of an archive; else None."""
    if path.is_file():
        return path
    archive = next((parent for parent in path.parents if parent.is_file()), None)
    if archive is None or not is_archive(archive):
        return None
    return next((file for file in archive_members(archive, []) if Path(file) == path), None)


def _zip_members(
    stream: BinaryIO, file: File, dropped: list[Dropped], room: Room
) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(stream) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            room.take(info.file_size)
            try:
                yield info.filename, archive.read(info)
            except _BROKEN as error:
                reason = f"cannot be read from {file_name(file)} ({words_of(error)})"
                dropped.append(Dropped(Path(info.filename), reason))


def _tar_members(
    stream: BinaryIO, file: File, dropped: list[Dropped], room: Room
) -> Iterator[tuple[str, bytes]]:
    with _tape(stream, room) as tape:
        for member in tape:
            room.take(member.size)  # also what is only passed by
            content = tape.extractfile(member) if member.isfile() else None
            if content is not None:
                yield member.name, content.read()
        # tarfile takes a damaged header for the end; the true one is a block of zeros.
        assert tape.fileobj is not None
        tape.fileobj.seek(tape.offset)
        if tape.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("no end of archive")


def _tape(stream: BinaryIO, room: Room) -> tarfile.TarFile:
    """Open a tar archive, by its first bytes as a compressed one."""
    start = stream.read(6)
    stream.seek(0)
    kind = next((kind for magic, kind in _PACKERS.items() if start.startswith(magic)), None)
    inflated = stream if kind is None else kind(stream)
    return tarfile.open(fileobj=cast(BinaryIO, Bounded(inflated, room.left)), mode="r:")


def directory_files(file: Path, dropped: list[Dropped]) -> Iterator[Path]:
    """Give the files that a DICOMDIR names; those outside its own folder are refused.

    References
    ----------
    DICOM PS3.3 F.3 (Basic Directory IOD).
    """
    root = file.parent.resolve()
    try:
        with opened(file) as stream, quiet():
            dataset = pydicom.dcmread(stream, force=True)
            names = [
                record.get("ReferencedFileID") for record in dataset.get("DirectoryRecordSequence") or ()
            ]
    except Exception as error:
        dropped.append(Dropped(file, f"cannot be read as a DICOMDIR ({words_of(error)})"))
        return
    if _is_cut(file):
        dropped.append(Dropped(file, "ends before its last record: it may name more files than are read"))
    listed = cache(_by_upper_case)
    records: dict[Path, int] = {}
    for parts in names:
        if not parts:
            continue
        named = _spelled(root, [parts] if isinstance(parts, str) else list(parts), listed)
        if not named.resolve().is_relative_to(root):
            dropped.append(Dropped(named, "named by the DICOMDIR, but outside its folder"))
        elif not named.is_file():
            dropped.append(Dropped(named, "named by the DICOMDIR, but not there"))
        else:
            records[named] = records.get(named, 0) + 1
            if records[named] == 1:
                yield named
    for named, count in records.items():
        if count > 1:
            dropped.append(
                Dropped(file, f"{count} records name {file_name(named)}, so that files of others may be lost")
            )


def _is_cut(file: Path) -> bool:
    """Return whether a DICOMDIR ends before its records do."""
    length = 0

    def is_records(tag: int, vr: str | None, size: int) -> bool:
        nonlocal length
        length = size
        return tag == _RECORDS

    try:
        with opened(file) as stream:
            read_partial(stream, stop_when=is_records, force=True)
            behind = file.stat().st_size - stream.tell()
    except Exception:  # told where it is read as a whole
        return True
    return length != 0xFFFFFFFF and length > behind


def _spelled(root: Path, parts: Sequence[str], listed: Callable[[Path], dict[str, Path]]) -> Path:
    """Return the file that a DICOMDIR names, in upper case; copies of a disc may have lower-case names."""
    named = root
    for part in parts:
        exact = named / part
        named = exact if exact.exists() else listed(named).get(part.upper(), exact)
    return named


def _by_upper_case(folder: Path) -> dict[str, Path]:
    """Return what a folder holds, by its name in upper case."""
    return {file.name.upper(): file for file in folder.iterdir()} if folder.is_dir() else {}


def existing(path: str | os.PathLike[str]) -> Path:
    """Return a path, the user's home resolved, or raise PathError."""
    found, problem = Path(path), None
    try:
        found = found.expanduser()
        if os.path.lexists(found):
            found.stat()
            problem = irregular(found)
            if problem is None:
                return found
    except (OSError, RuntimeError, ValueError) as error:  # no such user, a NUL, a loop of links, no rights
        told = getattr(error, "strerror", None) or type(error).__name__
        cause, remedy = f"may not be seen ({told})", "check the path, and the right to read there"
    else:
        if problem is not None:
            raise problem
        cause, remedy = "there is no such file or folder", "check the path"
    raise PathError(cause, path=path, remedy=remedy)


def start_of(file: File, amount: int) -> tuple[bytes, tuple[int, int]]:
    """Return the first bytes of a file, and its size and time of change."""
    if isinstance(file, MemoryFile):
        return file.data[:amount], (len(file.data), 0)
    if isinstance(file, RangedFile):  # what its header took is enough
        return file.head()[:amount], (file.size, 0)
    number = os.open(file, _READING)
    try:
        state = os.fstat(number)
        is_plain = stat.S_ISREG(state.st_mode) and state.st_size  # others may block, or never end
        return os.read(number, amount) if is_plain else b"", (state.st_size, state.st_mtime_ns)
    finally:
        os.close(number)


def plain(file: File) -> Path:
    """Return the path of a file, also of one in memory."""
    return file if isinstance(file, Path) else Path(file)

"""Ranged: files elsewhere, read piece by piece; a nameless temporary file for what comes only as a whole."""

import io
import tempfile
import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import PurePosixPath
from threading import Lock
from types import SimpleNamespace
from typing import Any, BinaryIO, Protocol, TypeVar, cast

from dicomview.errors import PathError

__all__ = ["CONNECTIONS", "RangedFile", "Ranges", "Spool", "fetched", "heads"]

T = TypeVar("T")
R = TypeVar("R")

#: Requests that are under way at a time.
CONNECTIONS = 8
#: Bytes that are fetched of each file for its header, and by which more follow where that was not enough.
HEAD, BLOCK = 1 << 14, 1 << 16


class Ranges(Protocol):
    """What gives the bytes of one file from a place up to another."""

    def __call__(self, start: int, stop: int) -> bytes:
        """Return them; fewer only where the file ends."""
        ...

    def size(self) -> int:
        """Return the number of bytes of the file."""
        ...


class RangedFile(PurePosixPath):
    """A file of which only those parts are fetched that are read.

    It has a name and place like a path, and is opened like one.
    """

    ranges: Ranges
    told: int | None
    #: The beginning of the file, as far as it was read.
    held: bytes

    @classmethod
    def of(cls, ranges: Ranges, size: int | None, *parts: str) -> "RangedFile":
        """Make a file of so many bytes, where that is known, which something gives."""
        file = cls(*parts)
        file.ranges, file.told, file.held = ranges, size, b""
        return file

    @property
    def size(self) -> int:
        """The number of bytes."""
        if self.told is None:
            self.told = self.ranges.size()
        return self.told

    def __reduce__(self) -> Any:
        """Take along to another process how the contents are reached."""
        return RangedFile.of, (self.ranges, self.told, *self.parts)

    def open(self, mode: str = "rb") -> BinaryIO:
        """Return the contents as a file object."""
        return cast(BinaryIO, _Stream(self))

    def stat(self) -> Any:
        """Return the size, as ``st_size``."""
        return SimpleNamespace(st_size=self.size)

    def resolve(self) -> "RangedFile":
        """Return itself: links are the business of where it is."""
        return self

    def head(self) -> bytes:
        """Return the beginning of the file, as far as it was fetched; some of it is."""
        if not self.held and self.told != 0:
            self.held = self.ranges(0, HEAD if self.told is None else min(self.told, HEAD))
            if self.told is None and len(self.held) < HEAD:
                self.told = len(self.held)
        return self.held

    def forget(self) -> None:
        """Let go of the beginning."""
        self.held = b""


class _Stream(io.RawIOBase):
    """Reads a ranged file: large pieces as asked for, small ones in blocks that are kept."""

    def __init__(self, file: RangedFile) -> None:
        self._file, self._at = file, 0
        self._block: tuple[int, bytes] = (0, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(
            0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size}[whence]
        )
        return self._at

    def readall(self) -> bytes:
        return self._take(self._file.size)

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        data = self._take(self._at + len(view))
        view[: len(data)] = data
        return len(data)

    def _take(self, stop: int) -> bytes:
        """Return the bytes up to a place, and go there."""
        start, stop = self._at, min(stop, self._file.size)
        if start >= stop:
            return b""
        for first, known in ((0, self._file.held), self._block):
            if first <= start and stop <= first + len(known):
                data = known[start - first : stop - first]
                break
        else:
            data = self._fetched(start, stop)
        self._at += len(data)
        return data

    def _fetched(self, start: int, stop: int) -> bytes:
        file = self._file
        if start == 0 and stop <= HEAD and not file.held:
            return file.head()[:stop]
        before = file.held[start:]
        begin = start + len(before)
        if stop - begin >= BLOCK:
            return before + file.ranges(begin, stop)
        block = file.ranges(begin, min(begin + BLOCK, file.size))
        if file.held and begin == len(file.held):  # a long header
            file.held += block
            return file.held[start:stop]
        self._block = begin, block
        return before + block[: stop - begin]


class Spool:
    """Contents of many files in one temporary file without a name, which goes with the last of them.

    They are not held in memory then, beside the array that is made of them.

    Examples
    --------
    >>> spool = Spool()
    >>> [spool.add(data, "images", name).open().read() for name, data in (("a", b"123"), ("b", b"45"))]
    [b'123', b'45']
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the files are used
        self._end, self._lock = 0, Lock()
        weakref.finalize(self, self._file.close)

    def add(self, data: bytes | memoryview, *parts: str) -> RangedFile:
        """Return a file of this name with these contents."""
        with self._lock:
            start = self._end
            try:
                self._file.seek(start)
                self._file.write(data)
            except OSError as error:
                raise PathError(
                    f"no room in the folder for temporary files for what was fetched ({error.strerror})",
                    remedy="free some, or set the environment variable TMPDIR to another folder",
                ) from None
            self._end += len(data)
        return RangedFile.of(_Part(self, start, len(data)), len(data), *parts)

    def read(self, start: int, stop: int) -> bytes:
        """Return bytes of the temporary file."""
        with self._lock:
            self._file.seek(start)
            return self._file.read(stop - start)


class _Part:
    """One of the files of a spool."""

    def __init__(self, spool: Spool, start: int, size: int) -> None:
        self._spool, self._start, self._size = spool, start, size

    def __call__(self, start: int, stop: int) -> bytes:
        return self._spool.read(self._start + start, self._start + min(stop, self._size))

    def size(self) -> int:
        return self._size

    def __reduce__(self) -> Any:
        raise TypeError(
            "images that came from a server are in a temporary file of this process: read them without "
            "lazy=True, or save them to a folder that all workers of the cluster see"
        )


def fetched(
    items: Sequence[T], fetch: Callable[[T], R], *, connections: int = CONNECTIONS
) -> Generator[R | Exception, None, None]:
    """Fetch things on a few threads, and give them, or what went wrong, in order.

    No more are under way or waiting to be taken than twice the number of threads.

    Examples
    --------
    >>> list(fetched([1, 2, 3], lambda n: n * n))
    [1, 4, 9]
    """

    def outcome(future: Future[R]) -> R | Exception:
        try:
            return future.result()
        except Exception as error:
            return error

    under_way: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(connections)
    try:
        for item in items:
            under_way.append(pool.submit(fetch, item))
            if len(under_way) >= 2 * connections:
                yield outcome(under_way.popleft())
        while under_way:
            yield outcome(under_way.popleft())
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def heads(files: Iterable[Any]) -> Iterator[object]:
    """Give a sign for each file whose header can be read without waiting; of those elsewhere, a few ahead."""
    files = list(files)
    if any(isinstance(file, RangedFile) for file in files):
        return fetched(files, lambda file: isinstance(file, RangedFile) and (file.head(), file.size))
    return iter(files)

"""Processes that run tasks: how one is started, asked and ended, and the memory that is shared with it."""

import builtins
import json
import math
import mmap
import os
import pickle
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pydicom

from dicomview.io import pipes

__all__ = ["Hung", "Killed", "NoWorker", "Stopped", "Worker", "WorkerError"]

#: Seconds that a new process may take until it says that it is a worker, and that a worker may take to import
#: what a task needs; seconds after which one without work ends itself.
HELLO, START, IDLE = 10.0, 60.0, 60.0
#: Seconds after which somebody who waits looks whether this is still wanted.
STEP = 0.1
#: Bytes that a decoder may take, beside so many times what its result takes.
ALLOWANCE, FACTOR = 512 << 20, 16
#: A worker gives back shared memory beyond so many bytes.
KEEP = 64 << 20
_LONGEST_LINE = 1 << 16
_KINDS = "biuf"
#: Threads of libraries would take memory for nothing: there are as many workers as processors.
_SINGLE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
#: Where a process is started apart from the keys of the terminal: Ctrl-C is for this one.
_APART: dict[str, Any] = (
    {"creationflags": 0x08000200} if sys.platform == "win32" else {"process_group": 0}
)  # CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP


class WorkerError(Exception):
    """A worker came to grief: it crashed, took too long or too much memory, or answered nonsense."""


class Hung(WorkerError):
    """A worker took too long."""


class Killed(WorkerError):
    """A worker was ended from outside: another one may do better."""


class Stopped(WorkerError):
    """What a worker does is no longer wanted."""


class NoWorker(Exception):
    """No worker can be started here."""


class Worker:
    """A process that runs tasks, and the memory that is shared with it."""

    def __init__(self) -> None:
        self._rest = b""
        self._memory: mmap.mmap | None = None
        self._name = ""
        self._has_greeted = self._has_begun = False
        self._since = time.monotonic()
        #: Is set when what it does is no longer wanted.
        self.stop: Event | None = None
        #: Those whose modules have been imported.
        self.tasks: set[str] = set()
        self._file = _unnamed_file()
        files = () if self._file is None else (self._file,)
        script, folder = Path(__file__).with_name("worker.py"), Path(__file__).parent
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-I", str(script), json.dumps(_search_path()), str(IDLE)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                cwd=folder,
                env={**os.environ, **_SINGLE},
                pass_fds=files,
                **_APART,
            )
        except BaseException:
            self._free()
            raise

    def ask(
        self, task: str, items: Sequence[Any], settings: dict[str, Any], sizes: Sequence[int], seconds: float
    ) -> None:
        """Have a task done; the arrays come by :meth:`answer`."""
        try:
            if not self._has_greeted:
                self._line(HELLO)
                self._has_greeted = True
            self._send(task, items, settings, sizes, seconds)
            self._line(START)
        except (Killed, Stopped):
            raise
        except WorkerError as error:
            if self._has_begun:
                raise
            raise NoWorker(f"a new process of {sys.executable} does not answer") from error
        self._has_begun = True
        self.tasks.add(task)

    def _send(
        self, task: str, items: Sequence[Any], settings: dict[str, Any], sizes: Sequence[int], seconds: float
    ) -> None:
        where = self._place(sum(sizes))
        allowance = ALLOWANCE + FACTOR * max(sizes)
        request = pickle.dumps((where, task, items, settings, sizes, allowance, seconds))
        assert self.process.stdin is not None
        data = len(request).to_bytes(8, "little") + request
        try:
            is_sent = pipes.write(self.process.stdin.fileno(), data, START, self.process.kill)
        except OSError as error:
            raise self._death() from error
        if not is_sent:
            raise Hung(_late(START))

    def answer(self, at: int, size: int, seconds: float) -> np.ndarray | Exception:
        """Return the next array, in shared memory, or what the task raised."""
        told = self._line(seconds)
        if "error" in told:
            return _exception(told)
        try:
            shape, dtype = tuple(map(int, told["shape"])), np.dtype(told["dtype"])
            fits = (
                dtype.kind in _KINDS
                and all(n >= 0 for n in shape)
                and math.prod(shape) * dtype.itemsize <= size
            )
        except (KeyError, TypeError, ValueError):
            shape, dtype, fits = (), np.dtype(np.uint8), False
        if not fits or self._memory is None:
            raise WorkerError("the decoder destroyed its process")
        return np.ndarray(shape, dtype, self._memory, at)

    def is_over(self) -> bool:
        """Return whether it has ended, or was without work for so long that it may."""
        return self.process.poll() is not None or self.idle_for() > IDLE

    def idle_for(self) -> float:
        """Return for how many seconds it is without work."""
        return time.monotonic() - self._since

    def rest(self) -> None:
        """Give back what was needed for large images only."""
        self._since, self.stop = time.monotonic(), None
        if self._memory is not None and len(self._memory) > KEEP:
            self._memory = None
            if self._file is not None:
                os.ftruncate(self._file, 0)

    def end(self, *, gently: bool = False) -> None:
        """End the process; gently one that waits for work."""
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        self._free()
        if gently:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(1)
                return
        self.process.kill()
        with suppress(subprocess.TimeoutExpired):  # one that waits for a disk ends only then
            self.process.wait(1)

    def forget(self) -> None:
        """Let go of the process, which is another one's: that which this one was forked from."""
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        self._free()
        self.process.returncode = 0

    def _free(self) -> None:
        self._memory = None
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _place(self, size: int) -> tuple[int | str, int]:
        """Return the number or name of shared memory that holds so many bytes, and its size."""
        if self._memory is None or len(self._memory) < size:
            if self._file is None:  # Windows
                self._name = f"dicomview-{secrets.token_hex(16)}"
                self._memory = mmap.mmap(-1, size, tagname=self._name)  # type: ignore[call-arg,unused-ignore]
            else:
                os.ftruncate(self._file, size)
                self._memory = mmap.mmap(self._file, size)
        return self._name if self._file is None else self._file, len(self._memory)

    def _line(self, seconds: float) -> dict[str, Any]:
        """Return the next line of the worker."""
        assert self.process.stdout is not None
        until = time.monotonic() + seconds
        number = self.process.stdout.fileno()
        while b"\n" not in self._rest:
            while not pipes.is_readable(number, min(until - time.monotonic(), STEP)):
                if self.stop is not None and self.stop.is_set():
                    raise Stopped("the decoder was stopped")
                if time.monotonic() > until:
                    raise Hung(_late(seconds))
            part = os.read(number, _LONGEST_LINE)
            if not part:
                raise self._death()
            self._rest += part
            if len(self._rest) > _LONGEST_LINE:
                raise WorkerError("the decoder destroyed its process")
        line, _, self._rest = self._rest.partition(b"\n")
        return _told(line)

    def _death(self) -> WorkerError:
        """Say how the process ended."""
        try:
            code = self.process.wait(1)
        except subprocess.TimeoutExpired:
            return WorkerError("the decoder destroyed its process")
        if code >= 0:
            return WorkerError(f"the decoder ended its process with status {code}")
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        # Ended by its own alarm it had no work when it began to end.
        return (Killed if name in ("SIGKILL", "SIGTERM", "SIGALRM") else WorkerError)(
            f"the decoder crashed: {name}"
        )


@lru_cache(maxsize=8)
def _told(line: bytes) -> dict[str, Any]:
    """Return what a line of a worker says."""
    try:
        told = json.loads(line)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise WorkerError("the decoder destroyed its process")
    return told


def _late(seconds: float) -> str:
    return f"the decoder did not answer within {seconds:.0f} s"


def _exception(told: dict[str, Any]) -> Exception:
    """Return what a task raised, as the built-in exception that is nearest."""
    kind, text = getattr(builtins, str(told["error"]), Exception), str(told.get("text"))
    if not isinstance(kind, type) or not issubclass(kind, Exception):
        return WorkerError(text)  # a panic, or an exit
    try:
        return kind(0, text) if issubclass(kind, OSError) else kind(text)
    except TypeError:
        return WorkerError(text)


def _search_path() -> list[str]:
    """Return where workers look for modules: as here, but not where the user happens to be.

    A file called numpy.py that lies there must not be taken for the package.
    """
    here = os.path.realpath(Path.cwd())
    needed = {str(Path(np.__file__).parents[1]), str(Path(pydicom.__file__).parents[1])}
    known = [path for path in sys.path if isinstance(path, str) and os.path.isabs(path)]  # noqa: PTH117
    return [path for path in known if path in needed or os.path.realpath(path) != here]


def _unnamed_file() -> int | None:
    """Open a file without a name, of memory where the system has such; None on Windows."""
    if sys.platform == "win32":
        return None
    if hasattr(os, "memfd_create"):
        return os.memfd_create("dicomview")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())

"""Isolation: decoders run in a few processes of their own, where a crash or a hang costs one error."""

import atexit
import os
import sys
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from threading import Condition, Event, Timer, local
from time import monotonic
from typing import Any

import numpy as np

from dicomview.io import processes
from dicomview.io.processes import Hung, Killed, NoWorker, Stopped, Worker, WorkerError
from dicomview.io.quiet import warn
from dicomview.options import options

__all__ = ["WORKERS", "WorkerError", "run", "stop_by", "warm"]

#: More processes than this wait for memory only.
WORKERS = min(4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
#: Seconds that an item may take, and bytes of compressed data for which there is a second more.
PATIENCE, RATE = 15.0, 1 << 20
#: Seconds after which an item that took too long is tried again.
FORGIVEN = 300.0
#: Seconds after which starting workers is tried again where it failed; each time in a row twice as many.
PAUSE = 60.0


class _Pool:
    """Workers that wait, and how many there are in all."""

    def __init__(self) -> None:
        self._free = Condition()
        self._idle: list[Worker] = []
        self._busy: list[Worker] = []
        self._timer: Timer | None = None
        #: Those who wait for a worker, in the order in which they came.
        self._queue: list[object] = []

    @contextmanager
    def lease(self, task: str) -> Iterator[Worker]:
        """Lend a worker; one that was left in the middle of a request ends."""
        stop: Event | None = getattr(_THREAD, "stop", None)
        worker = self._taken(task, stop)
        is_well = False
        try:
            worker.stop = stop
            yield worker
            worker.rest()
            is_well = True
        finally:
            if not is_well:
                worker.end()
            with self._free:
                self._busy.remove(worker)
                if is_well:
                    self._idle.append(worker)
                    self._watch()
                self._free.notify_all()

    def _taken(self, task: str, stop: Event | None) -> Worker:
        """Return a worker, best one that has done such a task: it need not import anything.

        Who came first gets one first: one slice that somebody looks at, before the next of many.
        """
        ticket = object()
        with self._free:
            self._queue.append(ticket)
            try:
                while stop is None or not stop.is_set():
                    self._sweep()
                    is_first = self._queue[0] is ticket
                    if is_first and self._idle:
                        worker = max(reversed(self._idle), key=lambda idle: task in idle.tasks)
                        self._idle.remove(worker)
                    elif is_first and len(self._busy) < WORKERS:
                        worker = _started()
                    else:
                        self._free.wait(None if stop is None else processes.STEP)
                        continue
                    self._busy.append(worker)
                    return worker
            finally:
                self._queue.remove(ticket)
                self._free.notify_all()
        raise Stopped("the decoder was stopped")

    def _sweep(self) -> None:
        """Let go of workers that have ended meanwhile, or were without work for long, and of their memory."""
        for worker in [w for w in self._idle if w.is_over()]:
            self._idle.remove(worker)
            worker.end()

    def _watch(self) -> None:
        """Sweep when all would be over; no thread is left behind where there are no workers."""
        if self._timer is None and self._idle:
            left = processes.IDLE - min(worker.idle_for() for worker in self._idle)
            self._timer = Timer(max(left, 0.0) + processes.STEP, self._look)
            self._timer.daemon = True
            try:
                self._timer.start()
            except RuntimeError:  # no thread can be started: the next who takes a worker sweeps
                self._timer = None

    def _look(self) -> None:
        with self._free:
            self._timer = None
            self._sweep()
            self._watch()

    def warm(self, number: int) -> None:
        """Start so many workers, as far as they are not there."""
        with self._free:
            self._sweep()
            while len(self._idle) + len(self._busy) < min(number, WORKERS):
                self._idle.insert(0, _started())
            self._watch()

    def close(self) -> None:
        """End all workers."""
        with self._free:
            if self._timer is not None:
                self._timer.cancel()
            workers, self._idle = [*self._idle, *self._busy], []
            for worker in workers:
                worker.end(gently=worker not in self._busy)

    def forget(self) -> None:
        """Begin anew in a process that was forked."""
        for worker in (*self._idle, *self._busy):
            worker.forget()
        self.__init__()  # type: ignore[misc]


_POOL = _Pool()
atexit.register(_POOL.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_POOL.forget)


class _Obstacle:
    """What is in the way of starting workers: for a while none is tried, and it is said once."""

    def __init__(self) -> None:
        self._until, self._times = 0.0, 0

    def __bool__(self) -> bool:
        return self._times > 0 and monotonic() < self._until

    def met(self, error: NoWorker) -> None:
        """Take note that a worker could not be started."""
        if self:
            return  # several threads met the same
        self._until = monotonic() + PAUSE * 2**self._times
        self._times += 1
        if self._times == 1:
            warn(f"pixels are decoded in this process, where a damaged file may end it: {error}")

    def overcome(self) -> None:
        """Take note that a worker is there again."""
        self._times = 0


_OBSTACLE = _Obstacle()
#: What ends the requests of a thread.
_THREAD = local()
#: Items that took too long, what is said of them, and when that was.
_HUNG: dict[Hashable, tuple[str, float]] = {}


def run(
    task: str,
    items: Sequence[Any],
    sizes: Sequence[int],
    *,
    lengths: Sequence[int] = (),
    keys: Sequence[Hashable] = (),
    **settings: Any,
) -> Iterator[np.ndarray]:
    """Run a task on items, in a worker if ``options.isolate`` is set.

    Parameters
    ----------
    task : str
        Module and name of a function that takes the items and gives an array for each.
    items : sequence
    sizes : sequence of int
        The most bytes that the array of each item may have.
    lengths : sequence of int
        Bytes of compressed data of each item: the more, the longer it may take.
    keys : sequence of Hashable
        What the items are called: one that took too long is not tried again for ``FORGIVEN`` seconds. None
        for no name.
    **settings
        Of the task.

    Yields
    ------
    ndarray
        Valid until the next one is asked for: what is kept must be copied.

    Raises
    ------
    WorkerError
        If the decoder crashes, takes too long or too much memory.
    Exception
        What the task raises.

    Examples
    --------
    >>> from dicomview.io.general import CodedFrame
    >>> list(run("dicomview.io.general.decode_frames", [], []))
    []
    """
    done, is_again = 0, False
    while done < len(items):
        if not _can_isolate():
            module, _, name = task.rpartition(".")
            rest = items[done:]
            yield from getattr(import_module(module), name)(rest, [None] * len(rest), **settings)
            return
        try:
            for array in _isolated(task, items[done:], sizes[done:], lengths[done:], keys[done:], settings):
                yield array
                done, is_again = done + 1, False
        except Killed:
            if is_again:
                raise
            is_again = True
        except NoWorker as error:
            _OBSTACLE.met(error)


def stop_by(event: Event) -> None:
    """Have what this thread asks of workers end when an event is set: nobody waits for it any more."""
    _THREAD.stop = event


def warm(number: int = WORKERS) -> None:
    """Start workers, so that they are there when they are needed; this takes no time here."""
    try:
        if _can_isolate():
            _POOL.warm(number)
    except NoWorker:
        pass  # said when one is needed


def _isolated(
    task: str,
    items: Sequence[Any],
    sizes: Sequence[int],
    lengths: Sequence[int],
    keys: Sequence[Hashable],
    settings: dict[str, Any],
) -> Iterator[np.ndarray]:
    """Run a task in a worker."""
    hung = next((k for k, key in enumerate(keys) if _still_hung(key)), len(items))
    if not hung:
        raise WorkerError(_HUNG[keys[0]][0])
    if hung < len(items):
        yield from _isolated(task, items[:hung], sizes[:hung], lengths[:hung], keys[:hung], settings)
        raise WorkerError(_HUNG[keys[hung]][0])
    seconds = PATIENCE + max(lengths, default=0) / RATE
    at, found = 0, None
    with _POOL.lease(task) as worker:
        worker.ask(task, items, settings, sizes, seconds)
        _OBSTACLE.overcome()
        for k, size in enumerate(sizes):
            try:
                found = worker.answer(at, size, seconds)
            except Hung as error:
                if keys and keys[k] is not None:
                    _HUNG[keys[k]] = str(error), monotonic()
                raise
            if isinstance(found, MemoryError):
                raise WorkerError("the decoder took too much memory")
            if isinstance(found, Exception):
                break
            yield found
            at += size
    if isinstance(found, Exception):
        raise found


def _still_hung(key: Hashable) -> bool:
    """Return whether an item took too long not long ago."""
    return key in _HUNG and monotonic() - _HUNG[key][1] < FORGIVEN


def _can_isolate() -> bool:
    return (
        options.isolate
        and not _OBSTACLE
        and sys.platform not in ("emscripten", "wasi")  # nothing can be started, and nothing else can crash
        and not getattr(sys, "frozen", False)  # the executable is the program of a user
        and bool(sys.executable)
    )


def _started() -> Worker:
    try:
        return Worker()
    except (OSError, ValueError) as error:
        raise NoWorker(f"no process can be started ({error})") from error

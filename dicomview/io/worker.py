"""The worker: a process that runs tasks for another one and may come to grief; a program, never imported.

It reads requests from its input. It writes a line to its output when it is there, one when it has read a
request and imported what that needs, and one for every array; the arrays themselves go into memory that both
share. Its arguments are the search path for modules and how long it waits for work.
"""

import importlib
import json
import os
import pickle
import signal
import sys
import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import accumulate, islice
from mmap import mmap
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["main"]

#: Says that this process is there, or ready.
_LINE = b"{}\n"
#: A text of an error is cut here.
_LONGEST = 2000
#: Seconds that this process may take beyond those after which it ought to have been ended.
_GRACE = 10
#: Seconds after which an alarm is put off: it costs as much as a small frame.
_OFTEN = 1.0


def _light_package(name: str, folder: Path) -> None:
    """Let modules of a package be imported without the package itself, which imports much more."""
    package = ModuleType(name)
    package.__path__ = [str(folder)]
    sys.modules[name] = package


def _private_pipes() -> tuple[Any, int]:
    """Return the pipes to the other process; what decoders print or read goes nowhere."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    return requests, replies


def _set_limits() -> None:
    """Leave no core dump, and be the first to go where the system runs out of memory."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        Path("/proc/self/oom_score_adj").write_text("1000")
    except (ImportError, OSError, ValueError):
        pass


def _limit_memory(allowance: int | None) -> None:
    """Let this process take so many bytes more than it has now; None for what the system allows."""
    try:
        import resource

        most = resource.getrlimit(resource.RLIMIT_AS)[1]
        limit = most
        if allowance is not None:
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            limit = used + allowance if most == resource.RLIM_INFINITY else min(used + allowance, most)
        resource.setrlimit(resource.RLIMIT_AS, (limit, most))
    except (ImportError, OSError, ValueError):
        pass  # not on this system


def _alarm(seconds: float) -> None:
    """Have the system end this process after so long, whatever it does then and whoever is left to see it."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _told(error: BaseException) -> dict[str, Any]:
    """Return what the other process is told of an exception."""
    bases = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"]
    text = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
    return {"error": bases[0], "name": type(error).__name__, "text": text[:_LONGEST]}


@lru_cache(maxsize=1)
def _line(shape: tuple[int, ...], dtype: str) -> bytes:
    """Return the line for an array."""
    return json.dumps({"shape": shape, "dtype": dtype}).encode() + b"\n"


def _mapped(place: int | str, size: int) -> mmap:
    """Return memory that both processes share, by the number of its file or by its name."""
    return mmap(place, size) if isinstance(place, int) else mmap(-1, size, tagname=place)  # type: ignore[call-arg,unused-ignore]


def _ready(task: str, items: Sequence[Any], options: dict[str, Any]) -> Any:
    """Return the function of a task when all is imported that it needs."""
    name, _, function = task.rpartition(".")
    module = importlib.import_module(name)
    with suppress(Exception):  # the task raises it again
        if hasattr(module, "prepare"):
            module.prepare(items, **options)
    return getattr(module, function)


def _run(request: Sequence[Any], shared: mmap, replies: int) -> None:
    """Run a task and answer for each of its items; the first that fails is the last."""
    import numpy as np

    task, items, options, sizes, allowance, seconds = request
    function = _ready(task, items, options)
    os.write(replies, _LINE)
    _limit_memory(allowance)
    starts = [0, *accumulate(sizes)]
    rooms = [np.ndarray(size, np.uint8, shared, at) for at, size in zip(starts, sizes)]
    try:
        arrays = iter(function(items, rooms, **options))
        last = -_OFTEN
        for room in rooms:
            if time.monotonic() - last >= _OFTEN:
                last = time.monotonic()
                _alarm(seconds + _GRACE)
            (array,) = islice(arrays, 1)
            if array.nbytes > room.nbytes:
                raise ValueError(
                    f"it holds {array.nbytes} bytes of pixels, its header tells of {room.nbytes}"
                )
            place = np.ndarray(array.shape, array.dtype, room)
            if place.ctypes.data != array.ctypes.data:
                place[...] = array
            os.write(replies, _line(array.shape, array.dtype.str))
    except BaseException as error:  # a panic is no Exception
        os.write(replies, json.dumps(_told(error)).encode() + b"\n")


def main() -> None:
    """Answer requests until there are none."""
    paths, patience = json.loads(sys.argv[1]), float(sys.argv[2])
    requests, replies = _private_pipes()
    os.write(replies, _LINE)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _set_limits()
    sys.path[:] = paths
    warnings.simplefilter("ignore")
    root = Path(__file__).parents[1]
    _light_package("dicomview", root)
    _light_package("dicomview.io", root / "io")
    importlib.import_module("dicomview.io.tasks")
    known, shared = (0, 0), mmap(-1, 1)
    while True:
        _alarm(patience)
        head = requests.read(8)
        if len(head) < 8:
            return  # the other process is gone
        request = requests.read(int.from_bytes(head, "little"))
        _alarm(patience + _GRACE)
        where, *what = pickle.loads(request)
        if where != known:
            known, shared = where, _mapped(*where)
        _run(what, shared, replies)
        _limit_memory(None)


if __name__ == "__main__":
    main()

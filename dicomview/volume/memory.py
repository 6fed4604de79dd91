"""Memory: how much is free, and whether an array may take so much of it."""

import os
from collections.abc import Sequence
from math import prod
from pathlib import Path

from dicomview.errors import MemoryBudgetError
from dicomview.options import options

__all__ = ["allowed_memory", "check_budget", "free_memory"]

#: Limits of a container and what it uses, of both versions of control groups.
_GROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
    ),
)
_MIB = 1 << 20


#: What helps where a volume is too large.
_LAZY = "pass lazy=True to read only what is looked at"


def check_budget(
    shape: Sequence[int],
    itemsize: int,
    name: str,
    remedy: str = _LAZY,
    *,
    path: str | os.PathLike[str] | None = None,
) -> None:
    """Refuse an array that would take more memory than the budget.

    Parameters
    ----------
    shape : sequence of int
    itemsize : int
        Bytes of a value.
    name : str
        What the array is for, for the message.
    remedy : str
        What helps, beside a larger budget.
    path : path-like, optional
        Of the file that the array is read from.

    Raises
    ------
    MemoryBudgetError
        If it is larger than ``options.memory_budget``.
    """
    budget = allowed_memory()
    if budget is None:
        return
    needed = prod(shape) * itemsize
    if needed > budget:
        extents = " × ".join(map(str, shape))
        raise MemoryBudgetError(
            f"{name} of {extents} values takes {needed / _MIB:.0f} MB, and options.memory_budget allows "
            f"{budget / _MIB:.0f} MB",
            path=path,
            remedy=f"{remedy}, or raise the budget (None for no limit)",
        )


def allowed_memory() -> float | None:
    """Return how many bytes ``options.memory_budget`` allows; None for no limit, or where nobody tells."""
    budget = options.memory_budget
    if budget is None or budget > 1:
        return budget
    free = free_memory()
    return None if free is None else budget * free


def free_memory() -> int | None:
    """Return how many bytes this process may still take, in its container too; None where nobody tells."""
    told = [_of_system(), _of_process(), *(_of_group(*paths) for paths in _GROUPS)]
    return min((free for free in told if free is not None), default=None)


def _of_system() -> int | None:
    """Return what the system can give without swapping."""
    try:
        with Path("/proc/meminfo").open() as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        pass
    try:  # elsewhere half of all is a fair guess of what is free
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, OSError, ValueError):
        return None


def _of_process() -> int | None:
    """Return what a limit of this process (``ulimit -v``) leaves."""
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit == resource.RLIM_INFINITY:
            return None
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except (ImportError, AttributeError, OSError, ValueError):
        return None
    return max(limit - used, 0)


def _of_group(limit: str, usage: str, statistics: str) -> int | None:
    """Return what the control group leaves, not counting files that it keeps in memory."""
    try:
        most, used = int(Path(limit).read_text()), int(Path(usage).read_text())
        words = Path(statistics).read_text().split()
    except (OSError, ValueError):  # no control groups, or no limit ("max")
        return None
    numbers = dict(zip(words[::2], words[1::2]))
    cached = int(numbers.get("inactive_file") or numbers.get("total_inactive_file") or 0)
    return max(most - used + cached, 0)

"""Cluster: work on many files is spread over the workers of a dask.distributed client, where there is one."""

import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

__all__ = ["spread"]

T = TypeVar("T")
R = TypeVar("R")

#: Files of one task; fewer than two tasks are not worth sending.
BATCH = 200


def spread(work: Callable[[Sequence[T]], R], items: Sequence[T]) -> list[R]:
    """Return what a function makes of all items: of all at once, or of batches on the workers of a client.

    Parameters
    ----------
    work : callable
        Takes a sequence of items; a function of a module, so that it can be sent.
    items : sequence
        With a running ``dask.distributed.Client`` they must mean something to its workers, like paths on a
        disk that all of them see.

    Returns
    -------
    list
        In the order of the items.
    """
    client = _client()
    if client is None or len(items) < 2 * BATCH:
        return [work(items)]
    batches = [items[i : i + BATCH] for i in range(0, len(items), BATCH)]
    results: list[R] = client.gather(client.map(work, batches, pure=False))
    return results


def _client() -> Any:
    """Return the client that runs in this process; distributed is asked only if it is there already."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return None
    try:
        return distributed.default_client()
    except ValueError:
        return None

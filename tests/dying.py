"""Tasks for workers that come to grief, each in another way; and one that tells who runs it."""

import ctypes
import os
import sys
import time
import warnings
from contextlib import suppress
from importlib import import_module

import numpy as np

from dicomview.io import general
from dicomview.io.general import decode_frames
from dicomview.io.tasks import CodedPart, decode_parts


class PanicException(BaseException):
    """What a panic in Rust becomes."""


def segfault():
    ctypes.string_at(0)


def panic():
    raise PanicException("index out of bounds: the len is 3 but the index is 7")


def hang():
    while True:
        time.sleep(1)


def bomb():
    kept = []
    while True:
        kept.append(np.ones(8 << 20, np.uint8))


def leave():
    sys.exit(3)


def vanish():
    os._exit(0)


def babble():
    """Write what is no answer where answers go."""
    for number in range(3, 32):
        with suppress(OSError):
            os.write(number, b"no answer\n")


def flood():
    """Write without end where answers go."""
    for number in range(3, 32):
        with suppress(OSError):
            for _ in range(1000):
                os.write(number, bytes(1000))


WAYS = (segfault, panic, hang, bomb, leave, vanish, babble, flood)


#: Where this is in the compressed data the decoder dies.
MARK = b"LETHAL"


def __getattr__(name):
    """Give the task "segfault_frames" or "segfault_parts", and so on for all ways."""
    way, _, kind = name.partition("_")
    decode = {"frames": decode_frames, "parts": decode_parts}.get(kind)
    if decode is None or globals().get(way) not in WAYS:
        raise AttributeError(name)

    def task(items, rooms, **options):
        for item, room in zip(items, rooms):
            data = item.read() if isinstance(item, CodedPart) else getattr(item, "data", item)
            if MARK in data:
                globals()[way]()
            yield from decode([item], [room], **options)

    return task


def printing(items, rooms, **options):
    """Decode, print and warn."""
    print("decoder says hello")
    os.write(1, b"and so does C\n")
    os.write(2, b"error: and complains\n")
    warnings.warn("and warns", stacklevel=1)
    yield from decode_frames(items, rooms, **options)


def large(items, rooms):
    """Give more than there is room for."""
    for _ in items:
        yield np.zeros(1000, np.uint8)


def objects(items, rooms):
    for _ in items:
        yield np.array([None])


def pids(items, rooms):
    """Give the number of the process."""
    for _ in items:
        yield np.array([os.getpid()])


def echo(items, rooms):
    for item in items:
        yield np.array([item])


def origins(items, rooms):
    """Give where modules come from."""
    for name in items:
        yield np.frombuffer(import_module(name).__file__.encode(), np.uint8)


def slow_parts(items, rooms, **options):
    for array in decode_parts(items, rooms, **options):
        time.sleep(0.05)
        yield array


def imported_late(items, rooms, **options):
    """Give the names of the modules that decoding imports beyond what was made ready."""
    general.prepare(items, **options)
    known = set(sys.modules)
    list(decode_frames(items, rooms, **options))
    yield np.frombuffer(" ".join(sorted(set(sys.modules) - known)).encode(), np.uint8)

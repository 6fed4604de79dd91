"""Values: elements of a plain form, decoded as pydicom decodes them; all others are refused."""

import math
import re
import struct
from functools import lru_cache

from dicomview.io.keys import seconds

__all__ = [
    "FARTHEST",
    "Unlike",
    "decimal",
    "factor",
    "integer",
    "integers",
    "moment_of",
    "number_of",
    "point",
    "stamp_of_day",
    "uid",
]

#: Nothing in a patient is farther from the origin, mm.
FARTHEST = 1e6
#: Text of numbers that Python and pydicom understand alike.
_DECIMAL = re.compile(rb" *[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,2})? *")
_POINT = re.compile(rb"\\".join([_DECIMAL.pattern] * 3))
_INTEGER = re.compile(rb" *[+-]?\d{1,9} *")
_UID = re.compile(rb"[0-9.]{1,64}\0?")
_TIME, _DATE = re.compile(rb"\d\d(\d\d(\d\d(\.\d{1,6})?)?)? *"), re.compile(rb"\d{8}")
_STAMP = re.compile(rb"\d{14}(\.\d{1,6})? *")
_BINARY = {b"FD": "<d", b"FL": "<f", b"UL": "<I", b"US": "<H", b"SL": "<i", b"SS": "<h"}
_NUMBERS = {vr: struct.Struct(form) for vr, form in _BINARY.items()}


class Unlike(Exception):
    """The value of an element is not one that is understood here."""


def decimal(value: bytes) -> float:
    """Return one decimal string (DS)."""
    if len(value) > 16 or not _DECIMAL.fullmatch(value):
        raise Unlike
    return float(value)


def integer(value: bytes) -> int:
    """Return one integer string (IS)."""
    if len(value) > 12 or not _INTEGER.fullmatch(value):
        raise Unlike
    return int(value)


def point(value: bytes) -> tuple[float, ...]:
    """Return three decimal strings."""
    if not _POINT.fullmatch(value):
        raise Unlike
    texts = value.split(b"\\")
    x, y, z = numbers = tuple(map(float, texts))
    if max(map(len, texts)) > 16 or not max(abs(x), abs(y), abs(z)) <= FARTHEST:
        raise Unlike
    return numbers


def uid(value: bytes) -> str:
    """Return a unique identifier (UI)."""
    if not _UID.fullmatch(value):
        raise Unlike
    return value.rstrip(b"\0").decode()


def factor(value: bytes) -> float:
    """Return one decimal string that is neither zero nor infinite."""
    number = decimal(value)
    if number == 0 or not math.isfinite(number):
        raise Unlike
    return number


@lru_cache(maxsize=64)
def moment_of(time: bytes, date: bytes) -> float:
    """Return a time (TM) in seconds, counted from 1970 where the date (DA) is not empty."""
    if not _TIME.fullmatch(time) or (date and not _DATE.fullmatch(date)):
        raise Unlike
    try:
        return seconds(time.decode().strip(), date.decode())
    except ValueError as error:  # no such day
        raise Unlike from error


def stamp_of_day(value: bytes, vr: bytes) -> float:
    """Return a date and time (DT) in seconds since 1970; one of another time zone is refused."""
    if vr != b"DT" or not _STAMP.fullmatch(value):
        raise Unlike
    return moment_of(value[8:], value[:8])


def number_of(value: bytes, vr: bytes) -> float:
    """Return one finite number of any type of numbers."""
    if vr in _NUMBERS:
        form = _NUMBERS[vr]
        if len(value) != form.size:
            raise Unlike
        number = float(form.unpack(value)[0])
    elif vr == b"DS":
        number = decimal(value)
    elif vr == b"IS":
        number = float(integer(value))
    else:
        raise Unlike
    if not math.isfinite(number):
        raise Unlike
    return number


def integers(value: bytes, vr: bytes) -> tuple[int, ...]:
    """Return one or more unsigned integers of four bytes (UL)."""
    if vr != b"UL" or not value or len(value) % 4:
        raise Unlike
    return struct.unpack(f"<{len(value) // 4}I", value)

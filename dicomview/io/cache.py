"""Cache: numbers in the headers of files that were looked at before, and nothing about the patient."""

import json
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from dicomview.errors import DecodeError
from dicomview.io.header import Header
from dicomview.io.headers import read_headers
from dicomview.io.quiet import warn
from dicomview.io.sources import File

__all__ = ["HeaderCache"]

_FORMAT, _VERSION = "dicomview header cache", 2
#: Attributes of a header that are stored: numbers all of them.
_NUMBERS = (
    "series_number", "acquisition_number", "instance_number", "position", "orientation", "pixel_spacing",
    "slice_thickness", "rows", "columns", "samples_per_pixel", "bits_allocated", "is_signed", "padding",
    "rescale_slope", "rescale_intercept", "has_modality_lut", "has_pixels", "keys",
)  # fmt: skip
#: Attributes that are text, which is never stored: files that share it have a number in common.
_TEXTS = (
    "sop_class_uid", "series_instance_uid", "series_description", "modality", "image_type",
    "convolution_kernel", "photometric_interpretation",
)  # fmt: skip
#: Keys that are times of day or of the calendar, which may tell who somebody is.
_CLOCKS = ("AcquisitionTime", "ContentTime")
#: Decimals of a second in a header.
_DECIMALS = 6
#: Size, time of change, token of the SOP instance, number of the texts, and the numbers.
Entry = Sequence[Any]


class HeaderCache:
    """Headers of files by path, size and time of change.

    Parameters
    ----------
    path : path-like
        Of the cache; a file that is none, or one of another version, is ignored and written anew.

    Notes
    -----
    A file of two lines of JSON. The first has ``format``, ``version`` and the SHA-256 of the second, which
    has a random ``salt`` and ``files``: by the salted hash of each path its size, its time of change in ns,
    the salted hash of its SOPInstanceUID, the number of its texts, and the numbers of its header in the order
    of ``_NUMBERS``. There are no names, UIDs, paths or other text: what is the same for many files, like the
    description of a series, is read again from one of them. Times of day are counted from those of another
    file of the same texts, and are read again with it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path).expanduser()
        self._salt, self._entries = self._read()
        self._start = sha256(self._salt.encode())
        self._texts: dict[tuple[Any, ...], int] = {}
        self._zeros: dict[int, dict[str, float]] = {}  # by number of the texts: what times are counted from
        self._next = 1 + max((entry[3] for entry in self._entries.values()), default=0)

    def headers(self, files: Iterable[File]) -> dict[File, Header]:
        """Return the headers of the files that are as they were."""
        by_text: dict[int, list[tuple[File, Entry]]] = {}
        for file in files:
            entry = self._entries.get(self._key(file)) if isinstance(file, Path) else None
            if entry is not None and _state(file) == (entry[0], entry[1]):
                by_text.setdefault(entry[3], []).append((file, entry))
        found: dict[File, Header] = {}
        for number, members in by_text.items():
            numbers = {file: _numbers(entry[4]) for file, entry in members}
            first = max(numbers, key=lambda file: len(_clocks(numbers[file]["keys"])))
            base = _read_again(first)
            zero = {} if base is None else _zero(base, numbers[first])
            if base is None or any(_clocks(told["keys"]) - zero.keys() for told in numbers.values()):
                continue
            self._texts[tuple(getattr(base, name) for name in _TEXTS)] = number
            self._zeros[number] = zero
            for file, (_, _, token, _, _) in members:
                told = numbers[file] | {"keys": _moved(numbers[file]["keys"], zero)}
                found[file] = base.like(path=file, sop_instance_uid=token, scanned=None, **told)
        return found

    def without_uid(self, header: Header) -> Header:
        """Return a header as it would come from the cache, so that copies of an image have the same token."""
        uid = header.sop_instance_uid
        return header.like(sop_instance_uid=self._hashed(uid)) if uid else header

    def add(self, headers: Mapping[File, Sequence[Header]]) -> None:
        """Take note of headers of single images with nothing unusual about them, and write the cache."""
        changed = False
        for file, of_file in headers.items():
            state = _state(file)
            if len(of_file) == 1 and state is not None and _is_ordinary(header := of_file[0]):
                texts = tuple(getattr(header, name) for name in _TEXTS)
                number = self._texts.setdefault(texts, self._next)
                self._next = max(self._next, number + 1)
                zero = self._zeros.setdefault(number, {})
                for key in _clocks(header.keys):
                    zero.setdefault(key, header.key_values[key])
                back = {key: -value for key, value in zero.items()}
                numbers = [getattr(header, name) for name in _NUMBERS[:-1]] + [_moved(header.keys, back)]
                token = self._hashed(header.sop_instance_uid) if header.sop_instance_uid else ""
                self._entries[self._key(file)] = (*state, token, number, numbers)
                changed = True
        if changed:
            self._write()

    def _key(self, file: File) -> str:
        return self._hashed(os.path.abspath(file))  # noqa: PTH100 - for many files

    def _hashed(self, text: str) -> str:
        hashed = self._start.copy()
        hashed.update(text.encode("utf-8", "surrogateescape"))
        return hashed.hexdigest()[:32]

    def _read(self) -> tuple[str, dict[str, Entry]]:
        """Return salt and entries; new ones where there is no cache that can be trusted."""
        try:
            head, body = self._path.read_bytes().split(b"\n", 1)
            told = json.loads(head)
            is_ours = (told["format"], told["version"]) == (_FORMAT, _VERSION)
            if is_ours and told["sha256"] == sha256(body).hexdigest():
                content = json.loads(body)
                return content["salt"], content["files"]
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return secrets.token_hex(16), {}

    def _write(self) -> None:
        """Write the cache beside its place, and put it there as a whole."""
        body = json.dumps({"salt": self._salt, "files": self._entries}, separators=(",", ":")).encode()
        head = {"format": _FORMAT, "version": _VERSION, "sha256": sha256(body).hexdigest()}
        unfinished = self._path.with_name(f"{self._path.name}.{secrets.token_hex(4)}")
        try:
            unfinished.write_bytes(json.dumps(head).encode() + b"\n" + body)
            unfinished.replace(self._path)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            warn(f"the header cache cannot be written ({error.strerror})", UserWarning)


def _state(file: File) -> tuple[int, int] | None:
    """Return size and time of change; None for a file in memory, or one that is not there."""
    if not isinstance(file, Path):
        return None
    try:
        told = os.stat(file)  # noqa: PTH116 - for many files
    except OSError:
        return None
    return told.st_size, told.st_mtime_ns


def _read_again(file: File) -> Header | None:
    try:
        return read_headers(file)[0]
    except DecodeError:
        return None


def _is_ordinary(header: Header) -> bool:
    """Return whether a header is made of what is stored, of shared texts, and of nothing else."""
    told = {name: getattr(header, name) for name in ("path", "sop_instance_uid", *_NUMBERS, *_TEXTS)}
    return header.has_pixels and header == Header(**told)


def _numbers(stored: Sequence[Any]) -> dict[str, Any]:
    """Return the attributes that an entry holds, with tuples where a header has them."""
    told = {name: tuple(v) if type(v) is list else v for name, v in zip(_NUMBERS, stored, strict=True)}
    told["keys"] = tuple(map(tuple, told["keys"]))
    return told


def _clocks(keys: Sequence[tuple[str, float]]) -> set[str]:
    """Return which times there are."""
    return {key for key, _ in keys if key in _CLOCKS}


def _zero(base: Header, told: dict[str, Any]) -> dict[str, float]:
    """Return what times are counted from, by the times of a header that was read again."""
    stored = dict(told["keys"])
    return {key: base.key_values[key] - stored[key] for key in _clocks(base.keys) if key in stored}


def _moved(keys: Sequence[tuple[str, float]], by: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """Return sorting keys with the times moved."""
    return tuple((key, round(value + by[key], _DECIMALS) if key in by else value) for key, value in keys)

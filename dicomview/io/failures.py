"""Failures: what goes wrong while a file is read becomes an error that names the file, and quotes nothing."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from pydicom.datadict import keyword_for_tag, tag_for_keyword

from dicomview.errors import DecodeError, DicomviewError, MemoryBudgetError
from dicomview.io.quiet import quiet
from dicomview.options import options

__all__ = ["COPY", "failure", "not_dicom", "reader", "reading", "tag_in", "words_of"]

P = ParamSpec("P")
T = TypeVar("T")

#: What helps where a file is not as it was written.
COPY = "copy it again from its source, it is damaged or incomplete"
_RIGHTS = "ask for the right to read it"
_AGAIN = "check the disk or the network, and read it again"
_MEMORY = "read it where more memory is free"
#: Of what others say, no more than so many characters.
_LONGEST = 300
_READ = 2000  # of them are looked at: what they quote may be long
#: Quoted text, with escapes and quotes within words, and where it was cut off before its end; before it what
#: is no quotation: the apostrophe of "can't" or "pydicom's".
_QUOTED = re.compile(
    r"""(?<=\w)'(?:s|t|re|ve|ll|d)\b|"""
    r"""(?:(?<!\w)b)?('(?:[^'\\]|\\.|(?<=\w)'(?=\w))*(?:'|\\?$)|"(?:[^"\\]|\\.|(?<=\w)"(?=\w))*(?:"|\\?$))"""
)
_FOLDERS = re.compile(r"(?:[A-Za-z]:)?[/\\]?(?:[^\s'\"/\\(]+[/\\])+(?=[^\s/\\])")
_NUMBER = re.compile(r"\(([0-9A-Fa-f]{4}),\s*([0-9A-Fa-f]{4})\)")
#: What errors without words of their own mean.
_BARE = {"EOFError": "it ends too early", "KeyError": "a part of it is not there"}
_EARLY, _OTHER, _SIZE = "it ends too early", "a value is absent or of another kind", "its parts do not fit"
#: What words of the language and of its libraries mean.
_PLAIN = tuple(
    (re.compile(words), cause)
    for words, cause in {
        r"maximum recursion depth exceeded[^;|)]*": "sequences are nested too deeply",
        r"unpack(_from)? requires a buffer of (at least )?\d+ bytes( for unpacking \d+ bytes at offset \d+)?"
        r"( \(actual buffer size is \d+\))?": _EARLY,
        r"buffer (is smaller than requested size|size must be a multiple of element size)": _EARLY,
        r"(list|string|tuple|bytearray|pop) (assignment )?index out of range": _EARLY,
        r"index -?\d+ is out of bounds for axis \d+ with size \d+": _EARLY,
        r"could not broadcast input array from shape (\([^)]*\)) into shape (\([^)]*\))":
            r"it has values of shape \1 in place of \2",
        r"cannot reshape array of size (\d+) into shape (\([^)]*\))":
            r"it has \1 values, which do not fill a shape of \2",
        r"operands could not be broadcast together with[^;|]*": _SIZE,
        r"type object '\w+' has no attribute '\w+'|'\w+' object has no attribute '\w+'": _OTHER,
        r"'\w+' object (is not \w+|does not support [\w ]+|cannot be [\w ]+)": _OTHER,
        r"unsupported operand type\(s\) for [^:]*: '[^']*' and '[^']*'": _OTHER,
        r"'[^']*' not supported between instances of '[^']*' and '[^']*'": _OTHER,
        r"object of type '\w+' has no len\(\)": _OTHER,
        r"\w+\(\) argument must be [^;|)]*": _OTHER,
        r"(Python )?int too large to convert to [\w ]+": "a number is too large",
        r"'[\w-]+' codec can't decode bytes? .* in position [\d-]+": "a text is in another encoding",
    }.items()
)  # fmt: skip
_WORD = re.compile(r"\b[A-Z][A-Za-z0-9]+\b")


def failure(
    path: str | os.PathLike[str] | None, error: BaseException, cause: str, *, remedy: str = COPY
) -> DicomviewError | None:
    """Return the error to raise in place of another one; None for what ends the program.

    Parameters
    ----------
    path : path-like or None
        What was read.
    error : BaseException
        One of ours gets the path and the remedy that it lacks.
    cause : str
        What was not possible: ``"cannot be read as DICOM"``.
    remedy : str
        Unless the error itself tells a better one.

    Examples
    --------
    >>> found = failure("a/b.dcm", ValueError("'DOE^JOHN' for Rows"), "cannot be read", remedy="mend it")
    >>> print(found)
    b.dcm: cannot be read ('...' for Rows (0028,0010)): mend it
    """
    if isinstance(error, DicomviewError):
        if path is not None:
            error.at(path)
        error.remedy = error.remedy or remedy
        return error
    if isinstance(error, MemoryError):
        return MemoryBudgetError(f"{cause} (it takes more memory than there is)", path=path, remedy=_MEMORY)
    # Decoders written in Rust stop at damage with an exception that is no Exception.
    if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
        return None
    words = words_of(error)
    if isinstance(error, OSError) and error.errno is not None:
        remedy = _RIGHTS if isinstance(error, PermissionError) else _AGAIN
    return DecodeError(f"{cause} ({words})", path=path, tag=tag_in(words), remedy=remedy)


@contextmanager
def reading(
    path: str | os.PathLike[str] | None, cause: str = "cannot be read", *, remedy: str = COPY
) -> Iterator[None]:
    """Turn whatever is raised within into one of our errors, about the path.

    The error beneath it may quote the header and name the folder, and shows in no traceback.
    """
    try:
        with quiet():  # a warning of pydicom quotes the header
            yield
    except BaseException as error:
        problem = failure(path, error, cause, remedy=remedy)
        if problem is None or problem is error:
            raise
        raise problem from None


def reader(function: Callable[P, T]) -> Callable[P, T]:
    """Let a function whose first argument is a path raise no error of reading but ours.

    Errors about the arguments themselves stay TypeError.
    """

    @wraps(function)
    def read(*args: P.args, **kwargs: P.kwargs) -> T:
        path: Any = args[0] if args else kwargs.get("path")
        is_place = isinstance(path, str | os.PathLike)
        if not (is_place or isinstance(path, Iterable) or hasattr(path, "read")) and (
            args or "path" in kwargs
        ):
            raise TypeError(f"a path, bytes, an open file or a list is needed, not {type(path).__name__}")
        is_address = isinstance(path, str) and "://" in path
        try:
            with quiet():  # a warning of pydicom quotes the header
                return function(*args, **kwargs)
        except BaseException as error:
            is_call = isinstance(error, TypeError) and error.__traceback__ and not error.__traceback__.tb_next
            if is_call:
                raise
            problem = failure(path if is_place and not is_address else None, error, "cannot be read")
            if problem is None or problem is error:
                raise
        raise problem

    return read


def not_dicom(path: Any) -> DecodeError:
    """Return the error about a file that was named, and is none."""
    size = path.stat().st_size
    return DecodeError(
        f"not a DICOM file ({size} bytes)",
        path=path,
        remedy="name a DICOM file" if size else "copy it again from its source, it is empty",
    )


def words_of(error: BaseException, *kept: str) -> str:
    """Return what an error says on one line, without folders and without what it quotes of a header.

    Parameters
    ----------
    error : BaseException
    *kept : str
        What may be quoted, beside keywords of DICOM.

    Examples
    --------
    >>> words_of(ValueError("could not convert string to float: 'DOE^JOHN'"))
    "could not convert string to float: '...'"
    >>> words_of(RecursionError("maximum recursion depth exceeded"))
    'sequences are nested too deeply'
    """
    if isinstance(error, OSError):
        if not error.strerror and isinstance(error.__context__, Exception):  # pydicom makes these of others
            return words_of(error.__context__, *kept)
        return error.strerror or "it cannot be read to its end"
    text = " ".join(str(error)[:_READ].split())
    absent = re.search(r"has no attribute '(\w+)'", text)
    if isinstance(error, AttributeError) and absent and tag_for_keyword(absent[1]) is not None:
        return f"{absent[1]} is absent"
    if isinstance(error, KeyError | AssertionError | EOFError) or not text:
        return _BARE.get(type(error).__name__, "it is not as it should be")
    for found, cause in _PLAIN:
        text = found.sub(cause, text)
    if not options.show_patient:
        text = _QUOTED.sub(lambda found: _quoted(found, kept), text)
    text = _NUMBER.sub(lambda found: f"({found[1]},{found[2]})".upper(), _FOLDERS.sub("", text))
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _quoted(found: re.Match[str], kept: tuple[str, ...]) -> str:
    """Return what is quoted where it is a word of DICOM, else three dots."""
    if found[1] is None:
        return found[0]
    text = found[1][1:-1]
    return found[0] if text in kept or tag_for_keyword(text) is not None else "'...'"


def tag_in(text: str) -> str | None:
    """Return the keyword of the first element that a text names, by number or else by keyword.

    Examples
    --------
    >>> tag_in("a value of 0 for (0028,0010)"), tag_in("Columns is missing"), tag_in("bad")
    ('Rows', 'Columns', None)
    """
    numbers = (int(a + b, 16) for a, b in _NUMBER.findall(text))
    named = next(filter(None, map(keyword_for_tag, numbers)), None)
    return named or next((w for w in _WORD.findall(text) if tag_for_keyword(w) is not None), None)

"""Remote: folders and files on S3, GCS, HTTP, in memory and wherever else fsspec reaches."""

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from errno import EIO
from pathlib import Path
from threading import Lock
from typing import Any, TypeGuard
from urllib.parse import urlsplit

from dicomview.errors import DicomviewError, MissingPackageError, PathError, ServerError
from dicomview.io.ranged import RangedFile, Spool
from dicomview.io.web import cause_of

__all__ = ["is_address", "is_of_imageio", "last_of", "reason_of", "remote_files"]

_WEB = ("http", "https")


def is_address(path: Any) -> TypeGuard[str]:
    """Return whether a path is a URL."""
    return isinstance(path, str) and "://" in path


def is_of_imageio(url: str) -> bool:
    """Return whether a URL is one of a single file that imageio fetches."""
    kind, _, place = url.partition("://")
    if kind == "file":
        return not Path(place).is_dir()
    return kind in (*_WEB, "ftp", "ftps") and not place.partition("?")[0].endswith("/")


def remote_files(url: str, storage_options: Mapping[str, Any] | None = None) -> tuple[list[RangedFile], bool]:
    """List the files behind a URL; nothing of them is read yet.

    Parameters
    ----------
    url : str
        Whatever fsspec takes: of a folder, which is searched to the bottom, or of a file. Folders of web
        servers end with a slash.
    storage_options : mapping, optional
        For fsspec: keys, tokens, end points.

    Returns
    -------
    files : list of RangedFile
    is_file : bool
        Whether the URL is that of a file.

    Raises
    ------
    PathError
        If there is nothing, or nothing that may be seen.
    ServerError
        If the store does not answer.
    MissingPackageError
        If fsspec, or what it needs for this kind of URL, is not installed.
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingPackageError(
            f"folders elsewhere need fsspec, which cannot be imported here ({error})",
            remedy="pip install 'dicomview[remote]'",
        ) from error
    kind, name = url.partition("://")[0], last_of(url)
    try:
        system, root = url_to_fs(url, **dict(storage_options or {}))
        system.invalidate_cache()
        found, is_file = _web_files(system, root) if kind in _WEB else _files(system, root)
    except Exception as error:  # its text may hold an address with a key
        problem = _problem(error, kind, name)
    else:
        spool, lock = Spool(), nullcontext() if getattr(system, "async_impl", False) else Lock()
        return [_file(system, path, size, spool, lock) for path, size in sorted(found.items())], is_file
    raise problem


Found = dict[str, int | None]


def _files(system: Any, root: str) -> tuple[Found, bool]:
    """Return the files below a root and their sizes, and whether the root is a file itself."""
    found = system.find(root, detail=True)
    if not found and not system.exists(root):
        raise FileNotFoundError
    sizes = {path: info.get("size") for path, info in found.items()}
    return sizes, list(sizes) == [root] or list(sizes) == [root.lstrip("/")]


def _web_files(system: Any, root: str) -> tuple[Found, bool]:
    """Return the same of a web server: files that its pages link to, below the root only."""
    if not root.partition("?")[0].endswith("/"):
        return {root: system.info(root).get("size")}, True
    found: Found = {}
    folders, seen = [root], {root}
    while folders:
        for entry in system.ls(folders.pop(), detail=True):
            path = entry["name"]
            if path in seen or not path.startswith(root.partition("?")[0]) or "?" in path or "#" in path:
                continue
            seen.add(path)
            if path.endswith("/"):
                folders.append(path)
            else:
                found[path] = entry.get("size")
    return found, False


def _file(
    system: Any, path: str, size: int | None, spool: Spool, lock: AbstractContextManager[Any]
) -> RangedFile:
    return RangedFile.of(_Stored(system, path, spool, lock), size, *_shown(system, path))


def _shown(system: Any, path: str) -> tuple[str, ...]:
    """Return the parts of an address without what opens it; they differ wherever addresses do."""
    if path.partition("://")[0] in _WEB:
        parts = urlsplit(path)
        more = f"?{hash((parts.query, parts.fragment)):x}" if parts.query or parts.fragment else ""
        return (f"{parts.scheme}:", parts.netloc.rpartition("@")[2] + more, *parts.path.split("/"))
    # In other names # and ? are letters like others.
    kind, _, place = str(system.unstrip_protocol(path)).partition("://")
    return (f"{kind}:", *_OPENS.sub("", place).split("/"))


#: User and password before the name of a server.
_OPENS = re.compile("^[^/@]*:[^/@]*@")


class _Stored:
    """One file of a store, by range."""

    def __init__(self, system: Any, path: str, spool: Spool, lock: AbstractContextManager[Any]) -> None:
        self._system, self._path, self._spool, self._lock = system, path, spool, lock
        self._whole: RangedFile | None = None

    def __reduce__(self) -> Any:
        return _stored, (self._system, self._path)

    def __call__(self, start: int, stop: int) -> bytes:
        if self._whole is None:
            data: bytes = self._asked(lambda: self._system.cat_file(self._path, start=start, end=stop))
            if len(data) <= stop - start:
                return data
            self._whole = self._spool.add(data)  # the server gives whole files only
        return self._whole.ranges(start, stop)

    def size(self) -> int:
        """Return the number of bytes."""
        if self._whole is None:
            size = self._asked(lambda: self._system.info(self._path)).get("size")
            if size is not None:
                return int(size)
            self._whole = self._spool.add(self._asked(lambda: self._system.cat_file(self._path)))
        return self._whole.size

    def _asked(self, ask: Any) -> Any:
        try:
            with self._lock:
                return ask()
        except Exception as error:
            problem = OSError(EIO, f"fetching it fails: {reason_of(error)}")
        raise problem


def _stored(system: Any, path: str) -> _Stored:
    return _Stored(system, path, Spool(), Lock())


def last_of(url: str) -> str:
    """Return the last part of a URL; the rest may hold names and keys."""
    return url.partition("?")[0].rstrip("/").rpartition("/")[2].rpartition("@")[2]


def reason_of(error: BaseException) -> str:
    """Return what an error says without its text."""
    status = getattr(error, "status", None)
    if isinstance(status, int):
        return f"the server answers {status}"
    if isinstance(error, FileNotFoundError):
        return "it is not there"
    return cause_of(error)


def _problem(error: Exception, kind: str, name: str) -> DicomviewError:
    """Say what is the matter with an address, without the address."""
    status = getattr(error, "status", None)
    if isinstance(error, ImportError):
        return MissingPackageError(f"{kind}:// needs a further package ({error})", remedy="pip install it")
    if isinstance(error, FileNotFoundError) or status == 404:
        return PathError(f"there is nothing at {name!r} ({kind}://)", remedy="check the address")
    if isinstance(error, PermissionError) or status in (401, 403) or "Credentials" in type(error).__name__:
        return PathError(
            f"{name!r} ({kind}://) may not be seen ({reason_of(error)})",
            remedy="give keys with storage_options=",
        )
    if isinstance(error, ValueError) and "rotocol" in str(error):
        return PathError(f"fsspec knows no {kind}://", remedy="check the address")
    return ServerError(
        f"{name!r} ({kind}://) cannot be listed ({reason_of(error)})",
        remedy="check the address, storage_options= and the network",
    )

"""Fetching: a data set from its source or a mirror into the cache, by pooch."""

import logging
import os
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import platformdirs

from dicomview.datasets.catalog import Dataset, listed
from dicomview.errors import MissingPackageError, ServerError
from dicomview.io.progress import bytes_bar
from dicomview.io.web import cause_of, status_of, without_logs

__all__ = ["fetch"]

#: Environment variable with the address of a mirror.
MIRROR = "DICOMVIEW_DATASETS_URL"


def fetch(
    name: str,
    *,
    base_url: str | None = None,
    folder: str | PathLike[str] | None = None,
    retries: int = 2,
    timeout: float = 20.0,
) -> Path:
    """Fetch a public data set, or find it in the cache.

    What comes is written beside its place, checked against the SHA-256 in the catalogue, and only then put
    there; a file in the cache is checked each time. Licence and source are printed when it is fetched.

    Parameters
    ----------
    name : str
        One of ``dicomview.datasets.list()``.
    base_url : str, optional
        Address of a mirror, which holds the files under their names; a query in it is kept. By default that
        in the environment variable ``DICOMVIEW_DATASETS_URL``, otherwise the original source.
    folder : str or path-like, optional
        Where to keep it; by default the user's cache.
    retries : int
        How often to try again, after one second, two and so on.
    timeout : float
        Seconds without an answer before giving up.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    PathError
        If there is no data set of this name.
    ServerError
        If it cannot be fetched, or what came is not the data set.
    MissingPackageError
        If pooch is not installed.

    Examples
    --------
    >>> import dicomview as dv
    >>> vol = dv.volread(dv.datasets.fetch("enhanced-ct"))  # doctest: +SKIP
    """
    one = listed()[name]
    try:
        import pooch
    except ImportError as error:
        raise MissingPackageError(
            f"data sets are fetched by pooch, which cannot be imported here ({error})",
            remedy="pip install 'dicomview[datasets]'",
        ) from error
    mirror = base_url or os.environ.get(MIRROR)
    url = _below(mirror, one.file) if mirror else one.url
    place = Path(folder) if folder is not None else platformdirs.user_cache_path("dicomview") / "datasets"
    is_there = (place / one.file).is_file()
    source = pooch.create(
        path=place, base_url="", registry={one.file: f"sha256:{one.sha256}"}, urls={one.file: url},
        retry_if_failed=retries,
    )  # fmt: skip
    logger = pooch.get_logger()
    logger.addFilter(_unlogged)  # an address may hold what opens the mirror
    bar = bytes_bar(one.name, one.size)
    try:
        with without_logs():
            file = Path(source.fetch(one.file, downloader=_downloader(pooch, url, bar, timeout)))
        if not is_there:
            print(f"{one.name}: {one.license}; {one.citation}")
        return file
    except Exception as error:
        problem = _problem(error, one, url)
    finally:
        logger.removeFilter(_unlogged)
        if bar is not None:
            bar.close()
    raise problem


def _below(mirror: str, file: str) -> str:
    """Return the address of a file below that of a mirror, which may end with a query."""
    try:
        parts = urlsplit(mirror)
    except ValueError:
        problem = ServerError(
            "a mirror must have an address that begins with http:// or https://", remedy="write base_url= so"
        )
    else:
        path = f"{parts.path.rstrip('/')}/{file}"
        return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))
    raise problem


def _unlogged(record: logging.LogRecord) -> bool:
    return False


def _downloader(pooch: Any, url: str, bar: Any, timeout: float) -> Any:
    if urlsplit(url).scheme not in ("http", "https"):
        raise ServerError(
            "a mirror must have an address that begins with http:// or https://", remedy="write base_url= so"
        )
    return pooch.HTTPDownloader(progressbar=bar or False, timeout=timeout, chunk_size=1 << 16)


def _problem(error: Exception, one: Dataset, url: str) -> ServerError:
    """Say why a data set did not come."""
    if isinstance(error, ServerError):
        return error
    host, status = urlsplit(url).hostname, status_of(error)
    start = f"the data set {one.name!r} ({one.file}) from {host}:"
    if isinstance(error, ValueError) and "hash" in str(error):
        return ServerError(
            f"{start} what came has another SHA-256 than {one.sha256[:12]}…, and was thrown away",
            remedy="try again, or another mirror (base_url=)",
        )
    if status is not None:
        cause, remedy = f"the server answers {status}", "give another mirror (base_url=)"
    elif isinstance(error, OSError) and getattr(error, "filename", None):
        cause, remedy = f"the cache cannot be written ({error.strerror})", "give another folder="
    else:
        cause = f"it cannot be fetched ({cause_of(error)})"
        remedy = f"check the network, or give a mirror (base_url= or {MIRROR})"
    problem = ServerError(f"{start} {cause}", remedy=remedy)
    problem.status = status
    return problem

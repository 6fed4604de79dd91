"""A stand-in for a PACS: serves folders of DICOM files over DICOMweb on this machine, to try things out."""

import json
import re
import weakref
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from os import PathLike
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from dicomview.errors import DecodeError, PathError

__all__ = ["SampleServer", "serve"]

#: What a search gives: of a series, and of an image.
_SERIES = (
    "PatientName", "PatientID", "StudyInstanceUID", "StudyDate", "StudyDescription", "Modality",
    "SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "BodyPartExamined",
)  # fmt: skip
_IMAGE = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "InstanceNumber")
#: Query parameters that are no elements.
_PAGING = ("limit", "offset", "includefield", "fuzzymatching")
_BOUNDARY = "dicomview-part"


#: Servers that were not closed live as long as the process, although nobody may hold them.
_LIVE: set["SampleServer"] = set()


class SampleServer:
    """A DICOMweb server on loopback without authentication: for samples, not for patients.

    It knows so much of QIDO-RS and WADO-RS as series need. It ends with the process, or with :meth:`close`.

    Attributes
    ----------
    url : str
        Address of its DICOMweb service.
    """

    def __init__(self, folders: Iterable[str | PathLike[str]]) -> None:
        images: dict[tuple[str, str, str], tuple[Dataset, Path]] = {}
        for folder in folders:
            if not Path(folder).is_dir():
                raise PathError("there is no such folder to serve", path=folder, remedy="check the path")
            for file in sorted(Path(folder).rglob("*.dcm")):
                try:
                    dataset = pydicom.dcmread(file, stop_before_pixels=True)
                    uids = dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID
                except (InvalidDicomError, AttributeError):
                    raise DecodeError(
                        "not DICOM, or without UIDs", path=file, remedy="take it out of the folder"
                    ) from None
                images[uids] = dataset, file

        class Handler(_Handler):
            served = images

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads, server.block_on_close = True, False
        self.url = f"http://127.0.0.1:{server.server_port}/dicom-web"
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self._end = weakref.finalize(self, _end, server, thread)  # at the end of the process at the latest
        _LIVE.add(self)

    def close(self) -> None:
        """End it; again does nothing."""
        self._end()
        _LIVE.discard(self)

    def __repr__(self) -> str:
        return f"SampleServer({self.url})"

    def __enter__(self) -> "SampleServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _end(server: ThreadingHTTPServer, thread: Thread) -> None:
    server.shutdown()
    thread.join()
    server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Answers searches and gives images."""

    served: dict[tuple[str, str, str], tuple[Dataset, Path]]

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = dict(parse_qsl(address.query))
        match address.path.strip("/").split("/"):
            case ["dicom-web", "series"]:
                self._found(self._series(), query)
            case ["dicom-web", "studies", study, "series", series, "instances"]:
                chosen = (d for (a, b, _), (d, _) in self.served.items() if (a, b) == (study, series))
                self._found((_only(dataset, _IMAGE) for dataset in chosen), query)
            case ["dicom-web", "studies", a, "series", b, "instances", c] if (a, b, c) in self.served:
                head = f"--{_BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
                data = self.served[a, b, c][1].read_bytes()
                self._give(
                    f'multipart/related; type="application/dicom"; boundary={_BOUNDARY}',
                    b"".join((head, data, f"\r\n--{_BOUNDARY}--\r\n".encode())),
                )
            case _:
                self.send_error(404)

    def _series(self) -> Iterator[Dataset]:
        """Give each series with the number of its images."""
        counts: dict[str, int] = {}
        first: dict[str, Dataset] = {}
        for (_, uid, _), (dataset, _) in self.served.items():
            counts[uid] = counts.get(uid, 0) + 1
            first.setdefault(uid, dataset)
        for uid, dataset in first.items():
            told = _only(dataset, _SERIES)
            told.NumberOfSeriesRelatedInstances = counts[uid]
            yield told

    def _found(self, datasets: Iterable[Dataset], query: dict[str, str]) -> None:
        """Give those that match, as many as are asked for."""
        wanted = {key: value for key, value in query.items() if key not in _PAGING}
        found = [dataset for dataset in datasets if all(_fits(dataset, *pair) for pair in wanted.items())]
        start, limit = int(query.get("offset", 0)), int(query.get("limit", len(found)))
        chosen = [dataset.to_json_dict() for dataset in found[start : start + limit]]
        self._give("application/dicom+json", json.dumps(chosen).encode())

    def _give(self, kind: str, data: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _only(dataset: Dataset, keywords: Iterable[str]) -> Dataset:
    return Dataset({e.tag: e for e in (dataset[k] for k in keywords if k in dataset)})


def _fits(dataset: Dataset, key: str, wanted: str) -> bool:
    """Return whether an element is what is wanted: also wildcards, a range of dates, several UIDs."""
    value = str(dataset.get(key, ""))
    if key.endswith("UID"):
        return value in re.split(r"[\\,]", wanted)
    first, dash, last = wanted.partition("-")
    if dash and key.endswith("Date"):
        return (not first or value >= first) and (not last or value <= last)
    return fnmatchcase(value, wanted.replace("[", "[[]"))


def serve(*folders: str | PathLike[str]) -> SampleServer:
    """Serve folders over DICOMweb on this machine, as a stand-in for a PACS.

    Parameters
    ----------
    *folders : str or path-like
        Searched recursively for files that end with ``.dcm``.

    Returns
    -------
    SampleServer
        With ``url`` and ``close()``; also a context manager. Only this machine reaches it.

    Raises
    ------
    PathError
        If there is no such folder.
    DecodeError
        If a file that ends with ``.dcm`` is not DICOM, or does not say of which series it is.

    Examples
    --------
    >>> import dicomview as dv
    >>> with dv.samples.serve(dv.samples.knee_mr()) as server:
    ...     dv.dicomweb(server.url).find()
       modality  series    study date  study  images
    0  MR        series 1                     27
    """
    return SampleServer(folders)

"""DICOMweb: series that a server has (QIDO-RS), and their images as a volume (WADO-RS)."""

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.valuerep import PersonName

from dicomview.errors import MissingPackageError, PathError, SeriesError, ServerError
from dicomview.io.progress import progress
from dicomview.io.quiet import quiet
from dicomview.io.ranged import RangedFile, Spool, fetched
from dicomview.io.read import series_of
from dicomview.io.series import choose
from dicomview.io.served import ServedSeries, ServedSeriesList, fits, served
from dicomview.io.web import Address, answered, session
from dicomview.volume import Dropped, Volume

__all__ = ["DicomWeb", "ServedSeries", "ServedSeriesList", "dicomweb"]

#: What is asked for beside what servers give by themselves.
_FIELDS = (
    "Modality", "SeriesDescription", "SeriesNumber", "NumberOfSeriesRelatedInstances", "StudyDate",
    "StudyDescription", "PatientName", "PatientID", "BodyPartExamined",
)  # fmt: skip
#: No more images are asked for once this much was lost without one that came: three to a broken connection
#: or a refusal, since others will fare no better, or six to a server that is ill.
_PATIENCE, _IN_VAIN = 6, (None, 401, 403, 429)

#: What is escaped in the query of an address.
_ESCAPED = re.compile(r"[^A-Za-z0-9_.~*?,-]")


class DicomWeb:
    """A DICOMweb server; see :func:`dicomview.dicomweb`.

    Attributes
    ----------
    url : str
        The address, without what opens it.
    """

    def __init__(
        self,
        url: str,
        *,
        auth: Any = None,
        headers: Mapping[str, str] | None = None,
        verify: bool | str = True,
        timeout: float = 20.0,
        connections: int = 4,
    ) -> None:
        try:
            from dicomweb_client import DICOMwebClient
        except ImportError as error:
            raise MissingPackageError(
                f"DICOMweb needs dicomweb-client, which cannot be imported here ({error})",
                remedy="pip install 'dicomview[pacs]'",
            ) from error
        if isinstance(verify, str) and not Path(verify).exists():
            raise PathError("there are no certificates", path=verify, remedy="check verify=")
        self._address = Address(url)
        self._timeout, self._connections = timeout, max(1, connections)
        opened = session(self._address, auth, headers or {}, verify)
        self._client = DICOMwebClient(self._address.url, session=opened, timeout=timeout, permissive_uid=True)
        self._client.set_http_retry_params(max_attempts=3, wait_exponential_multiplier=250)

    @property
    def url(self) -> str:
        """The address, without what opens it."""
        return self._address.url

    def __repr__(self) -> str:
        return f"DicomWeb({self.url})"

    def find(self, *, limit: int | None = None, **keywords: Any) -> ServedSeriesList:
        """List the series that a server has; no images are read.

        Parameters
        ----------
        limit : int, optional
            No more series than this; from 1 on.
        **keywords
            What must hold, by DICOM keyword: ``PatientID="42"``, ``Modality="CT"``,
            ``StudyDate="20200101-20201231"`` or a `datetime.date`, ``SeriesDescription="*bone*"``. Of UIDs
            also several: ``SeriesInstanceUID=[...]``.

        Returns
        -------
        ServedSeriesList
            A sequence of :class:`ServedSeries` that prints as a table. Who the patient is, is shown only if
            ``dicomview.options.show_patient`` is set.

        Raises
        ------
        SeriesError
            If a keyword is not one of DICOM, what must hold is no single value, or the limit is no count.
        ServerError
            If the server does not answer, refuses or answers otherwise.

        References
        ----------
        DICOM PS3.18 10.6 (Search Transaction).

        Examples
        --------
        >>> import dicomview as dv
        >>> with dv.samples.serve(dv.samples.head_ct(), dv.samples.knee_mr()) as server:
        ...     dv.dicomweb(server.url).find(Modality="MR")
           modality  series    study date  study  images
        0  MR        series 1                     27
        """
        _check_limit(limit)
        for keyword in keywords:
            if tag_for_keyword(keyword) is None:
                raise SeriesError(
                    f"{keyword!r} is no DICOM keyword",
                    remedy="search by PatientID, StudyDate, Modality and the like",
                )
        terms = {k: _term(k, value) for k, value in keywords.items() if value is not None}
        wanted = {keyword: term for keyword, term in terms.items() if term}
        search = partial(
            self._search, "the list of series", "SeriesInstanceUID", self._client.search_for_series,
            fields=[f for f in _FIELDS if f not in wanted],
        )  # fmt: skip
        found = search(limit, search_filters=wanted)
        loose = {keyword: _ESCAPED.sub("?", value) for keyword, value in wanted.items()}
        if (
            not found and loose != wanted
        ):  # as of a server that takes escapes for themselves, like Orthanc 1.10
            more = search(None, search_filters=loose)
            asked = [(keyword, value) for keyword, value in wanted.items() if loose[keyword] != value]
            found = [one for one in more if all(fits(one, *pair) for pair in asked)][:limit]
        return ServedSeriesList([served(dataset) for dataset in found])

    def read(
        self, series: ServedSeries | str, *, part: int | str | None = None, lazy: bool = False
    ) -> Volume:
        """Fetch the images of a series and read them as a volume.

        Images come a few at a time, with a bar in notebooks, as they are stored there. They wait in a
        temporary file without a name, not in memory; nothing is left of it afterwards.

        Parameters
        ----------
        series : ServedSeries or str
            One that :meth:`find` gave, or a SeriesInstanceUID.
        part : int or str, optional
            Which volume, where the images of the series form several: as ``series`` of
            :func:`dicomview.volread`.
        lazy : bool
            Whether slices are decoded only when they are asked for. All are fetched at once, nonetheless.

        Returns
        -------
        Volume
            What :func:`dicomview.volread` makes of the same files. Images that did not come are named in
            ``report.dropped`` and counted in ``report.warnings``.

        Raises
        ------
        ServerError
            If the server does not answer, refuses, has no such series or gives none of its images.
        SeriesError, DecodeError, MemoryBudgetError
            As for :func:`dicomview.volread`.

        References
        ----------
        DICOM PS3.18 10.4 (Retrieve Transaction).

        Examples
        --------
        >>> import dicomview as dv
        >>> with dv.samples.serve(dv.samples.knee_mr()) as server:
        ...     client = dv.dicomweb(server.url)
        ...     vol = client.read(client.find()[0])
        >>> vol.shape
        (27, 320, 320)
        """
        one = self._known(series) if isinstance(series, str) else series
        listed = self._search(
            "the list of images", "SOPInstanceUID", self._client.search_for_instances, None,
            study_instance_uid=one.study_uid, series_instance_uid=one.uid,
        )  # fmt: skip
        uids = [str(dataset.SOPInstanceUID) for dataset in listed]
        files, lost = self._fetched(one, uids)
        found = series_of(files, dropped=lost)
        volume = choose(found, part).read(lazy=lazy)
        remarks = []
        if lost:
            remarks.append(f"only {len(files)} of {len(uids)} images came from the server: read it again")
        if one.images is not None and len(uids) < one.images:
            remarks.append(f"the server now lists {len(uids)} images of the series; it counted {one.images}")
        if remarks:
            volume.report = replace(volume.report, warnings=(*remarks, *volume.report.warnings))
        return volume

    def _known(self, uid: str) -> ServedSeries:
        """Return the series with a UID."""
        found = self.find(SeriesInstanceUID=uid)
        if len(found) != 1:
            raise ServerError(
                f"{len(found)} series with this UID are on {self.url}",
                tag="SeriesInstanceUID",
                remedy="search with find()",
            )
        return found[0]

    def _fetched(self, series: ServedSeries, uids: Sequence[str]) -> tuple[list[RangedFile], list[Dropped]]:
        """Return the images of a series as files, and those that did not come."""
        files: list[RangedFile] = []
        lost: list[Dropped] = []
        spool, broken, first = Spool(), 0, None

        def fetch(uid: str) -> memoryview:
            if broken >= _PATIENCE:
                raise ServerError("not asked for any more after those before it", remedy="read it again")
            image: memoryview = self._ask("an image", lambda: self._instance(series, uid))
            return image

        with closing(fetched(uids, fetch, connections=self._connections)) as images:
            for number, _ in enumerate(progress(uids, "images"), 1):
                image = next(images)
                name = f"image{number:05d}.dcm"  # a UID may tell who somebody is
                if isinstance(image, ServerError):
                    first = first or image
                    lost.append(Dropped(Path(name), str(image)))
                    broken += 2 if image.status in _IN_VAIN else image.status >= 500
                elif isinstance(image, Exception):
                    raise image
                else:
                    files.append(spool.add(image, name))
                    broken = 0
        if not files:
            raise first or ServerError(f"{self.url} lists no images of this series", remedy="search again")
        return files, lost

    def _instance(self, series: ServedSeries, uid: str) -> memoryview:
        """Return an image as a file."""
        with quiet():
            dataset = self._client.retrieve_instance(
                quote(series.study_uid, safe=""), quote(series.uid, safe=""), quote(uid, safe=""),
                media_types=(("application/dicom", "*"),),
            )  # fmt: skip
            if dataset.get("SOPInstanceUID") != uid:
                raise ValueError("another image than was asked for")
            contents = io.BytesIO()
            dataset.save_as(contents)
        return contents.getbuffer()

    def _search(self, what: str, key: str, search: Any, limit: int | None, **question: Any) -> list[Dataset]:
        """Ask until nothing new comes: servers give as much at a time as they like."""
        found: dict[str, Dataset] = {}
        while True:
            rest = None if limit is None else limit - len(found)
            asked = partial(search, offset=len(found), limit=rest, **question)
            page = self._ask(what, lambda asked=asked: [Dataset.from_json(one) for one in asked()])
            new = {str(one[key].value): one for one in page if key in one}
            if not new.keys() - found.keys():
                break
            found |= {uid: one for uid, one in new.items() if uid not in found}
            if limit is not None and len(found) >= limit:
                break
        return list(found.values())[:limit]

    def _ask(self, what: str, ask: Any) -> Any:
        return answered(ask, what, self._address, self._timeout)


def _check_limit(limit: Any) -> None:
    if limit is not None and not (isinstance(limit, Integral) and int(limit) > 0):
        raise SeriesError(
            f"limit must be a whole number from 1 on, and is {limit!r}", remedy="leave it out for all"
        )


def _term(keyword: str, value: Any) -> str:
    """Return what must hold as text."""
    if isinstance(value, date):
        return value.strftime("%Y%m%d")
    if not isinstance(value, Iterable) or isinstance(value, str | PersonName):
        return str(value)
    if dictionary_VR(keyword) != "UI":
        raise SeriesError(
            f"{keyword} must be one value, and is {type(value).__name__}",
            tag=keyword,
            remedy="search for each",
        )
    uids = [str(uid) for uid in value]
    if not uids:
        raise SeriesError(f"{keyword} is an empty list", tag=keyword, remedy="leave it out to find all")
    return ",".join(uids)  # some take no backslash, like Orthanc 1.10


def dicomweb(
    url: str,
    *,
    auth: Any = None,
    headers: Mapping[str, str] | None = None,
    verify: bool | str = True,
    timeout: float = 20.0,
    connections: int = 4,
) -> DicomWeb:
    """Return a DICOMweb server (PACS, archive), to find series there and to read them.

    Parameters
    ----------
    url : str
        Address of its DICOMweb service, often one that ends with ``/dicom-web``. User, password and query
        in it are used and never shown.
    auth : (str, str) or requests.auth.AuthBase, optional
        User and password, or whatever requests takes.
    headers : mapping of str to str, optional
        Sent with each request: ``{"Authorization": f"Bearer {token}"}``.
    verify : bool or str
        Path of the certificates of the authorities that are trusted, if not those of everybody.
    timeout : float
        Seconds without an answer before giving up.
    connections : int
        Images that are fetched at a time.

    Returns
    -------
    DicomWeb
        With :meth:`~dicomview.io.dicomweb.DicomWeb.find` and
        :meth:`~dicomview.io.dicomweb.DicomWeb.read`. Nothing is asked of the server yet.

    Raises
    ------
    ServerError
        If that is no address.
    PathError
        If there are no certificates at ``verify``.
    MissingPackageError
        If dicomweb-client is not installed.

    Notes
    -----
    Credentials appear in no repr, no error and no log. What urllib3 and dicomweb-client log of these
    requests is dropped, since the addresses in it tell of patients.

    Examples
    --------
    >>> import dicomview as dv
    >>> dv.dicomweb("https://pacs.example/dicom-web", auth=("jane", "secret"))  # doctest: +SKIP
    DicomWeb(https://pacs.example/dicom-web)
    """
    return DicomWeb(url, auth=auth, headers=headers, verify=verify, timeout=timeout, connections=connections)

"""DICOMweb: series that a server has (QIDO-RS), and their images as a volume (WADO-RS)."""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from html import escape
from pathlib import Path
from typing import Any, overload
from urllib.parse import quote

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from dicomview.errors import MissingPackageError, SeriesError, ServerError
from dicomview.io.headers import meta_from_dataset
from dicomview.io.progress import progress
from dicomview.io.quiet import quiet
from dicomview.io.ranged import RangedFile, Spool, fetched
from dicomview.io.read import series_of
from dicomview.io.series import choose
from dicomview.io.web import Address, answered, session
from dicomview.options import options
from dicomview.volume import Dropped, Meta, Volume
from dicomview.volume.describe import html_table, text_table
from dicomview.volume.meta import safe_text

__all__ = ["DicomWeb", "ServedSeries", "ServedSeriesList", "dicomweb"]

#: What is asked for beside what servers give by themselves.
_FIELDS = (
    "Modality", "SeriesDescription", "SeriesNumber", "NumberOfSeriesRelatedInstances", "StudyDate",
    "StudyDescription", "PatientName", "PatientID", "BodyPartExamined",
)  # fmt: skip
#: So many images may be lost to a broken connection, one after the other, before no more are asked for.
_PATIENCE = 3


@dataclass(frozen=True, repr=False)
class ServedSeries:
    """A series that a server has.

    Attributes
    ----------
    uid, study_uid : str
        SeriesInstanceUID (0020,000E) and StudyInstanceUID (0020,000D).
    modality, description : str
    images : int or None
        How many images the server says that it has.
    meta : Meta
        Everything that the server tells of it, by keyword; printing hides the patient.
    """

    uid: str
    study_uid: str
    modality: str = ""
    description: str = ""
    images: int | None = None
    meta: Meta = field(default_factory=Meta)

    def row(self) -> tuple[str, ...]:
        """Return modality, description, date and description of the study, and number of images as text."""
        study = (self.meta.get("StudyDate", ""), self.meta.get("StudyDescription", ""))
        images = "" if self.images is None else str(self.images)
        return tuple(safe_text(text) for text in (self.modality, self.description, *study, images))

    def patient(self) -> tuple[str, ...]:
        """Return name and number of the patient as text."""
        return tuple(safe_text(self.meta.get(keyword, "")) for keyword in ("PatientName", "PatientID"))

    def __repr__(self) -> str:
        return "ServedSeries(" + ", ".join(text for text in self.row() if text) + ")"


class ServedSeriesList(Sequence[ServedSeries]):
    """Series that a server found; prints as a table, with the patient if `options.show_patient` is set."""

    COLUMNS = ("", "modality", "description", "study date", "study", "images")

    def __init__(self, series: Sequence[ServedSeries]) -> None:
        self._series = tuple(series)

    @overload
    def __getitem__(self, index: int) -> ServedSeries: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ServedSeries]: ...
    def __getitem__(self, index: int | slice) -> ServedSeries | Sequence[ServedSeries]:
        return self._series[index]

    def __len__(self) -> int:
        return len(self._series)

    def __iter__(self) -> Iterator[ServedSeries]:
        return iter(self._series)

    def _table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        shown = options.show_patient
        columns = (*self.COLUMNS, "patient", "patient ID") if shown else self.COLUMNS
        return columns, [
            (str(i), *one.row(), *(one.patient() if shown else ())) for i, one in enumerate(self)
        ]

    def __repr__(self) -> str:
        return "\n".join(text_table(*self._table())) if len(self) else "the server has no such series"

    def _repr_html_(self) -> str:
        return html_table(*self._table()) if len(self) else f"<div>{escape(repr(self))}</div>"


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
                f"DICOMweb needs dicomweb-client, which cannot be imported here ({error}): "
                "pip install 'dicomview[pacs]'"
            ) from error
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
            No more series than this.
        **keywords
            What must hold, by DICOM keyword: ``PatientID="42"``, ``Modality="CT"``,
            ``StudyDate="20200101-20201231"`` or a `datetime.date`, ``SeriesDescription="*bone*"``.

        Returns
        -------
        ServedSeriesList
            A sequence of :class:`ServedSeries` that prints as a table. Who the patient is, is shown only if
            ``dicomview.options.show_patient`` is set.

        Raises
        ------
        SeriesError
            If a keyword is not one of DICOM.
        ServerError
            If the server does not answer, refuses or answers otherwise.

        References
        ----------
        DICOM PS3.18 10.6 (Search Transaction).
        """
        for keyword in keywords:
            if tag_for_keyword(keyword) is None:
                raise SeriesError(
                    f"{keyword!r} is no DICOM keyword: search by PatientID, StudyDate, Modality and the like"
                )
        wanted = {k: _term(value) for k, value in keywords.items() if value is not None and value != ""}
        found = self._search(
            "the list of series", "SeriesInstanceUID", self._client.search_for_series, limit,
            search_filters=wanted, fields=[f for f in _FIELDS if f not in wanted],
        )  # fmt: skip
        return ServedSeriesList([_served(dataset) for dataset in found])

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
            raise ServerError(f"{len(found)} series with this UID are on {self.url}: search with find()")
        return found[0]

    def _fetched(self, series: ServedSeries, uids: Sequence[str]) -> tuple[list[RangedFile], list[Dropped]]:
        """Return the images of a series as files, and those that did not come."""
        files: list[RangedFile] = []
        lost: list[Dropped] = []
        spool, broken, first = Spool(), 0, None

        def fetch(uid: str) -> memoryview:
            if broken >= _PATIENCE:
                raise ServerError("not asked for any more, since the connection broke")
            image: memoryview = self._ask("an image", lambda: self._instance(series, uid))
            return image

        with closing(fetched(uids, fetch, connections=self._connections)) as images:
            for uid in progress(uids, "images"):
                image = next(images)
                name = f"{uid}.dcm"
                if isinstance(image, ServerError):
                    first = first or image
                    lost.append(Dropped(Path(name), str(image)))
                    broken = 0 if image.status else broken + 1
                elif isinstance(image, Exception):
                    raise image
                else:
                    files.append(spool.add(image, name))
                    broken = 0
        if not files:
            raise first or ServerError(f"{self.url} lists no images of this series: search again")
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
            found = {**new, **found}
            if limit is not None and len(found) >= limit:
                break
        return list(found.values())[:limit]

    def _ask(self, what: str, ask: Any) -> Any:
        return answered(ask, what, self._address, self._timeout)


def _term(value: Any) -> str:
    return value.strftime("%Y%m%d") if isinstance(value, date) else str(value)


def _served(dataset: Dataset) -> ServedSeries:
    """Return a series as the server tells of it."""
    with quiet():
        meta = meta_from_dataset(dataset)
    images = meta.get("NumberOfSeriesRelatedInstances")
    return ServedSeries(
        uid=str(meta.get("SeriesInstanceUID", "")),
        study_uid=str(meta.get("StudyInstanceUID", "")),
        modality=str(meta.get("Modality", "")),
        description=str(meta.get("SeriesDescription", "")),
        images=images if isinstance(images, int) else None,
        meta=meta,
    )


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

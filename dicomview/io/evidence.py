"""Evidence: the headers of the images that a new DICOM object is made from."""

from collections.abc import Iterable
from typing import Any

import pydicom

from dicomview.errors import DicomviewError, SeriesError
from dicomview.io.read import dataset
from dicomview.volume import Volume
from dicomview.volume.meta import safe_text

__all__ = ["UNICODE", "evidence", "label_text"]

#: SpecificCharacterSet of what is written: any name can be told in it.
UNICODE = "ISO_IR 192"

#: Attributes of the patient and the study that a new object takes over; empty where the images lack them.
SHARED = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate",
    "StudyTime", "ReferringPhysicianName",
)  # fmt: skip


def label_text(name: str, other: str) -> str:
    r"""Return a name as a short line of DICOM (LO) may be; the other where nothing is left of it.

    Examples
    --------
    >>> label_text("left\\right\n", "segment 1"), label_text("\0", "segment 1")
    ('left/right', 'segment 1')
    """
    return safe_text(name).replace("\\", "/") or other


def evidence(
    volume: Volume,
    slices: Iterable[int],
    *,
    frame: tuple[int, ...] = (),
    what: str,
    kind: type[DicomviewError],
) -> list[Any]:
    """Return the headers of slices, of frames of one file only once.

    Parameters
    ----------
    volume : Volume
        Read from files.
    slices : iterable of int
        Missing ones are left out.
    frame : tuple of int
        One index for each of ``volume.extra_dims``.
    what : str
        Is made from them.
    kind : type
        Of the error.

    Returns
    -------
    list of pydicom.Dataset
        What a new object takes over of patient and study is there, if empty.

    Raises
    ------
    DicomviewError
        Of this kind, if a slice has no file.
    """
    missing = set(volume.missing_slices(frame))
    found: dict[str, pydicom.Dataset] = {}
    try:
        for k in slices:
            if k not in missing:
                header = dataset(volume, (*frame, k))
                found.setdefault(header.SOPInstanceUID, header)
    except SeriesError as error:
        raise kind(
            f"{what} needs the files of the images, and {error.args[0]}",
            path=error.path,
            tag=error.tag,
            remedy=error.remedy,
        ) from None
    for header in found.values():
        header.decode()
        header.SpecificCharacterSet = UNICODE  # names in it are written as they are
        for keyword in SHARED:
            if keyword not in header:
                setattr(header, keyword, "")
    return list(found.values())

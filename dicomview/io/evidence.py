"""Evidence: the headers of the images that a new DICOM object is made from."""

from collections.abc import Iterable
from typing import Any

import pydicom

from dicomview.io.read import dataset
from dicomview.volume import Volume

__all__ = ["evidence"]

#: Attributes of the patient and the study that a new object takes over; empty where the images lack them.
SHARED = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate",
    "StudyTime", "ReferringPhysicianName",
)  # fmt: skip


def evidence(volume: Volume, slices: Iterable[int], *, frame: tuple[int, ...] = ()) -> list[Any]:
    """Return the headers of slices, of frames of one file only once.

    Parameters
    ----------
    volume : Volume
        Read from files.
    slices : iterable of int
        Missing ones are left out.
    frame : tuple of int
        One index for each of ``volume.extra_dims``.

    Returns
    -------
    list of pydicom.Dataset
        What a new object takes over of patient and study is there, if empty.

    Raises
    ------
    SeriesError
        If a slice has no file.
    """
    missing = set(volume.missing_slices(frame))
    found: dict[str, pydicom.Dataset] = {}
    for k in slices:
        if k not in missing:
            header = dataset(volume, (*frame, k))
            found.setdefault(header.SOPInstanceUID, header)
    for header in found.values():
        if not header.get("SpecificCharacterSet"):
            header.pop("SpecificCharacterSet", None)  # absent is allowed, empty is not
        for keyword in SHARED:
            if keyword not in header:
                setattr(header, keyword, "")
    return list(found.values())

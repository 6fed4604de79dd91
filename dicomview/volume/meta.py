"""Meta: header elements by their DICOM keyword; says who the patient is only when asked."""

from collections.abc import Iterable
from html import escape
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword

from dicomview.options import options

__all__ = ["PATIENT_KEYWORDS", "Meta", "safe_text"]

#: Elements that identify a person or place, after the basic profile of PS3.15 table E.1-1.
PATIENT_KEYWORDS = frozenset(
    [
        "AccessionNumber",
        "AdditionalPatientHistory",
        "AdmissionID",
        "ConsultingPhysicianName",
        "CountryOfResidence",
        "CurrentPatientLocation",
        "DeviceSerialNumber",
        "EthnicGroup",
        "ImageComments",
        "InstitutionAddress",
        "InstitutionName",
        "InstitutionalDepartmentName",
        "IssuerOfPatientID",
        "MedicalRecordLocator",
        "MilitaryRank",
        "NameOfPhysiciansReadingStudy",
        "OperatorsName",
        "OtherPatientIDs",
        "OtherPatientIDsSequence",
        "OtherPatientNames",
        "PatientAddress",
        "PatientBirthDate",
        "PatientBirthName",
        "PatientBirthTime",
        "PatientComments",
        "PatientID",
        "PatientInsurancePlanCodeSequence",
        "PatientMotherBirthName",
        "PatientName",
        "PatientReligiousPreference",
        "PatientTelephoneNumbers",
        "PerformingPhysicianName",
        "PersonName",
        "PhysiciansOfRecord",
        "ReferringPhysicianAddress",
        "ReferringPhysicianName",
        "ReferringPhysicianTelephoneNumbers",
        "RegionOfResidence",
        "RequestingPhysician",
        "ResponsibleOrganization",
        "ResponsiblePerson",
        "ScheduledPerformingPhysicianName",
        "StationName",
        "StudyID",
    ]
)

#: Text from a file is cut to so many characters wherever it is shown.
TEXT_LIMIT = 64


def safe_text(value: Any) -> str:
    r"""Return text from a file as one printable line of at most 64 characters.

    Examples
    --------
    >>> safe_text("chest\n1.5 mm")
    'chest 1.5 mm'
    """
    text = " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"


def _identifies(keyword: str) -> bool:
    """Return whether an element tells who somebody is: those of the list, and every name of a person."""
    tag = tag_for_keyword(keyword)
    return keyword in PATIENT_KEYWORDS or (tag is not None and dictionary_VR(tag) == "PN")


class Meta(dict[str, Any]):
    """Header elements as a dictionary with attribute access.

    Keys are DICOM keywords (``"StudyDate"``), beside imageio's ``"sampling"`` and ``"shape"``. Values are
    plain Python: str, int, float, lists of these, and for sequences lists of Meta. Printing hides the
    elements that tell who the patient is, unless ``dicomview.options.show_patient`` is set; asking for an
    element by name always gives it.

    Raises
    ------
    AttributeError, KeyError
        If the header has no such element.

    Examples
    --------
    >>> meta = Meta(PatientName="Doe^Jane", PatientSex="F", shape=(3, 4, 5))
    >>> meta.PatientSex, meta["shape"], "StudyDate" in meta
    ('F', (3, 4, 5), False)
    >>> print(meta)
    PatientName: (hidden)
    PatientSex: F
    shape: (3, 4, 5)
    """

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(
                f"the header has no element {name!r}; meta.keys() lists those it has"
            ) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __dir__(self) -> Iterable[str]:
        return [*super().__dir__(), *self]

    def copy(self) -> "Meta":
        """Return a shallow copy."""
        return Meta(self)

    def _shown(self) -> Iterable[tuple[str, str]]:
        """Give every element as printable text, identity hidden."""
        for key, value in self.items():
            if _identifies(key) and not options.show_patient:
                yield key, "(hidden)"
            elif isinstance(value, list) and value and isinstance(value[0], Meta):
                yield key, f"({len(value)} item{'s' * (len(value) > 1)})"
            else:
                yield key, safe_text(value)

    def __repr__(self) -> str:
        return "\n".join(f"{key}: {value}" for key, value in self._shown())

    __str__ = __repr__

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(key)}</th>"
            f"<td style='text-align:left'>{escape(value)}</td></tr>"
            for key, value in self._shown()
        )
        return f"<table>{rows}</table>"

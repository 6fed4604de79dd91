"""Meta: header elements by their DICOM keyword; says who the patient is only when asked."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword

from dicomview.options import options
from dicomview.volume.profile import DESCRIPTIONS, PROFILE

__all__ = ["Meta", "is_hidden", "safe_text", "series_title", "shown_text", "slice_thickness", "unit_of"]

_PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.30"
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


def is_hidden(keyword: str) -> bool:
    """Return whether an element is neither printed nor drawn now: it may tell who somebody is.

    Examples
    --------
    >>> is_hidden("SeriesDescription"), is_hidden("SeriesNumber")
    (True, False)
    """
    if options.show_patient or (options.show_descriptions and keyword in DESCRIPTIONS):
        return False
    tag = tag_for_keyword(keyword)
    return keyword in PROFILE or (tag is not None and dictionary_VR(tag) == "PN")


def shown_text(keyword: str, value: Any) -> str:
    """Return an element as :func:`safe_text`; empty where it is hidden."""
    return "" if value is None or is_hidden(keyword) else safe_text(value)


def series_title(description: str, number: int | None, part: str = "", plane: str = "") -> str:
    """Return what a series is called where it is shown.

    Its description; number and plane where that is hidden.

    Examples
    --------
    >>> series_title("Doe, Jane: head", 3, "EchoTime 12", "axial")
    'series 3 axial [EchoTime 12]'
    """
    told = shown_text("SeriesDescription", description)
    told = told or " ".join(filter(None, ("" if number is None else f"series {number}", plane)))
    return safe_text(" ".join(filter(None, (told, f"[{part}]" if part else ""))))


class Meta(dict[str, Any]):
    """Header elements as a dictionary with attribute access.

    Keys are DICOM keywords (``"StudyDate"``), beside imageio's ``"sampling"`` and ``"shape"``. Values are
    plain Python: str, int, float, lists of these, and for sequences lists of Meta. Printing hides the
    elements that may tell who the patient is, unless ``dicomview.options.show_patient`` is set; asking for
    an element by name always gives it.

    The header of a volume holds what all its slices have in common; what differs from slice to slice is
    given by :meth:`per_slice`.

    Raises
    ------
    AttributeError, KeyError
        If the header has no such element, or not the same one in all slices.

    Examples
    --------
    >>> meta = Meta(PatientName="Doe^Jane", Modality="CT", shape=(3, 4, 5))
    >>> meta.Modality, meta["shape"], "StudyDate" in meta
    ('CT', (3, 4, 5), False)
    >>> print(meta)
    PatientName: (hidden)
    Modality: CT
    shape: (3, 4, 5)
    """

    #: Elements that vary, a value for each slice.
    _varying: Mapping[str, Sequence[Any]] = {}
    _count = 0

    @classmethod
    def of_slices(cls, common: Mapping[str, Any], varying: Mapping[str, Sequence[Any]], count: int) -> "Meta":
        """Make the header of so many slices of what they share and of the values of each."""
        meta = cls(common)
        object.__setattr__(meta, "_varying", dict(varying))
        object.__setattr__(meta, "_count", count)
        return meta

    @property
    def varying(self) -> tuple[str, ...]:
        """Keywords of the elements that are not the same in all slices."""
        return tuple(keyword for keyword in self._varying if keyword not in self)

    def per_slice(self, keyword: str) -> list[Any]:
        """Return the values of an element, one for each slice.

        Parameters
        ----------
        keyword : str
            DICOM keyword, of an element of the file or of the functional groups of a frame.

        Returns
        -------
        list
            In the order of ``Volume.sources``: slice after slice, the first frame of a 4D volume first.
            None for a missing slice and where a slice has no such element.

        Raises
        ------
        KeyError
            If no slice has the element.

        Examples
        --------
        >>> import dicomview as dv
        >>> dv.volread(dv.samples.head_ct()).meta.per_slice("InstanceNumber")[:3]
        [1, 2, 3]
        """
        if keyword in self:
            return [self[keyword]] * self._count
        if keyword in self._varying:
            return list(self._varying[keyword])
        raise KeyError(
            f"no slice has an element {keyword!r}; meta.keys() and meta.varying list those there are"
        )

    def of_slice(self, number: int) -> "Meta":
        """Return the elements of one slice, counted as in :meth:`per_slice`; the common ones included."""
        own = {keyword: values[number] for keyword, values in self._varying.items()}
        return Meta({**{k: v for k, v in own.items() if v is not None}, **self})

    def discard(self, *keywords: str) -> None:
        """Take elements out, also where they vary."""
        for keyword in keywords:
            self.pop(keyword, None)
        kept = {k: v for k, v in self._varying.items() if k not in keywords}
        object.__setattr__(self, "_varying", kept)

    def __missing__(self, key: str) -> Any:
        if key in self._varying:
            raise KeyError(f"{key!r} is not the same in all slices: meta.per_slice({key!r}) gives its values")
        raise KeyError(f"the header has no element {key!r}; meta.keys() lists those it has")

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(error.args[0]) from None

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
        return Meta.of_slices(self, self._varying, self._count)

    def _shown(self) -> Iterable[tuple[str, str]]:
        """Give every element as printable text, identity hidden."""
        for key, value in self.items():
            if is_hidden(key):
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


def slice_thickness(meta: Mapping[str, Any]) -> float | None:
    """Return SliceThickness where it is a positive number."""
    thickness = meta.get("SliceThickness")
    return float(thickness) if isinstance(thickness, int | float) and thickness > 0 else None


def unit_of(meta: Mapping[str, Any]) -> str:
    """Return the unit of the values: HU in CT, otherwise what the header calls it; empty if it does not say.

    Examples
    --------
    >>> unit_of({"Modality": "CT"}), unit_of({"Units": "BQML"}), unit_of({"RescaleType": "US"})
    ('HU', 'BQML', '')
    """
    unit = meta.get("RescaleType") or meta.get("Units") or meta.get("DoseUnits") or ""
    if meta.get("SOPClassUID") == _PARAMETRIC_MAP:
        mapping = (meta.get("RealWorldValueMappingSequence") or [{}])[0]
        unit = (mapping.get("MeasurementUnitsCodeSequence") or [{}])[0].get("CodeValue") or ""
    if meta.get("Modality") == "CT" and unit in ("", "US"):
        unit = "HU"
    return "" if unit == "US" else safe_text(unit)

"""Likeness: headers of files that are laid out like one read before, told from the few values that differ."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset

from dicomview.io.encoding import elements_behind
from dicomview.io.header import Header
from dicomview.io.headers import HEADER_TAGS
from dicomview.io.keys import DIFFUSION_TAGS, KEY_ORDER, NUMBERS, SOURCE_TAGS, diffusion_keys
from dicomview.io.layout import UNDEFINED, Layout, Scanned, learned
from dicomview.io.mosaic import MOSAIC_TAGS
from dicomview.io.multiframe import FRAME_KEYWORDS
from dicomview.io.sources import File, start_of
from dicomview.io.values import Unlike, decimal, factor, integer, moment_of, point, uid

__all__ = ["Likenesses"]

#: So many bytes of a file are read at first, and at most, to learn its layout.
_FIRST_READ, _LAST_READ = 1 << 13, 1 << 20
#: So many layouts are tried on a file, and so many different values of diffusion are kept of each.
_KEPT, _DIFFUSIONS = 8, 1 << 12
#: Attributes of a header that one element gives by itself.
_FIELDS = {
    "SOPInstanceUID": "sop_instance_uid",
    "InstanceNumber": "instance_number",
    "AcquisitionNumber": "acquisition_number",
    "ImagePositionPatient": "position",
    "SliceThickness": "slice_thickness",
    "RescaleSlope": "rescale_slope",
    "RescaleIntercept": "rescale_intercept",
}
_MOMENTS = tuple((f"{kind}Time", f"{kind}Date") for kind in ("Acquisition", "Content"))


_READERS: dict[str, Callable[[bytes], Any]] = {"IS": integer, "DS": decimal}
_SPECIAL = {"SOPInstanceUID": uid, "ImagePositionPatient": point, "RescaleSlope": factor}


def _tag(keyword: str) -> int:
    tag: int | None = tag_for_keyword(keyword)
    assert tag is not None
    return tag


_SETTERS = {
    _tag(keyword): (keyword, _SPECIAL.get(keyword) or _READERS[dictionary_VR(_tag(keyword))])
    for keyword in (*_FIELDS, *NUMBERS)
    if keyword in _SPECIAL or dictionary_VR(_tag(keyword)) in _READERS
}
_MOMENT_TAGS = frozenset(_tag(keyword) for pair in _MOMENTS for keyword in pair)
_DIFFUSION_TAGS, _SOURCES = frozenset(DIFFUSION_TAGS), frozenset((*DIFFUSION_TAGS, *SOURCE_TAGS))
#: Who a private block belongs to, other elements take their meaning from too.
_OF_MOSAICS = frozenset(MOSAIC_TAGS) - _SOURCES
_DIFFUSION_KEYS = ("DiffusionBValue", "GradientX", "GradientY", "GradientZ", "Isotropic")
_FRAME_TAGS = frozenset(map(_tag, FRAME_KEYWORDS)) - {_tag("SliceThickness")}


def _ordered(keys: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """Return keys in the order that headers have them in."""
    return tuple((key, keys[key]) for key in KEY_ORDER if key in keys)


class _Likeness:
    """One file whose header is known, and how those of others follow from it."""

    def __init__(self, header: Header, layout: Layout) -> None:
        self.header, self.layout = header, layout
        self._numbers = {element.tag: i for i, element in enumerate(layout.elements)}
        self._keys = dict(header.keys)
        #: Elements that the header depends on.
        self._relevant = frozenset(HEADER_TAGS) - _FRAME_TAGS
        if not {"MOSAIC", "VFRAME", "DIFFUSION"} & set(header.image_type):
            self._relevant -= _OF_MOSAICS
        if self._tells_time(*_MOMENTS[0]):
            self._relevant -= {_tag("AcquisitionDateTime")}
        #: Keys of diffusion by the values that give them; None if those of the known header are not so.
        self._diffusions: dict[tuple[bytes, ...], dict[str, float]] | None = None
        told = self._diffusion(
            self.layout.dataset([layout.elements[i].value for i in layout.varying], _SOURCES)
        )
        known = {key: value for key, value in self._keys.items() if key in _DIFFUSION_KEYS}
        if told == known and header.keys == _ordered(self._keys):
            self._diffusions = {}
            if "DiffusionBValue" in told and not {"MOSAIC", "VFRAME"} & set(header.image_type):
                self._relevant -= _OF_MOSAICS
        self._prepare()

    @staticmethod
    def _diffusion(dataset: Dataset) -> dict[str, float]:
        """Return the keys of diffusion that a dataset gives."""

        def get(keyword: str) -> Any:
            try:
                return dataset.get(keyword)
            except Exception:
                return None

        keys = diffusion_keys(dataset, get)
        return {key: value for key, value in keys.items() if value is not None and math.isfinite(value)}

    def _tells_time(self, time: str, date: str) -> bool:
        """Return whether a key of the header is what these two elements say."""
        try:
            return self._keys[time] == moment_of(*(self._getter(_tag(k), {})(()) for k in (time, date)))
        except (Unlike, KeyError):
            return False

    def _prepare(self) -> None:
        """Work out what is to be done with each element that varies."""
        #: Place, known value, attribute and key that it gives, how it is read.
        self._watched: list[tuple[int, bytes, str | None, str | None, Callable[[bytes], Any] | None]] = []
        self._moments: list[tuple[str, Callable[..., bytes], Callable[..., bytes]]] = []
        self._diffusion_places: list[int] = []
        places = {number: place for place, number in enumerate(self.layout.varying)}
        for number, place in places.items():
            element = self.layout.elements[number]
            if element.tag in _DIFFUSION_TAGS and self._diffusions is not None:
                self._diffusion_places.append(place)
            elif element.tag in self._relevant and element.tag not in _MOMENT_TAGS:
                keyword, reader = self._setter(number)
                key = keyword if keyword in NUMBERS else None
                self._watched.append((place, element.value, _FIELDS.get(keyword), key, reader))
        for pair in _MOMENTS:
            numbers = [n for k in pair if (n := self._numbers.get(_tag(k))) in places]
            if numbers and self._tells_time(*pair):
                time, date = (self._getter(_tag(keyword), places) for keyword in pair)
                self._moments.append((pair[0], time, date))
            else:
                self._watched += [
                    (places[n], self.layout.elements[n].value, None, None, None) for n in numbers
                ]

    def _getter(self, tag: int, places: dict[int, int]) -> Callable[..., bytes]:
        """Return a function that gives an element of a file from the values that vary."""
        number = self._numbers.get(tag)
        if number in places:
            place = places[number]
            return lambda values: values[place]
        constant = b"" if number is None else self.layout.elements[number].value
        return lambda values: constant

    def _setter(self, number: int) -> tuple[str, Callable[[bytes], Any] | None]:
        """Return how an element is read; None if not so that it gives what the known header has."""
        element = self.layout.elements[number]
        keyword, reader = _SETTERS.get(element.tag, ("", None))
        if reader is None or not (
            self.layout.implicit or element.prefix[4:6].decode() == dictionary_VR(element.tag)
        ):
            return keyword, None
        try:
            value = reader(element.value)
        except Unlike:
            return keyword, None
        in_field = keyword not in _FIELDS or getattr(self.header, _FIELDS[keyword]) == value
        in_keys = keyword not in NUMBERS or self._keys.get(keyword) == value
        return keyword, reader if in_field and in_keys else None

    def loosened(self, data: bytes) -> "_Likeness | None":
        """Return the likeness with more elements that vary, as a file has it; None if that is another."""
        layout = self.layout.loosened(data)
        return _Likeness(self.header, layout) if layout else None

    def header_of(self, file: File, scanned: Scanned) -> Header | None:
        """Return the header of a file that fits the layout; None if only pydicom can tell."""
        changes: dict[str, Any] = {"path": file, "scanned": scanned}
        keys: dict[str, float] = {}
        values = scanned.values
        try:
            for place, known, field, key, reader in self._watched:
                value = values[place]
                if value == known:
                    continue
                if reader is None:
                    return None
                found = reader(value)
                if field:
                    changes[field] = found
                if key:
                    keys[key] = float(found)
            for keyword, time, date in self._moments:
                keys[keyword] = moment_of(time(values), date(values))
        except Unlike:
            return None
        if self._diffusion_places:
            told = self._told_diffusion(scanned)
            if told is None or ("DiffusionBValue" in told) != ("DiffusionBValue" in self._keys):
                return None  # another element may tell it
            others = {key: number for key, number in self._keys.items() if key not in _DIFFUSION_KEYS}
            changes["keys"] = _ordered({**others, **keys, **told})
        elif keys:
            changes["keys"] = tuple({**self._keys, **keys}.items())
        return self.header.like(**changes)

    def _told_diffusion(self, scanned: Scanned) -> dict[str, float] | None:
        """Return the keys of diffusion; files with the same values have the same."""
        assert self._diffusions is not None
        values = tuple([scanned.values[place] for place in self._diffusion_places])
        if values not in self._diffusions:
            if len(self._diffusions) >= _DIFFUSIONS:
                self._diffusions.clear()
            try:
                self._diffusions[values] = self._diffusion(scanned.dataset(_SOURCES))
            except Exception:  # pydicom says what is the matter
                return None
        return self._diffusions[values]


class Likenesses:
    """Reads the headers of many files, most of which are like one before."""

    def __init__(self) -> None:
        self._known: list[_Likeness] = []
        self._amount = _FIRST_READ
        #: How many files may be learned from: the more, the better that went so far.
        self._credit = 3.0
        self._scanned: Scanned | None = None

    def header(self, file: File) -> Header | None:
        """Return the header of a file of one image; None unless it is like one that is known.

        Raises
        ------
        OSError
            If the file cannot be opened.
        """
        self._scanned = None
        if not self._known:
            return None
        data, state = start_of(file, self._amount)
        for likeness in self._known:
            header = self._fitted(likeness, file, data, state)
            if header is not None:
                if likeness is not self._known[0]:
                    self._known.remove(likeness)
                    self._known.insert(0, likeness)
                return header
        for i, likeness in enumerate(self._known):
            looser = likeness.loosened(data)
            header = self._fitted(looser, file, data, state) if looser else None
            if looser is not None and header is not None:
                self._known[i] = looser
                return header
        return None

    def _fitted(self, likeness: _Likeness, file: File, data: bytes, state: tuple[int, int]) -> Header | None:
        found = likeness.layout.match(data)
        if found is None:
            return None
        values, start, length = found
        if start + length < state[0] and length != UNDEFINED:
            with file.open("rb") as stream:
                stream.seek(start - 12)
                if elements_behind(stream, length) is not None:  # the general reader says so
                    return None
        scanned = Scanned(likeness.layout, values, (start, length), state)
        known = likeness.header.scanned
        is_as_long = known is None or known.pixels[1] == length  # else it may not be what the header says
        header = likeness.header_of(file, scanned) if is_as_long else None
        if header is None:
            self._scanned = scanned
        else:
            self._credit = min(self._credit + 0.25, _KEPT)
        return header

    def learn(self, file: File, headers: list[Header]) -> list[Header]:
        """Take note of the headers that another reader found; one of a single image learns where it lies."""
        header = headers[0]
        if len(headers) > 1 or header.frame is not None or header.tile is not None or not header.has_pixels:
            return headers
        if self._credit < 1:
            self._credit += 0.1
            return [header.like(scanned=self._scanned)] if self._scanned else headers
        self._credit -= 1
        data, state = start_of(file, _LAST_READ)
        layout = learned(data)
        found = layout.match(data) if layout else None
        if layout is None or found is None:
            return headers
        values, start, length = found
        header = header.like(scanned=Scanned(layout, values, (start, length), state))
        self._known.insert(0, _Likeness(header, layout))
        del self._known[_KEPT:]
        self._amount = max(self._amount, min(start + 256, _LAST_READ))
        return [header]

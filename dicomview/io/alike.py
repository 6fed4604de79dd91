"""Alike: headers of frames, told from one that differs only in values that are understood."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydicom.datadict import tag_for_keyword

from dicomview.io.groups import FrameGroups, Group, Template
from dicomview.io.header import Header
from dicomview.io.values import Unlike, integers, number_of, point, stamp_of_day

__all__ = ["FrameLikenesses"]

#: Tags of a group and of an element in it.
Pair = tuple[int, int]
Leaf = tuple[bytes, bytes]


def _pair(group: str, element: str) -> Pair:
    return tag_for_keyword(group) or 0, tag_for_keyword(element) or 0


_POSITION = _pair("PlanePositionSequence", "ImagePositionPatient")
_INDICES = _pair("FrameContentSequence", "DimensionIndexValues")
_TIME = _pair("FrameContentSequence", "FrameAcquisitionDateTime")


class _Base:
    """A frame whose header is known, and the values in it that may be others in frames like it."""

    def __init__(self, header: Header, leaves: dict[Pair, Leaf]) -> None:
        self.header, self.leaves = header, leaves
        self.keys = dict(header.keys)
        #: Whether a value gives what the header has.
        self.is_told: dict[Pair, bool] = {}


class FrameLikenesses:
    """Tells the headers of frames from those of others in the same file.

    A header is what a reader makes of the elements that it asks for. Frames in which all of these are the
    same, byte by byte, have the same header, but for a few values that are understood here.

    Parameters
    ----------
    groups : FrameGroups
    counted : sequence of ((int, str) or None)
        For each dimension its pointer, and the key of its index, empty where it has none; None where the
        index only says where the frame is.
    numbers : mapping of (str, str) to str
        Keys that are the number in an element, by the keywords of its group and its own.
    """

    def __init__(
        self,
        groups: FrameGroups,
        counted: Sequence[tuple[int, str] | None],
        numbers: Mapping[tuple[str, str], str],
    ) -> None:
        self._frames = groups.frames
        self._counted = tuple(counted)
        self._indices = frozenset(dimension[1] for dimension in self._counted if dimension and dimension[1])
        self._numbers = {_pair(*pair): key for pair, key in numbers.items()}
        self._understood = frozenset((_POSITION, _INDICES, _TIME, *self._numbers))
        self._asked: frozenset[Pair] = frozenset()
        self._bases: dict[tuple[Any, ...], _Base] = {}
        self._kinds: dict[Group, tuple[Any, ...]] = {}
        self._asked_places: dict[Template, tuple[tuple[int, ...], tuple[Any, ...]]] = {}
        self._understood_places: dict[Template, tuple[tuple[int, Pair, bytes], ...]] = {}

    def header(self, frame: int) -> Header | None:
        """Return the header of a frame; None unless it is like one that is known."""
        groups = self._frames[frame]
        base = self._bases.get(tuple([self._kind(group) for group in groups]))
        if base is None:
            return None
        changes: dict[str, Any] = {"frame": frame}
        keys = {**base.keys, "FrameNumber": base.keys["FrameNumber"] + frame - (base.header.frame or 0)}
        try:
            for group in groups:
                for place, pair, vr in self._understood_in(group.template):
                    value = group.values[place]
                    if value != base.leaves[pair][0]:
                        self._check(base, pair)
                        self._change(pair, value, vr, changes, keys)
        except Unlike:
            return None
        changes["keys"] = tuple(keys.items())
        return base.header.like(**changes)

    def learn(self, frame: int, header: Header, asked: set[Pair]) -> None:
        """Take note of a header, and of the elements that it was made of."""
        if not asked <= self._asked:
            self._asked |= asked
            for known in (self._bases, self._kinds, self._asked_places, self._understood_places):
                known.clear()
        groups = self._frames[frame]
        leaves = {
            pair: (group.values[place], vr)
            for group in groups
            for place, pair, vr in self._understood_in(group.template)
        }
        self._bases[tuple([self._kind(group) for group in groups])] = _Base(header, leaves)

    def _kind(self, group: Group) -> tuple[Any, ...]:
        """Return what must be the same in two groups."""
        kind = self._kinds.get(group)
        if kind is None:
            template = group.template
            if template not in self._asked_places:
                of_group = (template.tag, 0) in self._asked
                told = [
                    (place, leaf)
                    for place, leaf in enumerate(template.leaves)
                    if of_group or (template.tag, leaf[0]) in self._asked
                ]
                places = [
                    i for i, (tag, _) in told if (template.tag, tag) not in self._understood or of_group
                ]
                self._asked_places[template] = tuple(places), (template.tag, *(leaf for _, leaf in told))
            found, shape = self._asked_places[template]
            kind = self._kinds[group] = (shape, *[group.values[i] for i in found])
        return kind

    def _understood_in(self, template: Template) -> tuple[tuple[int, Pair, bytes], ...]:
        """Return place, tags and VR of the values of a group that are asked for and understood."""
        if template not in self._understood_places:
            self._understood_places[template] = tuple(
                (place, (template.tag, tag), vr)
                for place, (tag, vr) in enumerate(template.leaves)
                if (template.tag, tag) in self._understood & self._asked
            )
        return self._understood_places[template]

    def _check(self, base: _Base, pair: Pair) -> None:
        """Refuse an element that does not give what the known header has."""
        if pair not in base.is_told:
            changes: dict[str, Any] = {}
            keys = dict(base.keys)
            try:
                self._change(pair, *base.leaves[pair], changes, keys)
                told = all(getattr(base.header, name) == value for name, value in changes.items())
                base.is_told[pair] = told and keys == base.keys
            except Unlike:
                base.is_told[pair] = False
        if not base.is_told[pair]:
            raise Unlike

    def _change(
        self, pair: Pair, value: bytes, vr: bytes, changes: dict[str, Any], keys: dict[str, float]
    ) -> None:
        """Say what a value makes of attributes and keys."""
        if pair == _POSITION:
            if vr != b"DS":
                raise Unlike
            changes["position"] = point(value)
        elif pair == _INDICES:
            found, counted = integers(value, vr), self._counted
            if len(found) != len(counted):  # then they are not used
                found, counted = (), ()
            told = {dimension: index for dimension, index in zip(counted, found) if dimension is not None}
            names = {name: float(index) for (_, name), index in told.items() if name}
            is_whole = len(told) == len(counted) - counted.count(None)  # none of them twice
            if not is_whole or names.keys() != self._indices & keys.keys():
                raise Unlike
            changes["dimension_index"] = tuple(told.values())
            keys.update(names)
        else:
            key = "AcquisitionTime" if pair == _TIME else self._numbers[pair]
            if key not in keys:
                raise Unlike
            keys[key] = stamp_of_day(value, vr) if pair == _TIME else number_of(value, vr)

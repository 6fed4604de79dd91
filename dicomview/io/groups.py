"""Groups: the functional groups of all frames of a file, scanned without making datasets of them."""

import struct
from collections.abc import Collection, MutableSequence, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO, overload

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import data_element_generator, read_dataset, read_partial
from pydicom.uid import DeflatedExplicitVRLittleEndian

from dicomview.io.inflate import opened
from dicomview.io.layout import ITEM, UNDEFINED, element_at, end_of_item, end_of_items
from dicomview.io.quiet import quiet
from dicomview.io.sources import File, start_of

__all__ = ["PER_FRAME", "FrameGroups", "FrameValues", "Group", "ScannedFrames", "Template", "scan_frames"]

PER_FRAME = 0x52009230  # PerFrameFunctionalGroupsSequence
_PIXELS = 0x7FE00008
_HEAD = b"\x00\x52\x30\x92SQ"
_CHARACTERS = 0x00080005
_END_OF_ITEM, _END_OF_ITEMS = b"\xfe\xff\x0d\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"
_LENGTH = struct.Struct("<I")
#: Templates that are tried on a group; how many may be learned: so many, and one in so many frames.
_TRIED, _LEARNED, _FRAMES = 12, 64, 4
#: Bytes that are read for the groups at first where their length is not told: so many, and for each frame.
_FIRST_READ, _READ_PER_FRAME, _LAST_READ = 1 << 16, 1 << 12, 1 << 28


class Template:
    """How the bytes of one group lie: constant ones, and the values of its first item between them.

    Attributes
    ----------
    tag : int
        Of the group.
    leaves : tuple of (int, bytes)
        Tag and VR of each value.
    nested : tuple of int
        Which of them are sequences.
    """

    __slots__ = ("_constants", "_heads", "_known", "_struct", "leaves", "nested", "tag")

    def __init__(self, tag: int, pieces: Sequence[bytes], leaves: Sequence[tuple[int, bytes, bytes]]) -> None:
        self.tag = tag
        self.leaves = tuple((leaf, vr) for leaf, vr, _ in leaves)
        self._heads = tuple(head for _, _, head in leaves)
        self.nested = tuple(i for i, (_, vr) in enumerate(self.leaves) if vr == b"SQ")
        self._constants = tuple(pieces[::2])
        self._struct = struct.Struct("<" + "".join(f"{len(piece)}s" for piece in pieces))
        self._known: dict[tuple[bytes, ...], Group] = {}

    def __reduce__(self) -> Any:
        """Go to another process as what it was made of."""
        sizes = [len(piece) for piece in self._struct.unpack(bytes(self._struct.size))[1::2]]
        between = [piece for pair in zip(self._constants, map(bytes, sizes)) for piece in pair]
        leaves = [(tag, vr, head) for (tag, vr), head in zip(self.leaves, self._heads)]
        return Template, (self.tag, (*between, *self._constants[len(sizes) :]), leaves)

    @property
    def shape(self) -> tuple[int, tuple[tuple[int, bytes], ...]]:
        """What templates share that differ in the lengths of values only."""
        return self.tag, self.leaves

    def match(self, data: bytes, at: int) -> "tuple[Group, int] | None":
        """Return the group at a place and where it ends; None for another layout."""
        if not data.startswith(self._constants[0], at):
            return None
        try:
            pieces = self._struct.unpack_from(data, at)
        except struct.error:  # cut short
            return None
        if pieces[::2] != self._constants:
            return None
        values = pieces[1::2]
        group = self._known.get(values)
        if group is None:
            for place in self.nested:  # what they hold is looked through in each
                is_open = self._heads[place].endswith(b"\xff\xff\xff\xff")
                size = len(values[place])
                if _end(values[place], 0, UNDEFINED if is_open else size) != size:
                    return None
            group = self._known[values] = Group(self, values)
        return group, at + self._struct.size

    def encoded(self, place: int, value: bytes) -> bytes:
        """Return the bytes of an element of the group."""
        return self._heads[place] + value


class Group:
    """One group of one frame, or of all frames that have the same: the values of its first item."""

    __slots__ = ("template", "values")

    def __init__(self, template: Template, values: tuple[bytes, ...]) -> None:
        self.template, self.values = template, values


@dataclass(frozen=True)
class FrameValues:
    """The values in the groups of one frame.

    Attributes
    ----------
    groups : tuple of Group
    encoding : str or sequence of str
        Python's names of the character set.
    """

    groups: tuple[Group, ...]
    encoding: str | MutableSequence[str]

    @property
    def shape(self) -> tuple[Any, ...]:
        """What frames share whose elements are of the same tags and types."""
        return tuple(group.template.shape for group in self.groups)

    def places(self) -> dict[int, tuple[int, int]]:
        """Return by tag which group a value is in and its place there; of two of them the first."""
        found: dict[int, tuple[int, int]] = {}
        for i, group in enumerate(self.groups):
            for place, (tag, _) in enumerate(group.template.leaves):
                found.setdefault(tag, (i, place))
        return found

    def dataset(self, tags: Collection[int] | None = None) -> Dataset:
        """Return the values, or some of them, as a dataset."""
        data = b"".join(
            self.groups[i].template.encoded(place, self.groups[i].values[place])
            for tag, (i, place) in self.places().items()
            if tags is None or tag in tags
        )
        dataset = read_dataset(BytesIO(data), False, True, parent_encoding=self.encoding, at_top_level=False)
        dataset.set_original_encoding(False, True, self.encoding)
        return dataset


class FrameGroups(Sequence[Dataset]):
    """The functional groups of all frames; as a sequence the datasets that pydicom makes of them.

    Attributes
    ----------
    frames : list of tuple of Group
        Also plain elements between the groups, as groups without values.
    """

    def __init__(
        self, data: bytes, start: int, length: int, count: int, encoding: str | MutableSequence[str]
    ) -> None:
        self._data, self._encoding = data, encoding
        self._templates: dict[bytes, list[Template]] = {}
        self._credit = _LEARNED + count // _FRAMES
        self._spans: list[tuple[int, int]] = []
        self.frames: list[tuple[Group, ...]] = []
        self.end = self._scan(start, length)
        self._data = data[: self.end]

    @overload
    def __getitem__(self, index: int) -> Dataset: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Dataset]: ...
    def __getitem__(self, index: int | slice) -> Dataset | Sequence[Dataset]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        start, end = self._spans[index]
        item = read_dataset(
            BytesIO(self._data[start:end]), False, True, parent_encoding=self._encoding, at_top_level=False
        )
        item.set_original_encoding(False, True, self._encoding)
        return item

    def __len__(self) -> int:
        return len(self._spans)

    def values(self, frame: int) -> FrameValues:
        """Return the values of a frame."""
        return FrameValues(self.frames[frame], self._encoding)

    def _scan(self, at: int, length: int) -> int:
        """Take note of all frames; return where the sequence ends."""
        data = self._data
        end = None if length == UNDEFINED else at + length
        while at != end:
            if end is None and data.startswith(_END_OF_ITEMS, at):
                return at + 8
            if data[at : at + 4] != ITEM or (end is not None and at > end):
                raise ValueError("no item")
            (size,) = _LENGTH.unpack_from(data, at + 4)
            at = self._frame(at + 8, None if size == UNDEFINED else at + 8 + size)
        return at

    def _frame(self, at: int, end: int | None) -> int:
        """Take note of one frame; return where it ends."""
        data, start, last, groups = self._data, at, b"", []
        while at != end:
            if end is None and data.startswith(_END_OF_ITEM, at):
                break
            head = data[at : at + 4]
            group, at = self._group(head, at)
            rank = head[1::-1] + head[:1:-1]
            if rank <= last or (end is not None and at > end):
                raise ValueError("tags that do not rise, or an item that ends too late")
            last = rank
            groups.append(group)
        self._spans.append((start, at))
        self.frames.append(tuple(groups))
        return at if end is not None else at + 8

    def _group(self, head: bytes, at: int) -> tuple[Group, int]:
        """Return the group at a place, and where it ends."""
        known = self._templates.setdefault(head, [])
        for i, template in enumerate(known):
            found = template.match(self._data, at)
            if found is not None:
                if i:
                    known.insert(0, known.pop(i))
                return found
        if self._credit == 0:
            raise ValueError("the groups have too many layouts")
        self._credit -= 1
        template = _learned(self._data, at)
        found = template.match(self._data, at)
        if found is None:
            raise ValueError("a group that is not as it was learned")
        known.insert(0, template)
        del known[_TRIED:]
        return found


def _learned(data: bytes, at: int) -> Template:
    """Return the template of the element at a place.

    Raises
    ------
    ValueError, struct.error
        If it is not a plain one, or pydicom sees other elements in it.
    """
    tag, length, value_at, _ = element_at(data, at, False)
    vr = data[at + 4 : at + 6]
    if vr == b"UN" or tag == _CHARACTERS or tag >> 16 == 0xFFFE:
        raise ValueError("an element that may be anything")
    if vr != b"SQ":
        end = value_at + length
        template = Template(tag, (data[at:value_at], data[value_at:end]), ())
    elif length == UNDEFINED or length:
        end = _end(data, value_at, length)
        template = _of_item(data, at, value_at, end, tag)
    else:
        end = value_at
        template = Template(tag, (data[at:end],), ())
    if end > len(data):
        raise ValueError("cut short")
    return template


def _end(data: bytes, at: int, length: int) -> int:
    """Return where a sequence ends; all its items are looked through."""
    if length == UNDEFINED:
        return end_of_items(data, at, implicit=False)
    end = at + length
    while at < end:
        if data[at : at + 4] != ITEM:
            raise ValueError("no item")
        (size,) = _LENGTH.unpack_from(data, at + 4)
        at = end_of_item(data, at + 8, size, implicit=False, depth=0)
    if at != end:
        raise ValueError("a sequence does not end where it should")
    return end


def _of_item(data: bytes, start: int, at: int, end: int, tag: int) -> Template:
    """Return the template of a group by its first item; further items are constant."""
    (size,) = _LENGTH.unpack_from(data, at + 4)
    if data[at : at + 4] != ITEM:  # no item at all
        return Template(tag, (data[start:end],), ())
    first = at + 8
    behind = end_of_item(data, first, size, implicit=False, depth=0)
    stop = behind if size != UNDEFINED else behind - 8
    pieces: list[bytes] = []
    leaves: list[tuple[int, bytes, bytes]] = []
    values: list[bytes] = []
    at, since = first, start
    while at < stop:
        leaf, length, value_at, _ = element_at(data, at, False)
        if leaf == _CHARACTERS or (leaves and leaf <= leaves[-1][0]):
            raise ValueError("a character set, or tags that do not rise")
        undefined = length == UNDEFINED
        value_end = end_of_items(data, value_at, implicit=False) if undefined else value_at + length
        pieces += [data[since:value_at], data[value_at:value_end]]
        leaves.append((leaf, data[at + 4 : at + 6], data[at:value_at]))
        values.append(data[value_at:value_end])
        at = since = value_end
    theirs = {e.tag: e for e in data_element_generator(BytesIO(data[first:stop]), False, True)}
    if [int(leaf) for leaf in theirs] != [leaf for leaf, _, _ in leaves]:
        raise ValueError("pydicom sees other elements")
    for element, value, (_, vr, _) in zip(theirs.values(), values, leaves):
        raw = isinstance(element, RawDataElement)
        if raw and ((element.value or b"") != value or vr.decode() != element.VR):
            raise ValueError("pydicom sees other values")
    return Template(tag, (*pieces, data[since:end]), leaves)


@dataclass(frozen=True)
class ScannedFrames:
    """The header of a multi-frame file whose functional groups are plain.

    Attributes
    ----------
    dataset : Dataset
        All elements but those of the single frames, without the pixels.
    groups : FrameGroups
    syntax : str
    element : int
        Where the element of the pixels begins.
    pixels : tuple of (int, int)
        Where the pixel data begins, and its length.
    state : tuple of (int, int)
        Size of the file and time of its last change in ns, when the header was read.
    """

    dataset: Dataset
    groups: FrameGroups
    syntax: str
    element: int
    pixels: tuple[int, int]
    state: tuple[int, int]


def scan_frames(path: File) -> ScannedFrames | None:
    """Return the header of a multi-frame file; None where only pydicom can tell what it says.

    Plain is explicit VR in little endian, tags that rise, items and sequences that end where they should,
    and of each layout of a group what pydicom makes of it: the same elements with the same bytes.
    """
    try:
        state = start_of(path, 0)[1]
        with opened(path) as file, quiet():
            return _scanned(file, state)
    except Exception:
        return None


def _scanned(file: BinaryIO, state: tuple[int, int]) -> ScannedFrames | None:
    dataset = read_partial(file, stop_when=lambda tag, vr, length: tag >= PER_FRAME)
    syntax, count = str(dataset.file_meta.TransferSyntaxUID), dataset.get("NumberOfFrames")
    at, head = file.tell(), file.read(12)
    is_plain = dataset.original_encoding == (False, True) and syntax != DeflatedExplicitVRLittleEndian
    if not is_plain or head[:6] != _HEAD or not isinstance(count, int):
        return None
    if any(tag < 0x00080000 for tag in dataset.keys()):  # noqa: SIM118 - pydicom reads on or not, as it is asked
        return None
    (length,) = _LENGTH.unpack_from(head, 8)
    encoding = dataset.original_character_set
    groups = _groups(file, at + 12, length, int(count), encoding, state[0])
    if groups is None or not groups.frames:
        return None
    file.seek(at + 12 + groups.end)
    rest = read_dataset(
        file, False, True, stop_when=lambda tag, vr, length: tag >= _PIXELS, parent_encoding=encoding
    )
    if any(tag <= PER_FRAME for tag in rest.keys()):  # noqa: SIM118 - iterating a Dataset gives elements
        return None
    whole = Dataset({tag: part.get_item(tag) for part in (dataset, rest) for tag in part.keys()})  # noqa: SIM118
    whole.file_meta = dataset.file_meta
    whole.set_original_encoding(False, True, encoding)
    element, head = file.tell(), file.read(12)
    if head[:4] != b"\xe0\x7f\x10\0" or head[4:6] not in (b"OB", b"OW"):
        return None
    (length,) = _LENGTH.unpack_from(head, 8)
    return ScannedFrames(whole, groups, syntax, element, (element + 12, length), state)


def _groups(
    file: BinaryIO, at: int, length: int, count: int, encoding: str | MutableSequence[str], size: int
) -> FrameGroups | None:
    """Scan the groups from a place in a file on; where their length is not told, more is read as needed."""
    most = min(size - at, _LAST_READ)
    if length != UNDEFINED:
        if length > most:
            return None
        file.seek(at)
        return FrameGroups(file.read(length), 0, length, count, encoding)
    amount = _FIRST_READ + _READ_PER_FRAME * count
    while True:
        file.seek(at)
        data = file.read(min(amount, most))
        try:
            return FrameGroups(data, 0, length, count, encoding)
        except (ValueError, struct.error):
            if amount >= most:
                return None
            amount *= 4

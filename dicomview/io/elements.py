"""Elements: which header elements the slices of a volume share, and which differ from slice to slice."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from dicomview.io.groups import PER_FRAME, FrameValues, ScannedFrames
from dicomview.io.headers import PRIVATE_NAMES, keyword_of, meta_from_dataset
from dicomview.io.items import first_item
from dicomview.io.layout import Scanned
from dicomview.io.quiet import quiet
from dicomview.volume import Meta

__all__ = ["SliceElements", "without_pixels"]

#: The elements of a header lie between. Before them comes only what is made of rubbish behind the pixels.
_FIRST, _PIXELS = 0x00080000, 0x7FE00000
#: The one private group whose elements are served: factors that the SUV of a PET series needs.
_PHILIPS_PET = 0x7053


class SliceElements:
    """Collects the elements of slices, file by file; nothing is converted before it is asked for.

    Parameters
    ----------
    count : int
        Number of slices, all frames counted.
    """

    def __init__(self, count: int) -> None:
        self._files: list[Dataset | Scanned | None] = [None] * count
        self._frames: list[Dataset | FrameValues | None] = [None] * count
        self._served: dict[int, Dataset] = {}

    def add(self, slice_number: int, elements: Dataset | Scanned | ScannedFrames, frame: int | None) -> None:
        """Take note of a slice.

        Parameters
        ----------
        slice_number : int
        elements : Dataset, Scanned or ScannedFrames
            Of its file, from :func:`without_pixels`; the same object for all slices of a file.
        frame : int or None
            Which frame of the file it is.
        """
        if isinstance(elements, ScannedFrames):
            assert frame is not None
            if id(elements) not in self._served:
                self._served[id(elements)] = without_pixels(elements.dataset)
            self._files[slice_number] = self._served[id(elements)]
            self._frames[slice_number] = elements.groups.values(frame)
            return
        self._files[slice_number] = elements
        if isinstance(elements, Scanned):
            return
        groups = elements.get("PerFrameFunctionalGroupsSequence")
        if groups and frame is not None and frame < len(groups):
            self._frames[slice_number] = _flat(groups[frame], elements)

    def meta(self) -> Meta:
        """Return the header of the slices."""
        with quiet():
            return self._meta()

    def _meta(self) -> Meta:
        result, varying = _split(self._files)
        columns: dict[str, Sequence[Any]] = {k: _Column(k, self._files) for k in varying}
        groups = result.get("SharedFunctionalGroupsSequence") or [{}]
        inner = [g[0] for g in groups[0].values() if isinstance(g, list) and g and isinstance(g[0], Meta)]
        common, varying = _split(self._frames)
        # What the functional groups say of a frame counts more than what stands beside them.
        for elements in (*inner, common):
            result.update(elements)
        for keyword in varying:
            result.pop(keyword, None)
            columns[keyword] = _Column(keyword, self._frames)
        return Meta.of_slices(result, columns, len(self._files))


class _Column(Sequence[Any]):
    """The values of one element, converted one by one."""

    def __init__(self, keyword: str, datasets: Sequence[Dataset | Scanned | FrameValues | None]) -> None:
        self._keyword, self._datasets = keyword, datasets

    def __len__(self) -> int:
        return len(self._datasets)

    def __getitem__(self, index: Any) -> Any:
        dataset = self._datasets[index]
        if dataset is None:
            return None
        with quiet():
            return self._value(dataset)

    def _value(self, dataset: Dataset | Scanned | FrameValues) -> Any:
        if isinstance(dataset, Scanned | FrameValues):
            dataset = dataset.dataset(_tags_of(self._keyword))
        tags = [tag for tag in dataset.keys() if keyword_of(tag) == self._keyword]  # noqa: SIM118
        return meta_from_dataset(_part(dataset, tags)).get(self._keyword)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))


def without_pixels(dataset: Dataset) -> Dataset:
    """Return the elements of a dataset that a header serves: neither pixel data nor private ones."""
    return _part(dataset, [tag for tag in dataset.keys() if _is_served(tag)])  # noqa: SIM118


def _is_served(tag: int) -> bool:
    group = tag >> 16
    return _FIRST <= tag < _PIXELS and (group % 2 == 0 or group == _PHILIPS_PET)


def _tags_of(keyword: str) -> frozenset[int]:
    """Return the tags that may be called so, and what all text hangs on."""
    private = (tag for tag in PRIVATE_NAMES if keyword_of(tag) == keyword)
    return frozenset((tag_for_keyword(keyword) or 0, *private))


def _part(dataset: Dataset, tags: Iterable[BaseTag]) -> Dataset:
    """Return some elements of a dataset, as they are; without those of a type that there is not."""
    items = {}
    for tag in tags:
        with suppress(Exception):  # pydicom converts some at once
            items[tag] = dataset.get_item(tag)
    part = Dataset(items)
    part.set_original_encoding(*dataset.original_encoding, dataset.original_character_set)
    return part


def _flat(group: Dataset, parent: Dataset) -> Dataset:
    """Return the elements inside the functional groups of a frame."""
    elements: dict[BaseTag, Any] = {}
    for tag in group.keys():  # noqa: SIM118 - iterating a Dataset gives elements
        with suppress(Exception):  # what cannot be read is served to nobody
            item = first_item(group, tag)
            for inner, element in item.items() if item is not None else ():
                elements.setdefault(inner, element)
    flat = Dataset(elements)
    flat.set_original_encoding(*parent.original_encoding, parent.original_character_set)
    return flat


def _split(files: Iterable[Dataset | Scanned | FrameValues | None]) -> tuple[Meta, list[str]]:
    """Return the elements that all have in common, and the keywords of those that differ."""
    given = list({id(file): file for file in files if file is not None}.values())
    if not given:
        return Meta(), []
    scanned = [file for file in given if isinstance(file, Scanned)]
    if len(scanned) == len(given) and len({id(file.layout.elements) for file in scanned}) == 1:
        return _split_scanned(scanned)
    frames = [file for file in given if isinstance(file, FrameValues)]
    if len(frames) == len(given) and (split := _split_frames(frames)) is not None:
        return split
    unique = [_dataset(file) for file in given]
    first = unique[0]
    differing = {
        tag
        for other in unique[1:]
        for tag in {**dict(first.items()), **dict(other.items())}
        if tag != PER_FRAME and not _same(first, other, tag)
    }
    common = meta_from_dataset(_part(first, [tag for tag in first.keys() if tag not in differing]))  # noqa: SIM118
    return common, [keyword for tag in sorted(differing) if (keyword := keyword_of(tag))]


def _dataset(file: Dataset | Scanned | FrameValues) -> Dataset:
    if isinstance(file, Scanned):
        return without_pixels(file.dataset())
    return file.dataset() if isinstance(file, FrameValues) else file


def _split_frames(frames: Sequence[FrameValues]) -> tuple[Meta, list[str]] | None:
    """Do as :func:`_split` for frames with groups of the same elements; None for others."""
    first = frames[0]
    for templates in {tuple([group.template for group in frame.groups]) for frame in frames}:
        if tuple(template.shape for template in templates) != first.shape:
            return None
    if any(frame.encoding != first.encoding for frame in frames):
        return None
    columns: list[set[Any]] = [set(groups) for groups in zip(*(frame.groups for frame in frames))]
    differing = set()
    for tag, (i, place) in first.places().items():
        group = first.groups[i]
        others = [other for other in columns[i] if other.values[place] != group.values[place]]
        if others and place in group.template.nested:  # the same items may be written differently
            one = FrameValues((group,), first.encoding).dataset({tag})
            alike = (
                _same(one, FrameValues((g,), first.encoding).dataset({tag}), BaseTag(tag)) for g in others
            )
            others = [] if all(alike) else others
        if others:
            differing.add(tag)
    meta = meta_from_dataset(first.dataset(frozenset(first.places()) - differing))
    return meta, [keyword for tag in sorted(differing) if (keyword := keyword_of(tag))]


def _split_scanned(files: Sequence[Scanned]) -> tuple[Meta, list[str]]:
    """Do as :func:`_split` for files of one layout, whose other elements are the same byte by byte."""
    elements = files[0].layout.elements
    numbers = sorted({number for layout in {f.layout for f in files} for number in layout.varying})
    differing = set()
    for number in numbers:
        tag = elements[number].tag
        if _is_served(tag):
            first = files[0].value(number)
            if any(file.value(number) != first for file in files):
                differing.add(tag)
    common = frozenset(e.tag for e in elements if _is_served(e.tag)) - differing
    meta = meta_from_dataset(files[0].dataset(common))
    return meta, [keyword for tag in sorted(differing) if (keyword := keyword_of(tag))]


def _same(a: Dataset, b: Dataset, tag: BaseTag) -> bool:
    """Return whether two files hold the same value of an element."""
    if tag not in a or tag not in b:
        return False
    one, other = a.get_item(tag), b.get_item(tag)
    if isinstance(one, RawDataElement) and isinstance(other, RawDataElement) and one.VR == other.VR:
        return bool(one.value == other.value)
    try:
        return bool(a[tag].value == b[tag].value)
    except Exception:  # a value that cannot be read is served to nobody
        return False

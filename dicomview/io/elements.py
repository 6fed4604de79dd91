"""Elements: which header elements the slices of a volume share, and which differ from slice to slice."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import BaseTag

from dicomview.io.headers import keyword_of, meta_from_dataset
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
        self._files: list[Dataset | None] = [None] * count
        self._frames: list[Dataset | None] = [None] * count

    def add(self, slice_number: int, elements: Dataset, frame: int | None) -> None:
        """Take note of a slice.

        Parameters
        ----------
        slice_number : int
        elements : Dataset
            Of its file, from :func:`without_pixels`; the same object for all slices of a file.
        frame : int or None
            Which frame of the file it is.
        """
        self._files[slice_number] = elements
        groups = elements.get("PerFrameFunctionalGroupsSequence")
        if groups and frame is not None and frame < len(groups):
            self._frames[slice_number] = _flat(groups[frame], elements)

    def meta(self) -> Meta:
        """Return the header of the slices."""
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

    def __init__(self, keyword: str, datasets: Sequence[Dataset | None]) -> None:
        self._keyword, self._datasets = keyword, datasets

    def __len__(self) -> int:
        return len(self._datasets)

    def __getitem__(self, index: Any) -> Any:
        dataset = self._datasets[index]
        if dataset is None:
            return None
        tags = [tag for tag in dataset.keys() if keyword_of(tag) == self._keyword]  # noqa: SIM118
        return meta_from_dataset(_part(dataset, tags)).get(self._keyword)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))


def without_pixels(dataset: Dataset) -> Dataset:
    """Return the elements of a dataset that a header serves: neither pixel data nor private ones."""
    kept = [
        tag
        for tag in dataset.keys()  # noqa: SIM118 - iterating a Dataset gives elements
        if _FIRST <= tag < _PIXELS and (not tag.is_private or tag.group == _PHILIPS_PET)
    ]
    return _part(dataset, kept)


def _part(dataset: Dataset, tags: Iterable[BaseTag]) -> Dataset:
    """Return some elements of a dataset, as they are."""
    part = Dataset({tag: dataset.get_item(tag) for tag in tags})
    part.set_original_encoding(*dataset.original_encoding, dataset.original_character_set)
    return part


def _flat(group: Dataset, parent: Dataset) -> Dataset:
    """Return the elements inside the functional groups of a frame."""
    elements: dict[BaseTag, Any] = {}
    for sequence in group:
        if isinstance(sequence.value, DicomSequence) and sequence.value:
            for tag, element in sequence.value[0].items():
                elements.setdefault(tag, element)
    flat = Dataset(elements)
    flat.set_original_encoding(*parent.original_encoding, parent.original_character_set)
    return flat


def _split(datasets: Iterable[Dataset | None]) -> tuple[Meta, list[str]]:
    """Return the elements that all have in common, and the keywords of those that differ."""
    unique = list({id(dataset): dataset for dataset in datasets if dataset is not None}.values())
    if not unique:
        return Meta(), []
    first = unique[0]
    differing = {
        tag
        for other in unique[1:]
        for tag in {**dict(first.items()), **dict(other.items())}
        if not _same(first, other, tag)
    }
    common = meta_from_dataset(_part(first, [tag for tag in first.keys() if tag not in differing]))  # noqa: SIM118
    return common, [keyword for tag in sorted(differing) if (keyword := keyword_of(tag))]


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

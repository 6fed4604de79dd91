"""Items: the first item of a sequence, without making datasets of all others."""

from io import BytesIO

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import data_element_generator
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import BaseTag

__all__ = ["first_item"]

_ITEM = b"\xfe\xff\x00\xe0"


def first_item(parent: Dataset, tag: int) -> Dataset | None:
    """Return the first item of a sequence; None for an empty one and for any other element.

    Notes
    -----
    Of a sequence that is not converted yet only the first item is parsed, as pydicom parses elements.
    An item that does not plainly begin with an element of explicit VR is left to pydicom as a whole.
    """
    raw = parent.get_item(tag)
    item = _parsed(parent, raw.value) if isinstance(raw, RawDataElement) and raw.VR == "SQ" else None
    if item is not None:
        return item
    sequence = parent[tag].value
    return sequence[0] if isinstance(sequence, DicomSequence) and sequence else None


def _parsed(parent: Dataset, value: bytes | None) -> Dataset | None:
    """Return the first item in the bytes of a sequence; None where that is not plain."""
    if parent.original_encoding != (False, True) or not value or not value.startswith(_ITEM):
        return None
    length, vr = int.from_bytes(value[4:8], "little"), value[12:14]
    if not 8 <= length <= len(value) - 8 or not (vr.isalpha() and vr.isupper()):
        return None
    try:
        raw = {e.tag: e for e in data_element_generator(BytesIO(value[8 : 8 + length]), False, True)}
    except Exception:
        return None
    if BaseTag(0x00080005) in raw:  # a character set of its own
        return None
    item = Dataset(raw, parent_encoding=parent.original_character_set)
    item.set_original_encoding(False, True, parent.original_character_set)
    return item

"""Siemens mosaics: all slices of a volume as tiles of one image."""

import math
import struct
from dataclasses import replace

import numpy as np
from pydicom.dataset import Dataset

from dicomview.io.header import Header, number

__all__ = ["MOSAIC_TAGS", "mosaic_headers"]

_CSA_IMAGE = (0x0029, 0x1010)
_TILES = (0x0019, 0x100A)
MOSAIC_TAGS = [group << 16 | element for group, element in (_CSA_IMAGE, _TILES)]


def mosaic_headers(header: Header, dataset: Dataset) -> list[Header]:
    """Return a header for every tile of a mosaic, placed as dcm2niix and nibabel place them.

    Parameters
    ----------
    header : Header
        Of the file; its position is that of the mosaic as if it were one slice.
    dataset : Dataset
        With the private CSA image header (0029,1010).

    Returns
    -------
    list of Header
        One for each slice; the header itself when the file does not tell how many tiles there are.

    Notes
    -----
    The grid has ``ceil(sqrt(n))`` tiles on each side. The first slice lies at
    ``IPP + Q (mosaic - tile) / 2``, Q being the vectors from pixel to pixel.
    """
    csa = _csa_header(_bytes(dataset, _CSA_IMAGE))
    counts = csa.get("NumberOfImagesInMosaic") or []
    count = int(float(counts[0])) if counts else int(number(_value(dataset, _TILES), float) or 0)
    if count < 1 or header.position is None or header.orientation is None or header.pixel_spacing is None:
        return [header]
    side = math.ceil(math.sqrt(count))
    rows, columns = header.rows // side, header.columns // side
    cosines = np.asarray(header.orientation)
    normal = np.cross(cosines[:3], cosines[3:])
    told = [float(v) for v in csa.get("SliceNormalVector", [])[:3]]
    if len(told) == 3 and np.dot(told, normal) < 0:
        normal = -normal
    step = number(dataset.get("SpacingBetweenSlices"), float) or number(dataset.get("SliceThickness"), float)
    if not step:
        return [header]
    to_rows = cosines[3:] * header.pixel_spacing[0] * (header.rows - rows) / 2
    to_columns = cosines[:3] * header.pixel_spacing[1] * (header.columns - columns) / 2
    first = np.asarray(header.position) + to_rows + to_columns
    return [
        replace(
            header,
            rows=rows,
            columns=columns,
            tile=(k // side * rows, k % side * columns),
            position=tuple((first + normal * step * k).tolist()),
        )
        for k in range(count)
    ]


def _value(dataset: Dataset, tag: tuple[int, int]) -> object:
    return dataset[tag].value if tag in dataset else None


def _bytes(dataset: Dataset, tag: tuple[int, int]) -> bytes:
    value = _value(dataset, tag)
    return value if isinstance(value, bytes) else b""


def _csa_header(raw: bytes) -> dict[str, list[str]]:
    """Parse a Siemens CSA header: name to values; empty when it is none."""
    if len(raw) < 16:
        return {}
    newer = raw[:4] == b"SV10"
    start = 8 if newer else 0
    result: dict[str, list[str]] = {}
    try:
        (tags,) = struct.unpack_from("<I", raw, start)
        place = start + 8
        if not 1 <= tags <= 128:
            return {}
        base = None
        for _ in range(tags):
            name, _, _, _, items, _ = struct.unpack_from("<64si4siii", raw, place)
            place += 84
            base = items if base is None else base
            values = []
            for _ in range(items):
                lengths = struct.unpack_from("<4i", raw, place)
                # The older version adds the number of items of the first element to every length.
                length = lengths[1] if newer else lengths[0] - base
                place += 16
                length = max(0, min(length, len(raw) - place))
                values.append(raw[place : place + length].split(b"\0")[0].decode("latin-1").strip())
                place += -(-length // 4) * 4
            result[name.split(b"\0")[0].decode("latin-1")] = [value for value in values if value]
    except struct.error:
        return {}
    return result

"""Mosaics of Siemens and grids of United Imaging: all slices of a volume as tiles of one image."""

import math
import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from dicomview.io.doubts import FILES
from dicomview.io.header import Header, floats, number
from dicomview.io.keys import private_value

__all__ = ["BEHIND", "MOSAIC_TAGS", "diffusion_of_csa", "filled_behind", "mosaic_headers", "united_headers"]

#: What a warning says of a mosaic with more tiles than its header tells.
BEHIND = (
    "tiles behind the last slice of the mosaic are not blank: there are more slices than the header tells, "
    "and they are left out"
)

_CSA_IMAGE = (0x0029, "SIEMENS CSA HEADER", 0x10, "bytes")
_TILES = (0x0019, "SIEMENS MR HEADER", 0x0A, "<u2")
_UNITED_TILES = (0x0065, "IMAGE PRIVATE HEADER", 0x50, "text")
_UNITED_FRAMES = (0x0065, "IMAGE PRIVATE HEADER", 0x51, "items")
#: Private elements, in each of the blocks that they may lie in, and the creators of these.
MOSAIC_TAGS = [
    group << 16 | place
    for group, _, element, _ in (_CSA_IMAGE, _TILES, _UNITED_TILES, _UNITED_FRAMES)
    for block in (0x10, 0x11, 0x12)
    for place in (block, block << 8 | element)
]


def mosaic_headers(header: Header, dataset: Dataset) -> list[Header]:
    """Return a header for every tile of a Siemens mosaic, placed as dcm2niix and nibabel place them.

    Parameters
    ----------
    header : Header
        Of the file; its position is that of the mosaic as if it were one slice.
    dataset : Dataset
        With the private CSA image header (0029,1010), or the number of tiles in (0019,100A).

    Returns
    -------
    list of Header
        One for each slice; the header itself when the file does not tell how many tiles there are.

    Notes
    -----
    The grid has ``ceil(sqrt(n))`` tiles on each side. The first slice lies at
    ``IPP + Q (mosaic - tile) / 2``, Q being the vectors from pixel to pixel.
    """
    csa = _csa(dataset)
    counts = _counts(csa, dataset)
    count = counts[0] if counts else 0
    side = _side(header, count)
    if not side or header.position is None or header.orientation is None or header.pixel_spacing is None:
        return [header]
    rows, columns = header.rows // side, header.columns // side
    cosines = np.asarray(header.orientation)
    normal = np.cross(cosines[:3], cosines[3:])
    told = [number(v, float) for v in csa.get("SliceNormalVector", [])[:3]]
    remarks = list(header.remarks)
    if len(counts) > 1:
        told_of = " and of ".join(map(str, counts))
        remarks.append(f"the header tells of {told_of} slices in the mosaic of {FILES}: {count} are taken")
    if side == 1:
        remarks.append(
            "ImageType (0008,0008) says MOSAIC, and the header tells of one slice only: left as one image"
        )
    if len(told) == 3 and None not in told:
        normal = -normal if np.dot(told, normal) < 0 else normal
    else:
        remarks.append(
            "SliceNormalVector of the CSA header (0029,1010) is absent: "
            "the slices of the mosaic are taken to follow the normal of the image"
        )
    step = number(dataset.get("SpacingBetweenSlices"), float)
    if not step:
        step = number(dataset.get("SliceThickness"), float)
        remarks.append("SpacingBetweenSlices (0018,0088) of the mosaic is absent: SliceThickness is taken")
    if not step:
        return [header]
    to_rows = cosines[3:] * header.pixel_spacing[0] * (header.rows - rows) / 2
    to_columns = cosines[:3] * header.pixel_spacing[1] * (header.columns - columns) / 2
    first = np.asarray(header.position) + to_rows + to_columns
    places = [tuple((first + normal * step * k).tolist()) for k in range(count)]
    return _tiles(replace(header, remarks=tuple(remarks)), places, side, side)


def united_headers(header: Header, dataset: Dataset) -> list[Header]:
    """Return a header for every tile of a grid of United Imaging, which tells the place of each.

    Parameters
    ----------
    header : Header
        Of the file.
    dataset : Dataset
        With the private elements (0065,1050), number of tiles, and (0065,1051), a sequence of their places.

    Returns
    -------
    list of Header
        One for each slice; the header itself, with a remark, when the places are not told.

    Notes
    -----
    The grid is ``ceil(sqrt(n))`` tiles wide and has no more rows of tiles than are needed, as dcm2niix reads
    it; with an empty row at the end where only that makes the tiles square.
    """
    count = int(number(private_value(dataset, _UNITED_TILES), float) or 0)
    if count < 2:
        return [header]
    frames = private_value(dataset, _UNITED_FRAMES)
    items = list(frames) if isinstance(frames, Sequence) else []
    places = [floats(item.get("ImagePositionPatient"), 3) for item in items if isinstance(item, Dataset)]
    known = [place for place in places if place is not None]
    across = math.ceil(math.sqrt(count))
    down = math.ceil(count / across)
    if header.rows * down != header.columns * across and header.rows == header.columns:
        down = across
    fits = not header.rows % down and not header.columns % across
    if len(known) != count or not fits or header.orientation is None:
        remark = f"a grid of {count} images whose places (0065,1051) are not told: left as one image"
        return [replace(header, remarks=(*header.remarks, remark))]
    return _tiles(header, known, across, down)


def diffusion_of_csa(header: Header, dataset: Dataset) -> Header:
    """Add b-value and gradient of the CSA header to the keys of a diffusion image that lacks them."""
    if "DIFFUSION" not in header.image_type or "DiffusionBValue" in header.key_values:
        return header
    csa = _csa(dataset)
    b_value = number(csa.get("B_value") or [], float)
    if b_value is None:
        return header
    gradient = [number(v, float) for v in csa.get("DiffusionGradientDirection") or []]
    keys = {**header.key_values, "DiffusionBValue": b_value}
    if len(gradient) == 3 and None not in gradient:
        keys |= {f"Gradient{axis}": round(g or 0.0, 4) for axis, g in zip("XYZ", gradient)}
    return replace(header, keys=tuple(keys.items()))


def filled_behind(image: np.ndarray, header: Header) -> bool:
    """Return whether tiles of a mosaic behind its last slice hold more than a single value."""
    rows, columns = header.rows, header.columns
    down, across = image.shape[0] // rows, image.shape[1] // columns
    places = (divmod(k, across) for k in range(header.tiles, down * across))
    tiles = (image[r * rows : (r + 1) * rows, c * columns : (c + 1) * columns] for r, c in places)
    return any(tile.min() != tile.max() for tile in tiles)


def _counts(csa: dict[str, list[str]], dataset: Dataset) -> list[int]:
    """Return how many slices each place tells of, every number once; that of the CSA header comes first."""
    told = [*(csa.get("NumberOfImagesInMosaic") or [])[:1], private_value(dataset, _TILES)]
    found = [int(number(value, float) or 0) for value in told]
    return list(dict.fromkeys(n for n in (*found, len(csa.get("MosaicRefAcqTimes") or [])) if n > 0))


def _side(header: Header, count: int) -> int:
    """Return how many tiles a side of the grid has; 0 where so many tiles do not fit the image."""
    side = math.ceil(math.sqrt(max(count, 0)))
    return side if side and not header.rows % side and not header.columns % side else 0


def _tiles(header: Header, places: Sequence[tuple[float, ...]], across: int, down: int) -> list[Header]:
    """Cut an image into so many tiles across and down, row after row."""
    rows, columns = header.rows // down, header.columns // across
    return [
        replace(
            header,
            rows=rows,
            columns=columns,
            tile=(k // across * rows, k % across * columns),
            tiles=len(places),
            position=place,
        )
        for k, place in enumerate(places)
    ]


def _csa(dataset: Dataset) -> dict[str, list[str]]:
    """Return the CSA image header; empty where there is none."""
    raw: Any = private_value(dataset, _CSA_IMAGE)
    return _csa_header(raw) if isinstance(raw, bytes) else {}


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

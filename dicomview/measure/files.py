"""Files: measurements as JSON and back."""

import base64
import json
import zlib
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import numpy as np

from dicomview.errors import MeasureError
from dicomview.geometry import Geometry
from dicomview.measure.evaluate import Result
from dicomview.measure.shapes import KINDS, Measurement, Region
from dicomview.volume import Volume
from dicomview.volume.reference import other_frame_of_reference

__all__ = ["from_json", "to_json"]

#: What the file says it is.
FORMAT = "dicomview measurements"
VERSION = 1
_FRAME = "SHA-256 of FrameOfReferenceUID"


def to_json(
    volume: Volume, measurements: Sequence[Measurement | Region], *, results: Sequence[Result] = ()
) -> str:
    """Return measurements as text.

    Parameters
    ----------
    volume : Volume
        In which they were made: says what the points mean.
    measurements : sequence of Measurement or Region
    results : sequence of Result
        Their numbers, for other readers of the file.

    Examples
    --------
    >>> from dicomview.measure import Point
    >>> vol = Volume.from_array(np.zeros((3, 4, 5)))
    >>> from_json(vol, to_json(vol, [Point([(1, 2, 3)])]))
    (Point(points=((1.0, 2.0, 3.0),), name=''),)
    """
    told = [_told(measurement) for measurement in measurements]
    for item, result in zip(told, results):
        item["results"] = {k: v for k, v in result.record().items() if v is not None and k not in item}
    content = {"format": FORMAT, "version": VERSION, **_space(volume), "measurements": told}
    return json.dumps(content, indent=1, allow_nan=False)


def from_json(
    volume: Volume, text: str, *, ignore_frame_of_reference: bool = False
) -> tuple[Measurement | Region, ...]:
    """Return the measurements of a text of :func:`to_json`; numbers are evaluated anew.

    Parameters
    ----------
    volume : Volume
        In which they are to lie.
    text : str
    ignore_frame_of_reference : bool, optional
        Also where FrameOfReferenceUID says that positions have another meaning.

    Raises
    ------
    MeasureError
        If it is no such text, or positions mean something else in the volume.
    """
    try:
        content = json.loads(text)
        if content["format"] != FORMAT or content["version"] != VERSION:
            raise KeyError("format")
        items = list(content["measurements"])
    except (ValueError, KeyError, TypeError):
        raise MeasureError(
            f"this is no file of measurements: JSON with the format {FORMAT!r} is needed",
            remedy="name a file that measurements.to_json wrote",
        ) from None
    ours, theirs = _space(volume), content
    if theirs.get("space") != ours["space"]:
        raise MeasureError(
            f"the points of the file are given in {theirs.get('space')!r}, those of this volume in "
            f"{ours['space']!r}",
            remedy="take the volume in which they were made",
        )
    frames = ({"FrameOfReferenceUID": told.get(_FRAME)} for told in (theirs, ours))
    differs = other_frame_of_reference(*frames)
    if differs and not ignore_frame_of_reference:
        raise MeasureError(
            f"file and volume must share a frame of reference: {differs}",
            tag="FrameOfReferenceUID",
            remedy="pass ignore_frame_of_reference=True if their positions agree",
        )
    try:
        return tuple(map(_made, items))
    except (KeyError, TypeError, AttributeError, ValueError, zlib.error) as error:
        if isinstance(error, MeasureError):
            raise
        raise MeasureError(
            f"a measurement of the file cannot be read ({type(error).__name__})", remedy="save it again"
        ) from None


def _space(volume: Volume) -> dict[str, Any]:
    if volume.geometry.affine is None:
        return {"space": "voxel index"}
    uid = volume.meta.get("FrameOfReferenceUID")
    # A UID may lead to a person; whether it is the same one can be told without it.
    return {"space": "LPS mm", **({_FRAME: sha256(str(uid).encode()).hexdigest()} if uid else {})}


def _told(measurement: Measurement | Region) -> dict[str, Any]:
    told: dict[str, Any] = {"kind": measurement.kind, "name": measurement.name}
    if isinstance(measurement, Measurement):
        return {**told, "points": [list(point) for point in measurement.points]}
    mask, geometry = measurement.mask, measurement.mask.geometry
    place: dict[str, Any] = {"spacing": list(geometry.spacing)}
    if geometry.affine is not None and geometry.slice_positions is not None:
        place = {"affine": geometry.affine.tolist(), "slice_positions": geometry.slice_positions.tolist()}
    bits = np.packbits(np.asarray(mask.array) != 0)
    packed = base64.b64encode(zlib.compress(bits.tobytes())).decode()
    return {**told, "shape": list(geometry.shape), **place, "mask": packed}


def _made(item: dict[str, Any]) -> Measurement | Region:
    if item["kind"] != Region.kind:
        return KINDS[item["kind"]](tuple(map(tuple, item["points"])), item.get("name", ""))
    place = {key: item[key] for key in ("spacing", "affine", "slice_positions") if key in item}
    geometry = Geometry(tuple(item["shape"]), **place)
    count = int(np.prod(geometry.shape))
    # No more than the mask has is unpacked, whatever the file says.
    data = zlib.decompressobj().decompress(base64.b64decode(item["mask"]), -(-count // 8))
    if len(data) != -(-count // 8):
        raise MeasureError(
            f"the mask of a region has not the {item['shape']} voxels that its file says",
            remedy="save it again",
        )
    bits = np.unpackbits(np.frombuffer(data, np.uint8), count=count)
    return Region(Volume(bits.reshape(geometry.shape).astype(bool), geometry=geometry), item.get("name", ""))

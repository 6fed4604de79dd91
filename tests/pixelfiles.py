"""Files with pixels of any kind: written by the letter of the standard, for tests of decoding."""

import numpy as np
import pydicom
from pydicom import uid
from pydicom.encaps import encapsulate
from pydicom.pixels.utils import pixel_array

import dicomview as dv

NATIVE = [
    uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
]  # fmt: skip


def describe(dataset, pixels, **elements):
    """Write the Image Pixel Module of pixels (frames, rows, columns[, 3]) without the pixels."""
    color, bits = pixels.ndim == 4, 8 * pixels.itemsize
    values = {
        "Rows": pixels.shape[1], "Columns": pixels.shape[2], "BitsAllocated": bits, "BitsStored": bits,
        "PixelRepresentation": int(pixels.dtype.kind == "i"), "SamplesPerPixel": 3 if color else 1,
        "PhotometricInterpretation": "RGB" if color else "MONOCHROME2",
        "PlanarConfiguration": 0 if color else None, "RescaleSlope": None, "RescaleIntercept": None,
        "RescaleType": None, **elements,
    }  # fmt: skip
    values.setdefault("HighBit", (values["BitsStored"] or bits) - 1)
    for keyword, value in values.items():
        if value is not None:
            setattr(dataset, keyword, value)
        elif keyword in dataset:
            delattr(dataset, keyword)


def save(dataset, path, syntax, data=None, vr="OW"):
    """Write a dataset in a syntax, also in one that the writer does not know; compressed data as it is."""
    known = uid.UID(syntax) in uid.AllTransferSyntaxes and not uid.UID(syntax).is_private
    dataset.file_meta.TransferSyntaxUID = uid.UID(syntax) if known else uid.JPEG2000
    if data is not None:
        dataset.add_new("PixelData", vr, data + b"\0" * (len(data) % 2))
        dataset["PixelData"].is_undefined_length = syntax not in NATIVE
    pydicom.dcmwrite(path, dataset)
    if not known:
        relabel(path, syntax)


def relabel(path, syntax):
    """Change the transfer syntax that a file claims."""
    data = path.read_bytes()
    end = 144 + int.from_bytes(data[140:144], "little")
    at = data.index(b"\x02\x00\x10\x00UI", 0, end)
    behind = at + 8 + int.from_bytes(data[at + 6 : at + 8], "little")
    value = syntax.encode() + b"\0" * (len(syntax) % 2)
    meta = data[144:at] + b"\x02\x00\x10\x00UI" + len(value).to_bytes(2, "little") + value + data[behind:end]
    path.write_bytes(data[:140] + len(meta).to_bytes(4, "little") + meta + data[end:])


def rle(image):
    """Encode an image by the letter of PS3.5 G: literal runs, a segment for each byte, highest first."""
    planes = image.astype(image.dtype.newbyteorder(">")).reshape(-1, 1).view(np.uint8).T
    segments = []
    for plane in planes:
        runs = [plane[i : i + 128].tobytes() for i in range(0, plane.size, 128)]
        segment = b"".join(bytes([len(run) - 1]) + run for run in runs)
        segments.append(segment + b"\x80" * (len(segment) % 2))
    places = 64 + np.cumsum([0, *map(len, segments[:-1])])
    header = np.zeros(16, "<u4")
    header[0], header[1 : 1 + len(segments)] = len(segments), places
    return header.tobytes() + b"".join(segments)


def write_film(path, pixels, syntax, data, vr="OB", extra=(), **elements):
    """Turn a single-frame file into one that holds all pixels (frames, rows, columns[, 3])."""
    dataset = pydicom.dcmread(path)
    if len(pixels) > 1:
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = uid.UltrasoundMultiFrameImageStorage
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient"):
            delattr(dataset, keyword)
        elements = {"NumberOfFrames": len(pixels), "FrameTime": 40, **elements}
    describe(dataset, pixels, **elements)
    for keyword, value in extra:
        setattr(dataset, keyword, value)
    save(dataset, path, syntax, data, vr)
    return path


def frames_of(path, count):
    """Return what volread makes of a file, as (frames, rows, columns[, 3])."""
    array = dv.volread(path).array
    return array.reshape(count, *array.shape[1 if count == 1 else 2 :])


def spoil(files, *numbers):
    """Compress files as RLE, some of them to frames that cannot be decoded."""
    for k, file in enumerate(files):
        dataset = pydicom.dcmread(file)
        dataset.compress(uid.RLELossless, generate_instance_uid=False)
        if k in numbers:
            dataset.PixelData = encapsulate([bytes(100)])
        dataset.save_as(file)


def decoded_plainly(dataset):
    """Return the pixels as pydicom decodes them; lossy 8-bit JPEG, on which decoders differ, by pillow."""
    syntax = dataset.file_meta.TransferSyntaxUID
    return pixel_array(dataset, decoding_plugin="pillow" if syntax == uid.JPEGBaseline8Bit else "")

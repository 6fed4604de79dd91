"""Seeds: small files and series of all kinds, as {name of the file: bytes}."""

import io
import sys
import tempfile
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import pydicom
from pydicom import uid
from pydicom.encaps import encapsulate, encapsulate_extended

sys.path.insert(0, str(Path(__file__).parents[1]))

import codestreams as made
import test_frames
import test_mosaic
import test_segread
from conftest import make_affine, make_voxels
from pixelfiles import describe, rle, save
from pydicom.dataset import Dataset, FileMetaDataset
from test_sources import write_disk

import dicomview as dv

__all__ = ["names", "seed"]

SHAPE = (3, 6, 5)
US_FILM = uid.UltrasoundMultiFrameImageStorage


def series(folder, shape=SHAPE, **options):
    return dv.samples.write_series(folder, make_voxels(shape), make_affine(), **options)


def edited(files, change):
    for k, path in enumerate(files):
        dataset = pydicom.dcmread(path)
        change(dataset, k)
        dataset.save_as(path)


def time_series(folder):
    for t in range(2):
        names = [f"{t}{k}.dcm" for k in range(SHAPE[0])]
        told = {"TemporalPositionIdentifier": t + 1, "AcquisitionTime": f"12000{t}", "TriggerTime": 20 * t}
        series(folder, names=names, modality="MR", series_uid="1.2.4", elements=told)
    for path in folder.iterdir():  # copies have the same identity as the first
        dataset = pydicom.dcmread(path)
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.4.9{path.stem}"
        dataset.save_as(path)


def diffusion(folder):
    def change(dataset, k):
        dataset.Manufacturer = "SIEMENS"
        block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
        block.add_new(0x0C, "IS", 500 * (k % 2))
        block.add_new(0x0E, "FD", [1.0, 0.0, 0.0])

    edited(series(folder, (4, 6, 5), modality="MR"), change)


def pet(folder):
    shape = (3, 6, 5)
    for k in range(shape[0]):  # a slope of its own for every slice
        slope = 0.5 + k
        dv.samples.write_series(
            folder, make_voxels(shape)[k : k + 1] * slope, make_affine(origin=(0, 0, 3 * k)), modality="PT",
            slope=slope, series_uid="1.2.5", names=[f"{k}.dcm"],
            elements={"InstanceNumber": k + 1, "SOPInstanceUID": f"1.2.5.{k}"},
        )  # fmt: skip


def sequences(folder):
    def change(dataset, k):
        dataset.SpecificCharacterSet, dataset.PatientName = ["", "ISO 2022 IR 87"], "Yamada^Tarou"
        one = Dataset()
        one.ReferencedSOPInstanceUID = f"1.2.{k}"
        one.is_undefined_length_sequence_item = True
        dataset.ReferencedImageSequence = [one]
        dataset["ReferencedImageSequence"].is_undefined_length = True
        dataset.PixelPaddingValue = -5
        dataset.WindowCenter = [40, k]

    edited(series(folder, signed=True), change)


def luts(folder):
    def change(dataset, k):
        lut = Dataset()
        lut.LUTDescriptor, lut.ModalityLUTType = [4, 0, 16], "US"
        lut.add_new("LUTData", "OW", np.arange(4, dtype="<u2").tobytes())
        dataset.ModalityLUTSequence = [lut]

    array = np.arange(90).reshape(SHAPE) % 4
    edited(dv.samples.write_series(folder, array, make_affine()), change)


def syntax(name):
    def build(folder):
        for path in series(folder):
            dataset = pydicom.dcmread(path)
            implicit, little = name == uid.ImplicitVRLittleEndian, name != uid.ExplicitVRBigEndian
            dataset.file_meta.TransferSyntaxUID = name
            if not little:
                dataset["PixelData"].value = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
            pydicom.dcmwrite(path, dataset, implicit_vr=implicit, little_endian=little)

    return build


def film(pixels, name, data, vr="OB", **elements):
    """Build a file that holds frames (frames, rows, columns[, 3])."""

    def build(folder):
        (path,) = series(folder, (1, 6, 5))
        dataset = pydicom.dcmread(path)
        if len(pixels) > 1:
            dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = US_FILM
            dataset.NumberOfFrames, dataset.FrameTime = len(pixels), 40
            del dataset.ImagePositionPatient, dataset.ImageOrientationPatient
        describe(dataset, np.asarray(pixels), **elements)
        save(dataset, path, name, data, vr)

    return build


def compressed_series(name, codestream, image, **elements):
    def build(folder):
        for path in series(folder, (3, 8, 8)):
            dataset = pydicom.dcmread(path)
            describe(dataset, image[None], RescaleIntercept=0, RescaleSlope=1, **elements)
            save(dataset, path, name, encapsulate([codestream]), "OB")

    return build


def extended_table(folder):
    film(np.stack([made.GREY] * 2), uid.RLELossless, encapsulate([rle(made.GREY)] * 2))(folder)
    (path,) = folder.iterdir()
    dataset = pydicom.dcmread(path)
    data, offsets, lengths = encapsulate_extended([rle(made.GREY)] * 2)
    dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = offsets, lengths
    dataset.PixelData = data
    dataset.save_as(path)


def frames(*, undefined):
    def build(folder):
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = uid.EnhancedMRImageStorage
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
        dataset.SeriesInstanceUID, dataset.Modality, dataset.NumberOfFrames = "1.2.3", "MR", 4
        describe(dataset, make_voxels((4, 6, 5)))
        test_frames.share_groups(dataset)
        dataset.PerFrameFunctionalGroupsSequence = [test_frames.frame(k) for k in range(4)]
        if undefined:
            test_frames.undefined(dataset)
        save(dataset, folder / "frames.dcm", uid.ExplicitVRLittleEndian, make_voxels((4, 6, 5)).tobytes())

    return build


def mosaic(folder):
    array, matrix = make_voxels((3, 4, 4)), make_affine()
    matrix[:3, 0] = [0, 0, 2.5]
    told = {"ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"], "Manufacturer": "SIEMENS"}
    picture = test_mosaic.tiled(array)[None]
    (path,) = dv.samples.write_series(folder, picture, matrix, modality="MR", elements=told)
    dataset = pydicom.dcmread(path)
    private = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    known = {"NumberOfImagesInMosaic": ["3"], "SliceNormalVector": ["0.0", "0.0", "1.0"]}
    private.add_new(0x10, "OB", test_mosaic.csa(known))
    dataset.save_as(path)


def segmentation(kind):
    def build(folder):
        masks = np.arange(3 * 30).reshape(3, 6, 5) % 3 == 0
        seg = test_segread.make_seg
        dtype = bool if kind == "BINARY" else np.uint8
        told = [(1 + k % 2, k, masks[k].astype(dtype)) for k in range(3)]
        if kind == "LABELMAP":
            told = [(None, k, pixels) for _, k, pixels in told]
        seg(folder / "seg.dcm", told, {1: "one", 2: "two"}, make_affine(), kind=kind)

    return build


def structures(folder):
    square = [(0, 0, 12.75), (4, 0, 12.75), (4, 4, 12.75), (0, 4, 12.75)]
    test_segread.make_structures(folder / "rs.dcm", {"one": [("CLOSED_PLANAR", square)], "two": []})


def parametric(folder):
    told = {"RealWorldValueFirstValueMapped": 0, "RealWorldValueLastValueMapped": 255}
    told |= {"RealWorldValueIntercept": 0.5, "RealWorldValueSlope": 2.0}
    frames = np.arange(90, dtype=np.uint8).reshape(SHAPE)
    test_segread.make_map(folder / "map.dcm", frames, [test_segread.mapping(**told)])


def disk(folder):
    with tempfile.TemporaryDirectory() as temporary:
        write_disk(series(Path(temporary), (2, 6, 5)), folder)


def archive(folder):
    with tempfile.TemporaryDirectory() as temporary:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made_archive:
            for path in series(Path(temporary), (2, 6, 5)):
                # no time of writing
                made_archive.writestr(zipfile.ZipInfo(path.name), path.read_bytes(), zipfile.ZIP_DEFLATED)
        (folder / "study.zip").write_bytes(stream.getvalue())


def headless(folder):
    for path in series(folder, (2, 6, 5)):  # no preamble, no file meta information
        data = path.read_bytes()
        path.write_bytes(data[144 + int.from_bytes(data[140:144], "little") :])


def palette(folder):
    film(RAW, uid.ExplicitVRLittleEndian, RAW.tobytes(), PhotometricInterpretation="PALETTE COLOR")(folder)
    (path,) = folder.iterdir()
    dataset = pydicom.dcmread(path)
    for color in range(3):
        dataset.add_new(0x00281101 + color, "US", [256, 0, 8])
        dataset.add_new(0x00281201 + color, "OW", bytes(range(256)))
    dataset.save_as(path)


RAW = np.arange(2 * 30, dtype=np.uint8).reshape(2, 6, 5)
COLORS = np.arange(2 * 90, dtype=np.uint8).reshape(2, 6, 5, 3)
BITS = np.arange(60).reshape(2, 6, 5) % 2

SEEDS = {
    "ct": lambda folder: series(folder, slope=1, intercept=-1024, signed=False, bits_stored=12),
    "time": time_series,
    "diffusion": diffusion,
    "pet": pet,
    "sequences": sequences,
    "luts": luts,
    "headless": headless,
    "implicit": syntax(uid.ImplicitVRLittleEndian),
    "big": syntax(uid.ExplicitVRBigEndian),
    "deflated": syntax(uid.DeflatedExplicitVRLittleEndian),
    "film": film(RAW, uid.ExplicitVRLittleEndian, RAW.tobytes()),
    "colors": film(COLORS, uid.ExplicitVRLittleEndian, COLORS.tobytes()),
    "bits": film(
        RAW, uid.ExplicitVRLittleEndian, np.packbits(BITS, bitorder="little").tobytes(), BitsAllocated=1,
        BitsStored=1,
    ),
    "palette": palette,
    "rle": compressed_series(uid.RLELossless, rle(made.TWELVE), made.TWELVE),
    "rle film": film(np.stack([made.GREY] * 3), uid.RLELossless, encapsulate([rle(made.GREY)] * 3)),
    "extended table": extended_table,
    "jpeg": compressed_series(uid.JPEGBaseline8Bit, made.JPEG_8, made.GREY),
    "jpeg 12": compressed_series(uid.JPEGExtended12Bit, made.JPEG_12, made.TWELVE, BitsStored=12),
    "jpeg color": film(
        made.RGB[None], uid.JPEGBaseline8Bit, encapsulate([made.JPEG_422]),
        PhotometricInterpretation="YBR_FULL_422",
    ),
    "jpeg film": film(np.stack([made.GREY] * 2), uid.JPEGBaseline8Bit, encapsulate([made.JPEG_8] * 2)),
    "lossless": compressed_series(uid.JPEGLosslessSV1, made.LOSSLESS_12, made.TWELVE, BitsStored=12),
    "jpegls": compressed_series(uid.JPEGLSLossless, made.JPEGLS_12, made.TWELVE, BitsStored=12),
    "jpegls signed": compressed_series(uid.JPEGLSLossless, made.JPEGLS_SIGNED, made.SIGNED),
    "j2k": compressed_series(uid.JPEG2000, made.J2K_LOSSY, made.TWELVE, BitsStored=12),
    "htj2k": compressed_series(uid.HTJ2KLossless, made.HTJ2K_12, made.TWELVE, BitsStored=12),
    "htj2k color": film(
        made.RGB[None], uid.HTJ2KLossless, encapsulate([made.HTJ2K_RGB]), PhotometricInterpretation="YBR_RCT"
    ),
    "frames": frames(undefined=False),
    "frames undefined": frames(undefined=True),
    "mosaic": mosaic,
    "seg binary": segmentation("BINARY"),
    "seg fractional": segmentation("FRACTIONAL"),
    "seg labelmap": segmentation("LABELMAP"),
    "structures": structures,
    "parametric": parametric,
    "dicomdir": disk,
    "zip": archive,
}  # fmt: skip


def names():
    """Return the names of all seeds."""
    return list(SEEDS)


@cache
def seed(name):
    """Return the files of a seed, as {path: bytes}; always the same."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "seed"
        folder.mkdir()
        SEEDS[name](folder)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}

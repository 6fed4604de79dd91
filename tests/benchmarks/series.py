"""Series to measure loading with: CT slices of about 120 elements, plain, compressed, multi-frame."""

from pathlib import Path

import numpy as np
import pydicom
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate

#: By the name of a series: its transfer syntax.
SYNTAXES = {
    "uncompressed": uid.ExplicitVRLittleEndian,
    "JPEG 2000": uid.JPEG2000Lossless,
    "JPEG-LS": uid.JPEGLSLossless,
    "JPEG lossless": uid.JPEGLosslessSV1,
    "RLE": uid.RLELossless,
}
ROWS = COLUMNS = 512
_ROOT = "1.2.826.0.1.3680043.8.498.7."


def slices(count: int, rows: int = ROWS, columns: int = COLUMNS):
    """Give stored values of 12 bits: a body with noise in air, as compressible as CT is."""
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    body = (x**2 + (1.4 * y) ** 2 < 0.7).astype(float)
    noise = np.random.default_rng(0).normal(0, 12, (8, rows, columns))
    for k in range(count):
        organ = 300 * ((x - 0.3 * np.sin(k / 40)) ** 2 + y**2 < 0.05)
        values = 24 + body * (1000 + organ + 40 * np.cos(6 * x + k / 20)) + noise[k % 8]
        yield np.clip(np.rint(values), 0, 4095).astype("<u2")


def write_classic(folder: Path, count: int, syntax: str) -> None:
    """Write a file for each slice, in a folder."""
    folder.mkdir()
    for k, pixels in enumerate(slices(count)):
        dataset = _common(k, count, syntax)
        dataset.ImagePositionPatient = [-179.6, -179.6, round(-120.0 + 1.25 * k, 2)]
        dataset.SliceLocation = round(-120.0 + 1.25 * k, 2)
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = -1024, 1, "HU"
        dataset.SliceThickness, dataset.PixelSpacing = 1.25, [0.703125, 0.703125]
        dataset.SmallestImagePixelValue, dataset.LargestImagePixelValue = int(pixels.min()), int(pixels.max())
        _set_pixels(dataset, pixels, syntax)
        # Names in another order than the slices.
        dataset.save_as(folder / f"IM{(k * 7919) % 100_000:05}.dcm", enforce_file_format=True)


def write_enhanced(folder: Path, count: int, syntax: str) -> None:
    """Write all slices as frames of one file, in a folder."""
    folder.mkdir()
    dataset = _common(0, count, syntax)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = uid.EnhancedCTImageStorage
    dataset.NumberOfFrames = count
    shared, dataset.PerFrameFunctionalGroupsSequence = Dataset(), []
    _group(shared, "PixelMeasuresSequence", SliceThickness=1.25, PixelSpacing=[0.703125, 0.703125])
    _group(shared, "PlaneOrientationSequence", ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    _group(
        shared, "PixelValueTransformationSequence", RescaleIntercept=-1024, RescaleSlope=1, RescaleType="HU"
    )
    dataset.SharedFunctionalGroupsSequence = [shared]
    for k in range(count):
        frame = Dataset()
        _group(
            frame,
            "FrameContentSequence",
            StackID="1",
            InStackPositionNumber=k + 1,
            DimensionIndexValues=[1, k + 1],
            FrameAcquisitionNumber=1,
            FrameAcquisitionDateTime=f"20240101120000.{1000 * k:06}",
            FrameAcquisitionDuration=500.0,
        )
        position = [-179.6, -179.6, round(-120.0 + 1.25 * k, 2)]
        _group(frame, "PlanePositionSequence", ImagePositionPatient=position)
        _group(frame, "FrameVOILUTSequence", WindowCenter=40, WindowWidth=400)
        _group(frame, "CTExposureSequence", ExposureInmAs=120.0 + k % 7, CTDIvol=8.5)
        dataset.PerFrameFunctionalGroupsSequence.append(frame)
    _set_pixels(dataset, np.stack(list(slices(count))), syntax)
    dataset.save_as(folder / "frames.dcm", enforce_file_format=True)


def _group(parent: Dataset, keyword: str, **elements: object) -> None:
    """Put a functional group of one item into a dataset."""
    item = Dataset()
    for name, value in elements.items():
        setattr(item, name, value)
    setattr(parent, keyword, [item])


def _common(k: int, count: int, syntax: str) -> Dataset:
    """Return a slice without place and pixels, with as many elements as a scanner writes."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = uid.CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = f"{_ROOT}{count}.{k + 1}"
    dataset.file_meta.ImplementationClassUID = _ROOT + "1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{_ROOT}{count}", f"{_ROOT}{count}.0"
    dataset.FrameOfReferenceUID = f"{_ROOT}{count}.99"
    dataset.Modality, dataset.SeriesDescription, dataset.SeriesNumber = "CT", "Thorax 1.25", 2
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.InstanceNumber, dataset.AcquisitionNumber = k + 1, 1
    for kind in ("Study", "Series", "Acquisition", "Content"):
        setattr(dataset, f"{kind}Date", "20240101")
        setattr(dataset, f"{kind}Time", f"1200{k // 10 % 60:02}.{k % 10}00000")
    dataset.StudyTime = dataset.SeriesTime = "120000"
    dataset.PatientName, dataset.PatientID, dataset.PatientSex = "Bench^Mark", "BENCH", "O"
    dataset.WindowCenter, dataset.WindowWidth = [40, -600], [400, 1500]
    dataset.XRayTubeCurrent, dataset.Exposure = 200 + k % 13, 100 + k % 13
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = ROWS, COLUMNS, 1
    dataset.PhotometricInterpretation, dataset.PixelRepresentation = "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    reference = Dataset()
    reference.ReferencedSOPClassUID = uid.CTImageStorage
    reference.ReferencedSOPInstanceUID = f"{_ROOT}{count}.77"
    dataset.ReferencedImageSequence = [reference]
    fixed = {
        "Manufacturer": "dicomview", "ManufacturerModelName": "bench", "KVP": 120,
        "BodyPartExamined": "CHEST",
        "ConvolutionKernel": "B31f", "PatientPosition": "HFS", "GantryDetectorTilt": 0, "TableHeight": 150,
        "RotationDirection": "CW", "ExposureTime": 500, "FilterType": "WEDGE", "GeneratorPower": 24,
        "FocalSpots": 1.2, "DataCollectionDiameter": 500, "ReconstructionDiameter": 360,
        "DistanceSourceToDetector": 1040, "DistanceSourceToPatient": 570, "SpiralPitchFactor": 0.9,
        "SoftwareVersions": "1", "ProtocolName": "thorax", "ScanOptions": "HELICAL", "StudyDescription": "CT",
        "PositionReferenceIndicator": "", "LossyImageCompression": "00", "PatientAge": "050Y",
    }  # fmt: skip
    for keyword, value in fixed.items():
        setattr(dataset, keyword, value)
    block = dataset.private_block(0x0019, "DICOMVIEW BENCH", create=True)
    for i in range(40):
        block.add_new(i, "LO", f"private value {i}")
    return dataset


def _set_pixels(dataset: Dataset, pixels: np.ndarray, syntax: str) -> None:
    if syntax == uid.ExplicitVRLittleEndian:
        dataset.PixelData = pixels.tobytes()
        dataset["PixelData"].VR = "OW"
    elif syntax == uid.JPEGLosslessSV1:  # which pydicom does not write
        import imagecodecs

        images = pixels if pixels.ndim > 2 else pixels[None]
        coded = [imagecodecs.ljpeg_encode(image, bitspersample=12) for image in images]
        dataset.PixelData = encapsulate(coded)
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    else:
        dataset.compress(syntax, pixels, generate_instance_uid=False)


def element_count(path: Path) -> int:
    """Return how many elements a file has, its meta information included."""
    dataset = pydicom.dcmread(path)
    return len(dataset) + len(dataset.file_meta)

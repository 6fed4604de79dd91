"""The oracle: what is read of a folder is an error that helps, or what pydicom alone makes of it."""

import math
import warnings
from pathlib import Path

import numpy as np
import pydicom
from pydicom import uid
from pydicom.pixels import get_decoder, pixel_array

import dicomview as dv
from dicomview.io.read import scan

__all__ = ["judge"]

#: Bytes that a volume may take; what is more than the whole of it again is a finding.
BUDGET = 64 << 20
KINDS_OF_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
NOT_RESCALED = ("1.2.840.10008.5.1.4.1.1.12.1", "1.2.840.10008.5.1.4.1.1.12.2")
PARAMETRIC = "1.2.840.10008.5.1.4.1.1.30"
#: Codecs that keep values about as they were: there are no bits beside those of values (PS3.5 A.4).
LOSSY = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLSNearLossless, uid.JPEG2000, uid.HTJ2K)
#: Codecs that keep every bit, and whose colours pydicom takes as they are.
UNMASKED = (uid.JPEGLSLossless, uid.JPEG2000Lossless, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL)


class Wrong(Exception):
    """What was read contradicts the files."""


def judge(folder):
    """Read a folder in every way; return how many volumes, images and errors there were.

    Raises
    ------
    Wrong
        If voxels or places are not what the files say, or a file was passed over without a word.
    BaseException
        Whatever escapes that is no :class:`dicomview.DicomviewError` with a remedy.
    """
    dv.options.memory_budget = BUDGET
    folder = Path(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    is_archive = len(files) == 1 and files[0].suffix == ".zip"
    told = {"volumes": 0, "images": 0, "errors": 0}

    def tried(call, *args, **options):
        try:
            return call(*args, **options)
        except dv.DicomviewError as error:
            check_error(error)
            told["errors"] += 1
            return None

    found = tried(dv.find_series, files[0] if is_archive else folder)
    if found is not None:
        repr(found), found._repr_html_()
        if not is_archive:
            check_all_told(found, folder, files)
        for series in found:
            volume = tried(series.read)
            if volume is not None:
                told["volumes"] += 1
                check_volume(volume, is_archive)
                check_lazy(tried(series.read, lazy=True), volume, is_compressed(series.files[0]))
        if any(series.modality in ("SEG", "RTSTRUCT") for series in found):
            segments = tried(dv.segread, folder)
            repr(segments)
            for label in segments or ():
                tried(lambda label=label: segments[label])
    for path in files:
        image = tried(dv.imread, path)
        if image is not None:
            told["images"] += 1
            repr(image), dict(image.meta)
            if path.suffix != ".zip":
                check_pixels(np.asarray(image), path, None, image.padding)
    return told


def is_compressed(path):
    """Return whether a file says that its pixels are compressed, or does not say that they are not."""
    try:
        return pydicom.dcmread(path, specific_tags=[]).file_meta.TransferSyntaxUID.is_compressed
    except Exception:
        return True


def check_error(error):
    text = str(error)
    if not text.strip() or len(text) > 20_000:
        raise Wrong(f"an error of {len(text)} characters: {text[:200]}") from error
    if not error.remedy:
        raise Wrong(f"an error without a remedy: {type(error).__name__}: {text[:300]}") from error


def check_all_told(found, folder, files):
    """Every file is in a series, or left out with a reason."""
    if any(path.name == "DICOMDIR" for path in files):
        return
    headers, dropped, others = scan(folder, None, None)
    known = {h.path for h in headers} | {d.path for d in dropped}
    if len(known | set(files)) != len(known) + others:
        raise Wrong(f"{len(files)} files, {len(known)} told of, {others} of other kinds")
    if {d.path for d in dropped} != {d.path for d in found.dropped}:
        raise Wrong("the same folder gives other files that are left out")
    shown = {path for series in found for path, _, _ in series.images}
    if missing := {h.path for h in headers} - shown:
        raise Wrong(f"read and in no series: {sorted(path.name for path in missing)}")


def check_volume(volume, is_archive=False):
    repr(volume), volume._repr_html_(), dict(volume.meta), str(volume.report)
    array, geometry = np.asarray(volume.array), volume.geometry
    count = math.prod(len(d) for d in volume.dimensions) * geometry.shape[0]
    slices = array.reshape(count, *array.shape[len(volume.dimensions) + 1 :])
    if len(volume.sources) != count:
        raise Wrong(f"{len(volume.sources)} sources of {count} slices")
    if geometry.affine is not None and not np.isfinite(geometry.affine).all():
        raise Wrong(f"affine {geometry.affine.tolist()}")
    if any(s is not None and not 0 < s < math.inf for s in geometry.spacing):
        raise Wrong(f"spacing {geometry.spacing}")
    numbers = {
        int(
            np.ravel_multi_index(
                i if isinstance(i, tuple) else (i,), (*map(len, volume.dimensions), geometry.shape[0])
            )
        )
        for i in volume.report.missing
    }
    for k, (source, values) in enumerate(zip(volume.sources, slices)):
        if source is None or is_archive:
            continue
        tiles = sum(
            s is not None and (s.path, s.frame) == (source.path, source.frame) for s in volume.sources
        )
        if tiles > 1 or k in numbers:  # of a mosaic, or empty
            continue
        check_pixels(values, source.path, source.frame, volume.padding)
        if not volume.report.warnings and source.frame is None:
            check_place(volume, k % geometry.shape[0], source.path)


def check_lazy(lazy, volume, is_compressed):
    """Lazily the volume is the same, except that a slice that is empty raises, or can be read alone.

    What is left of a damaged codestream may be read by one decoder and not by another.
    """
    if lazy is None:
        return
    try:
        array = np.asarray(lazy.array)
    except dv.DicomviewError as error:  # slices that are empty otherwise
        check_error(error)
        if not volume.report.missing and not is_compressed:
            raise Wrong(f"lazily, {type(error).__name__}: {error}") from error
        return
    here = np.asarray(volume.array)
    if volume.report.missing:
        return
    if array.shape != here.shape or not np.array_equal(array, here, equal_nan=here.dtype.kind == "f"):
        raise Wrong(
            f"read lazily the volume is another: {array.dtype} {array.shape}, {here.dtype} {here.shape}"
        )


def plain(path):
    """Return what pydicom reads without any complaint, else None."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            dataset = pydicom.dcmread(path, force=True)
            str(dataset)  # converts every element
            return dataset
        except Exception:
            return None


def _plugin(syntax):
    """Return the plugin for compressed pixels: not gdcm, which may end its process."""
    if syntax == uid.JPEGBaseline8Bit:
        return "pillow"
    available = get_decoder(syntax).available_plugins if syntax.is_encapsulated else ()
    return next((name for name in ("pyjpegls", "pylibjpeg", "pydicom") if name in available), "")


def stored_values(dataset, frame):
    """Return the stored values of a frame by the letter of the standard; None where it is not plain."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            allocated, stored = dataset.BitsAllocated, dataset.BitsStored
            syntax = dataset.file_meta.TransferSyntaxUID
            is_lossy = syntax in LOSSY and dataset.PixelRepresentation == 0
            options = {"correct_unused_bits": False} if is_lossy else {}
            pixels = pixel_array(dataset, index=frame or 0, decoding_plugin=_plugin(syntax), **options)
        except BaseException as error:
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            return None
        kind = dataset.PhotometricInterpretation
    if "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset:
        return pixels
    if dataset.SamplesPerPixel > 1:
        # Bits beside the stored ones are no values, and pydicom leaves them in.
        spare = 8 * pixels.itemsize - stored if syntax in UNMASKED and 0 < stored <= allocated else 0
        return pixels << spare >> spare
    if kind not in ("MONOCHROME1", "MONOCHROME2") or not 0 < stored <= allocated or allocated == 1:
        return pixels if allocated == 1 and stored == 1 and kind != "PALETTE COLOR" else None
    if dataset.get("HighBit") != stored - 1:
        return None
    if syntax in LOSSY:
        return pixels
    shift = 8 * pixels.itemsize - stored
    return pixels << shift >> shift


def rescaled(stored, dataset, frame):
    """Return real values in float64; None where more than a slope and an intercept makes them."""
    groups = [*dataset.get("SharedFunctionalGroupsSequence", ())]
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or ()
    groups += per_frame[frame : frame + 1] if frame is not None and per_frame else ()
    inner = [
        g.PixelValueTransformationSequence[0] for g in groups if g.get("PixelValueTransformationSequence")
    ]
    kind = dataset.SOPClassUID or dataset.file_meta.get("MediaStorageSOPClassUID")
    if "ModalityLUTSequence" in dataset or kind == PARAMETRIC or len(inner) > 1:
        return None
    if kind in NOT_RESCALED or stored.ndim == 3 or dataset.get("Modality") == "RTDOSE":
        return stored if stored.ndim == 3 else None
    told = [s for s in (*inner, dataset) if "RescaleSlope" in s or "RescaleIntercept" in s]
    if len(told) > 1 or (frame is not None and stored.dtype.kind == "f"):
        return None
    if not told or stored.dtype.kind == "f":
        return stored
    slope, intercept = told[0].get("RescaleSlope"), told[0].get("RescaleIntercept")
    slope, intercept = 1 if slope is None else slope, 0 if intercept is None else intercept
    return (
        None
        if isinstance(slope, str) or not slope
        else stored.astype(float) * float(slope) + float(intercept)
    )


def check_pixels(values, path, frame, padding):
    dataset = plain(path)
    if dataset is None or sum(keyword in dataset for keyword in KINDS_OF_PIXELS) != 1:
        return
    stored = stored_values(dataset, frame)
    if stored is None or stored.shape != values.shape:
        return
    try:
        truth = rescaled(stored, dataset, frame)
    except (TypeError, ValueError, AttributeError):
        return
    if truth is None or not np.isfinite(np.abs(truth).max()):
        return
    differ = ~np.isclose(
        values.astype(float), truth.astype(float), rtol=1e-6, atol=1e-6 * (1e-30 + np.abs(truth).max())
    )
    if padding is not None:  # one value for all that means "no data"
        differ &= ~((values >= padding[0]) & (values <= padding[1]))
    if differ.any():
        at = tuple(int(i) for i in np.argwhere(differ)[0])
        raise Wrong(
            f"{path.name} frame {frame}: {values[at]} at {at}, pydicom says {truth[at]}; "
            f"{differ.sum()} differ"
        )


def check_place(volume, k, path):
    """A slice of a plain file is where ImagePositionPatient says, to one part in fifty of a step."""
    dataset, geometry = plain(path), volume.geometry
    position = None if dataset is None else dataset.get("ImagePositionPatient")
    if geometry.affine is None or not position or len(position) != 3 or geometry.shape[0] < 2:
        return
    found = geometry.affine @ (k, 0, 0, 1)
    step = np.linalg.norm(geometry.affine[:3, 0])
    if volume.report.sorted_by == "ImagePositionPatient" and "MOSAIC" not in dataset.get("ImageType", ()):
        away = np.linalg.norm(found[:3] - [float(p) for p in position])
        if away > 0.02 * step * len(volume.sources) + 0.02:
            raise Wrong(f"{path.name}: slice {k} is {away:.3g} mm from ImagePositionPatient")

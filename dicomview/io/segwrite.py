"""Writing segmentations: masks as a DICOM SEG object, through highdicom."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from dicomview.errors import SegmentError
from dicomview.io.evidence import UNICODE, evidence, label_text
from dicomview.io.header import number
from dicomview.io.lab import rgb_to_lab
from dicomview.io.quiet import quiet
from dicomview.volume import Volume
from dicomview.volume.convert import package

__all__ = ["segmentation_object"]

#: What every segment is said to be: nothing is known of it but its name.
CATEGORY = ("85756007", "SCT", "Tissue")
TYPE = ("85756007", "SCT", "Tissue")


def segmentation_object(
    masks: Mapping[str, NDArray[Any]],
    volume: Volume,
    *,
    colors: Sequence[str] | None = None,
    frame: Sequence[int] = (),
) -> Any:
    """Return a Segmentation of masks on the grid of a volume, a binary segment for each.

    Parameters
    ----------
    masks : mapping of str to ndarray of bool, shape (slices, rows, columns)
        By label. Slices that all leave empty are not written.
    volume : Volume
        Read from files: patient and study are theirs, and the segmentation says that it was made of them.
    colors : sequence of str, optional
        ``"#rrggbb"`` for each.
    frame : sequence of int
        One index for each of ``volume.extra_dims``: whose files are referred to.

    Returns
    -------
    highdicom.seg.Segmentation
        A pydicom dataset.

    Raises
    ------
    SegmentError
        Without masks, FrameOfReferenceUID, affine or files; if the headers do not allow it.
    MissingPackageError
        Without highdicom.

    References
    ----------
    DICOM PS3.3 A.51 (Segmentation IOD).
    """
    hd = package("highdicom", "'dicomview[dicom-objects]'")
    geometry = volume.geometry
    if not masks:
        raise SegmentError(
            "a segmentation needs at least one mask", remedy="paint one, or add one as an overlay"
        )
    if geometry.affine is None or not volume.meta.get("FrameOfReferenceUID"):
        raise SegmentError(
            "a segmentation gives positions in the patient, so the volume must have an affine and "
            "FrameOfReferenceUID",
            tag="FrameOfReferenceUID",
            remedy="take a volume of images that have both, or keep the masks with to_zarr() or numpy",
        )
    arrays = np.stack([np.asarray(mask) != 0 for mask in masks.values()], axis=-1)
    if arrays.shape[:3] != geometry.shape:
        raise SegmentError(
            f"masks of {arrays.shape[:3]} voxels do not fit a volume of {geometry.shape}",
            remedy="bring them onto its grid, Segmentation.on(volume)",
        )
    frame = tuple(frame) or volume.middle_frame
    images = evidence(volume, range(geometry.shape[0]), frame=frame, what="a segmentation", kind=SegmentError)
    slices = np.flatnonzero(arrays.any(axis=(1, 2, 3)))
    is_empty = not len(slices)
    slices = slices if len(slices) else np.array([0])
    spacing = geometry.spacing
    thickness = spacing[0] or number(volume.meta.get("SliceThickness"), float) or 1.0
    directions = [geometry.affine[:3, a] / np.linalg.norm(geometry.affine[:3, a]) for a in (2, 1)]
    measures = hd.PixelMeasuresSequence(
        pixel_spacing=spacing[1:],
        slice_thickness=round(thickness, 6),
        spacing_between_slices=round(thickness, 6) if geometry.is_uniform and spacing[0] else None,
    )
    orientation = hd.PlaneOrientationSequence(
        coordinate_system="PATIENT", image_orientation=np.concatenate(directions).tolist()
    )
    for image in images:
        _complete(image, measures, orientation, thickness)
    try:
        with quiet():  # a warning of highdicom may say the name of the patient
            made = hd.seg.Segmentation(
                source_images=images,
                pixel_array=arrays[slices].astype(np.uint8),
                segmentation_type="BINARY",
                segment_descriptions=[
                    _description(hd, i, label, colors[i - 1] if colors else None)
                    for i, label in enumerate(masks, 1)
                ],
                series_instance_uid=hd.UID(),
                series_number=1001,
                sop_instance_uid=hd.UID(),
                instance_number=1,
                manufacturer="dicomview",
                manufacturer_model_name="dicomview",
                software_versions="1",
                device_serial_number="1",
                omit_empty_frames=not is_empty,
                pixel_measures=measures,
                plane_orientation=orientation,
                plane_positions=[
                    hd.PlanePositionSequence(coordinate_system="PATIENT", image_position=place)
                    for place in geometry.slice_positions[slices].tolist()  # type: ignore[index]
                ],
            )
    except (AttributeError, KeyError, ValueError, TypeError) as error:
        # A value of the header may name the patient: only a key is told.
        told = repr(error) if isinstance(error, KeyError) else type(error).__name__
        raise SegmentError(
            f"the headers of these images do not allow a segmentation ({told})",
            remedy="mend the headers, or keep the masks with numpy",
        ) from None
    made.SpecificCharacterSet = UNICODE
    made.PixelData = _packed(made, arrays, geometry.slice_positions)  # type: ignore[arg-type]
    return made


def _packed(made: Any, arrays: NDArray[np.bool_], positions: NDArray[np.float64]) -> bytes:
    """Return the frames in bits, one after the other without a gap.

    highdicom 0.28 leaves gaps between frames of less than 8 voxels.

    References
    ----------
    DICOM PS3.5 8.1.1 (Pixel Data Encoding).
    """
    frames = []
    for group in made.PerFrameFunctionalGroupsSequence:
        place = np.asarray(group.PlanePositionSequence[0].ImagePositionPatient, dtype=np.float64)
        k = int(np.linalg.norm(positions - place, axis=1).argmin())
        segment = group.get("SegmentIdentificationSequence")  # one for all frames stands elsewhere
        frames.append(arrays[k, ..., segment[0].ReferencedSegmentNumber - 1 if segment else 0])
    bits = np.packbits(np.stack(frames), bitorder="little").tobytes()
    return bits + b"\0" * (len(bits) % 2)


def _complete(image: Any, measures: Any, orientation: Any, thickness: float) -> None:
    """Give a header what highdicom asks for, though the segmentation has its own: once for all frames."""
    if "NumberOfFrames" not in image:
        image.ImageOrientationPatient = orientation[0].ImageOrientationPatient
        if image.get("SliceThickness") is None:
            image.SliceThickness = round(thickness, 6)
        return
    if not image.get("SharedFunctionalGroupsSequence"):
        image.SharedFunctionalGroupsSequence = [Dataset()]
    shared = image.SharedFunctionalGroupsSequence[0]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = measures, orientation


def _description(hd: Any, i: int, label: str, color: str | None) -> Any:
    """Return what is said of a segment."""
    shown: Any = {}
    if color is not None:
        rgb = [int(color[k : k + 2], 16) for k in (1, 3, 5)]
        shown["display_color"] = hd.color.CIELabColor(*rgb_to_lab(rgb))
    return hd.seg.SegmentDescription(
        segment_number=i,
        segment_label=label_text(label, f"segment {i}"),
        segmented_property_category=_code(hd, CATEGORY),
        segmented_property_type=_code(hd, TYPE),
        algorithm_type="MANUAL",
        **shown,
    )


def _code(hd: Any, code: tuple[str, str, str]) -> Any:
    value, scheme, meaning = code
    return hd.sr.CodedConcept(value=value, scheme_designator=scheme, meaning=meaning)

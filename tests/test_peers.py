"""Held against other readers: equal where they are right; where they are wrong, that is written down."""

import gzip
import subprocess
import warnings
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pydicom
import pydicom.pixels
import pytest
import reference
from conftest import ORIENTATIONS, make_affine, make_voxels
from pixelfiles import decoded_plainly
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, PositronEmissionTomographyImageStorage
from reference import Reading, canonical

import dicomview as dv

needs_simpleitk = pytest.mark.skipif(not find_spec("SimpleITK"), reason="SimpleITK is not installed")
needs_highdicom = pytest.mark.skipif(not find_spec("highdicom"), reason="highdicom is not installed")
needs_dcm2niix = pytest.mark.skipif(
    not (find_spec("dcm2niix") and find_spec("nibabel")), reason="dcm2niix or nibabel is not installed"
)
needs_nibabel = pytest.mark.skipif(not find_spec("nibabel"), reason="nibabel is not installed")


def read_highdicom(files):
    """Read a series, or one enhanced file; highdicom's index is (slice, row, column), LPS, as ours."""
    import highdicom as hd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of every value that the standard would write otherwise
        if len(files) == 1 and "NumberOfFrames" in pydicom.dcmread(files[0], stop_before_pixels=True):
            volume = hd.imread(files[0]).get_volume()
        else:
            volume = hd.get_volume_from_series([pydicom.dcmread(file) for file in files])
    return [Reading(volume.array, volume.affine)]


def read_dcm2niix(files, folder):
    """Convert with dcm2niix and read its files; NIfTI is (column, row, slice) in RAS."""
    import dcm2niix
    import nibabel

    with reference.linked(files) as links:
        # -p n: displayed values, not the measured ones that Philips scanners write as well
        command = [dcm2niix.bin, "-z", "n", "-b", "n", "-p", "n", "-f", "%s", "-o", str(folder), links]
        subprocess.run(command, check=True, capture_output=True)
    for file in sorted(folder.glob("*.nii")):
        image = nibabel.load(file)
        affine = np.diag([-1.0, -1, 1, 1]) @ image.affine
        affine[:, :3] = affine[:, 2::-1]
        data = np.asarray(image.get_fdata()).T
        yield from (Reading(volume, affine) for volume in (data if data.ndim == 4 else [data]))


@pytest.fixture
def peer(tmp_path):
    """Return the reader of this name: files -> readings."""

    def choose(name):
        folder = tmp_path / "converted"
        folder.mkdir(exist_ok=True)
        return {
            "SimpleITK": reference.read_simpleitk,
            "highdicom": read_highdicom,
            "dcm2niix": lambda files: list(read_dcm2niix(files, folder)),
        }[name]

    return choose


def assert_same(ours, theirs, rtol=0.0):
    """Equal voxels at the same places, whichever way the axes run."""
    array, affine = canonical(ours.array, ours.affine)
    other, other_affine = canonical(theirs.array, theirs.affine)
    np.testing.assert_allclose(affine, other_affine, atol=1e-3)
    np.testing.assert_allclose(array.astype(float), other, rtol=rtol, atol=0)


PEERS = [
    pytest.param("SimpleITK", marks=needs_simpleitk),
    pytest.param("highdicom", marks=needs_highdicom),
    pytest.param("dcm2niix", marks=needs_dcm2niix),
]
SHUFFLED = [4, 1, 6, 3, 2, 5]
UPRIGHT = [name for name in ORIENTATIONS if name != "tilted"]


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_shuffled_anisotropic_series_are_read_as_peers_read_them(write, peer, name, orientation):
    files = write(
        matrix=make_affine(orientation),
        instance_numbers=SHUFFLED,
        names=[f"{number:02}.dcm" for number in reversed(SHUFFLED)],
        slope=2,
        intercept=-1024,
        array=make_voxels() * 2,
    )
    (ours,) = reference.read_dicomview(files)
    (theirs,) = peer(name)(files)
    assert_same(ours, theirs)


@pytest.mark.parametrize("name", PEERS)
def test_fractional_rescale_is_that_of_peers(write, peer, name):
    files = write(modality="MR", slope=0.37, intercept=-3.25, array=make_voxels() * 0.37 - 3.25)
    (ours,) = reference.read_dicomview(files)
    (theirs,) = peer(name)(files)
    assert_same(ours, theirs, rtol=2e-6)  # theirs and ours are rounded to float32 at different steps


# --- scanner data ---

CONFIRMED = {"SimpleITK": "sitk", "highdicom": "highdicom", "dcm2niix": "dcm2niix[0]"}


def confirmed():
    """Yield the reference entries of one volume that a peer reads right."""
    for entry in reference.entries(kinds=("volume", "enhanced"), trusts=("high",)):
        for parameter in PEERS:
            (name,) = parameter.values
            colour = len(entry["expected"]["shape_canon_LPS"]) > 3  # written as pixels of a type of its own
            if CONFIRMED[name] in entry["expected"]["confirmed_by"] and not colour:
                yield pytest.param(entry, name, marks=parameter.marks, id=f"{entry['id']}-{name}")


SCANNER = list(confirmed())


@pytest.mark.skipif(not SCANNER, reason=f"no reference data in {reference.DATA} (set DICOMVIEW_DATA)")
@pytest.mark.parametrize(("entry", "name"), SCANNER)
def test_scanner_data_are_read_as_peers_read_them(peer, entry, name):
    files = [reference.DATA / file for file in entry["files"]]
    with reference.hushed():
        theirs = peer(name)(files)
    ours = list(reference.read_dicomview(files))
    shapes = [np.shape(canonical(one.array, one.affine)[0]) for one in ours]
    theirs = [one for one in theirs if np.shape(canonical(one.array, one.affine)[0]) in shapes]
    assert len(theirs) == len(ours)
    for one, other in zip(ours, theirs):
        assert_same(one, other, rtol=2e-6)


# --- where peers are wrong: a later version that is right fails here, and is welcome ---


@needs_simpleitk
def test_simpleitk_ignores_the_shear_of_a_tilted_gantry(write):
    files = write(matrix=make_affine("tilted"))
    (ours,) = reference.read_dicomview(files)
    (theirs,) = reference.read_simpleitk(files)
    np.testing.assert_allclose(ours.affine, make_affine("tilted"), atol=1e-9)
    # its slices are stacked at right angles, along z alone
    np.testing.assert_allclose(theirs.affine[:2, 0], 0, atol=1e-9)


@needs_simpleitk
def test_simpleitk_averages_over_a_gap(write):
    files = write()
    del files[2]
    volume = dv.volread(files)
    (theirs,) = reference.read_simpleitk(files)
    assert volume.sampling[0] == pytest.approx(2.5)
    assert list(volume.report.missing) == [2]
    assert np.linalg.norm(theirs.affine[:3, 0]) == pytest.approx(5 * 2.5 / 4)  # right: 2.5 and one gap of 5


@needs_simpleitk
def test_simpleitk_stacks_two_time_points_into_one_volume(write):
    files = write_times(write)
    volume = dv.volread(files)
    assert volume.dims[0] == "time"
    assert volume.shape == (2, 6, 8, 10)
    np.testing.assert_array_equal(volume.array, [make_voxels(seed=0), make_voxels(seed=1)])
    (theirs,) = reference.read_simpleitk(files)
    assert theirs.array.shape == (12, 8, 10)


@needs_highdicom
@pytest.mark.parametrize("case", ["tilt", "gap", "time"])
def test_highdicom_refuses_what_is_no_regular_stack(write, case):
    files = (
        write_times(write)
        if case == "time"
        else write(matrix=make_affine({"tilt": "tilted"}.get(case, "axial")))
    )
    if case == "gap":
        del files[2]
    with pytest.raises(ValueError, match=r"regularly|spaced|volume"):
        read_highdicom(files)
    assert dv.volread(files).geometry.affine is not None


def write_times(write):
    """Write two time points of one series."""
    common = {"series_uid": "1.2.3.4", "frame_of_reference_uid": "1.2.3.5"}
    return [
        file
        for time in range(2)
        for number, file in enumerate(
            write(
                f"time{time}",
                make_voxels(seed=time),
                description="times",
                elements=lambda i, time=time: {
                    "TemporalPositionIdentifier": time + 1,
                    "SOPInstanceUID": f"1.2.3.6.{time}.{i + 1}",
                    "InstanceNumber": time * 6 + i + 1,
                },
                **common,
            )
        )
    ]


# --- enhanced twins of classic series ---


def convert(files, path, kind, order=None):
    """Write an enhanced file of these classic ones with highdicom's converter."""
    import highdicom as hd

    datasets = [pydicom.dcmread(file) for file in files]
    datasets = [datasets[i] for i in order or range(len(datasets))]
    maker = getattr(hd.legacy, f"LegacyConvertedEnhanced{kind}Image")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        maker(datasets, hd.UID(), 2, hd.UID(), 1).save_as(path)
    return path


def assert_twins(twin, classic, rtol=0.0):
    assert twin.dims == classic.dims
    np.testing.assert_allclose(twin.geometry.affine, classic.geometry.affine, atol=1e-9)
    np.testing.assert_allclose(np.asarray(twin.array), np.asarray(classic.array), rtol=rtol)


@needs_highdicom
@pytest.mark.parametrize("kind", ["CT", "MR"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_enhanced_file_is_read_as_its_classic_twin(write, tmp_path, kind, orientation):
    files = write(
        matrix=make_affine(orientation), modality=kind, slope=2, intercept=-1000, array=make_voxels() * 2
    )
    path = convert(files, tmp_path / "enhanced.dcm", kind, order=[3, 0, 5, 1, 4, 2])
    twin = dv.volread(path)
    assert_twins(twin, dv.volread(files))
    ours = Reading(np.asarray(twin.array), twin.geometry.affine)
    assert_same(ours, Reading(make_voxels() * 2, make_affine(orientation)))
    if orientation != "tilted":
        (theirs,) = read_highdicom([path])
        assert_same(ours, theirs)


@needs_highdicom
def test_enhanced_pet_keeps_the_slope_of_every_slice(write, tmp_path):
    files = write(
        elements=lambda i: {
            "Modality": "PT",
            "SOPClassUID": PositronEmissionTomographyImageStorage,
            "RescaleSlope": 0.5 + i,
            "RescaleIntercept": 0,
            "Units": "BQML",
        }
    )
    slopes = (0.5 + np.arange(6))[:, None, None]
    classic = dv.volread(files)
    np.testing.assert_array_equal(classic.array, make_voxels() * slopes)
    assert_twins(dv.volread(convert(files, tmp_path / "enhanced.dcm", "PET")), classic)


@needs_highdicom
def test_enhanced_file_keeps_a_gap(write, tmp_path):
    files = write()
    del files[2]
    twin = dv.volread(convert(files, tmp_path / "gap.dcm", "CT"))
    assert list(twin.report.missing) == [2]
    assert_twins(twin, dv.volread(files))


@needs_highdicom
def test_enhanced_file_keeps_two_times_apart(write, tmp_path):
    files = write_times(write)
    twin = dv.volread(convert(files, tmp_path / "times.dcm", "CT"))
    np.testing.assert_array_equal(twin.array, [make_voxels(seed=0), make_voxels(seed=1)])


@needs_highdicom
def test_dimension_of_a_converted_file_keeps_its_name(write, tmp_path):
    files = write_times(write)
    assert_twins(dv.volread(convert(files, tmp_path / "times.dcm", "CT")), dv.volread(files))


def shuffle_frames(path, order):
    """Store the frames of an enhanced file in another order."""
    dataset = pydicom.dcmread(path)
    dataset.PixelData = dataset.pixel_array[order].tobytes()
    groups = dataset.PerFrameFunctionalGroupsSequence
    dataset.PerFrameFunctionalGroupsSequence = [groups[i] for i in order]
    dataset.save_as(path)


@needs_highdicom
def test_frames_of_an_enhanced_file_may_come_in_any_order(write, tmp_path):
    path = convert(write(), tmp_path / "enhanced.dcm", "CT")
    shuffle_frames(path, [3, 0, 5, 1, 4, 2])
    truth = Reading(make_voxels(), make_affine())
    (ours,) = reference.read_dicomview([path])
    assert_same(ours, truth)
    (theirs,) = read_highdicom([path])
    assert_same(theirs, truth)


@needs_highdicom
@needs_simpleitk
def test_simpleitk_leaves_enhanced_frames_unsorted(write, tmp_path):
    path = convert(write(), tmp_path / "enhanced.dcm", "CT")
    stored = pydicom.dcmread(path).pixel_array
    order = [3, 0, 5, 1, 4, 2]
    shuffle_frames(path, order)
    (theirs,) = reference.read_simpleitk([path])
    np.testing.assert_array_equal(theirs.array + 0, stored[order])  # right: by position


# --- files that ship inside packages ---

SHIPPED = Path(pydicom.__file__).parent / "data" / "test_files"
#: Files that no decoder reads, or whose pixels are cut off.
BROKEN = {"JPEG-lossy.dcm", "JPEG2000-embedded-sequence-delimiter.dcm", "MR_truncated.dcm", "badVR.dcm"}


def shipped():
    """Yield the single images among the files of pydicom's wheel."""
    for file in sorted(SHIPPED.glob("*.dcm")):
        if file.name in BROKEN or "_1frame" in file.name:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = pydicom.dcmread(file, force=True, stop_before_pixels=False)
        syntax = getattr(header.file_meta, "TransferSyntaxUID", None)
        if (
            "PixelData" in header
            and "BitsAllocated" in header
            and syntax
            and int(header.get("NumberOfFrames") or 1) == 1
        ):
            yield file.name


@pytest.mark.parametrize("name", list(shipped()))
def test_images_of_pydicom_have_the_values_that_pydicom_gives(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(SHIPPED / name)
        wanted = decoded_plainly(dataset)
        if dataset.PhotometricInterpretation == "PALETTE COLOR":
            wanted = pydicom.pixels.apply_color_lut(wanted, dataset) >> 8  # 16 bits an entry
        elif dataset.SamplesPerPixel == 1:
            wanted = pydicom.pixels.apply_modality_lut(wanted, dataset)
    is_padded = name == "MR_small_padded.dcm"
    with pytest.warns(RuntimeWarning, match="what is behind them") if is_padded else nullcontext():
        found = np.asarray(dv.imread(SHIPPED / name))
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def change_palette(path, change, **encoding):
    """Write the palette image of pydicom's wheel with other table data; return the right picture."""
    dataset = pydicom.dcmread(SHIPPED / "examples_palette.dcm")
    for colour in ("Red", "Green", "Blue"):
        element = dataset[f"{colour}PaletteColorLookupTableData"]
        element.value = change(np.frombuffer(element.value, "<u2")).tobytes()
    if encoding:
        dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
        dataset["PixelData"].VR = "OB"  # single bytes have no order
    pydicom.dcmwrite(path, dataset, **encoding)
    return np.asarray(dv.imread(SHIPPED / "examples_palette.dcm"))


def test_palette_of_a_big_endian_file(tmp_path):
    encoding = {"implicit_vr": False, "little_endian": False, "force_encoding": True}
    wanted = change_palette(tmp_path / "big.dcm", lambda table: table.astype(">u2"), **encoding)
    np.testing.assert_array_equal(np.asarray(dv.imread(tmp_path / "big.dcm")), wanted)


def test_palette_with_values_of_8_bits_in_entries_of_16(tmp_path):
    # Some devices say 16 bits an entry and fill the lower 8.
    wanted = change_palette(tmp_path / "low.dcm", lambda table: table >> 8)
    np.testing.assert_array_equal(np.asarray(dv.imread(tmp_path / "low.dcm")), wanted)


def test_voxels_are_in_the_order_of_the_machine():
    assert dv.volread(SHIPPED / "MR_small_bigendian.dcm").array.dtype.isnative


@pytest.mark.parametrize(
    "b_value",
    [
        50,
        1000,
    ],
)
def test_siemens_b_value_of_an_implicit_file(write, b_value):
    files = []
    for b in (0, b_value):
        for file in write(f"b{b}", series_uid="1.2.3.4", frame_of_reference_uid="1.2.3.5", modality="MR"):
            dataset = pydicom.dcmread(file)
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = (
                f"1.2.3.6.{len(files) + 1}"
            )
            dataset.add_new(0x00190010, "LO", "SIEMENS MR HEADER")
            dataset.add_new(0x0019100C, "IS", str(b))
            dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
            pydicom.dcmwrite(file, dataset, implicit_vr=True, little_endian=True, force_encoding=True)
            files.append(file)
    volume = dv.volread(files)
    assert volume.dims[0] == "b_value"
    assert list(volume.dimensions[0].values) == [0, b_value]


def nibabel_file(name):
    """Return a file of nibabel's tests, or skip."""
    import nibabel

    path = Path(nibabel.__file__).parent / "nicom" / "tests" / "data" / name
    return path if path.exists() else pytest.skip(f"nibabel is installed without {name}")


def unpack(name, folder):
    """Unpack a file of nibabel's tests."""
    path = folder / Path(name).stem
    path.write_bytes(gzip.decompress(nibabel_file(name).read_bytes()))
    return path


@needs_nibabel
@pytest.mark.parametrize("name", ["siemens_dwi_0.dcm.gz", "siemens_dwi_1000.dcm.gz"])
def test_mosaic_is_read_as_nibabel_reads_it(tmp_path, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it calls itself experimental
        from nibabel.nicom.dicomwrappers import wrapper_from_file

    path = unpack(name, tmp_path)
    wrapper = wrapper_from_file(path)
    # nibabel's index is (row, column, slice), to LPS
    theirs = Reading(wrapper.get_data().transpose(2, 0, 1), wrapper.affine[:, [2, 0, 1, 3]])
    (ours,) = reference.read_dicomview([path])
    assert_same(ours, theirs)


def moved_mosaics(tmp_path, shift):
    """Return two mosaics of a series, the second one moved along z, and as which volumes they are read."""
    # Scanners that follow the head give every mosaic of a series its own position.
    first = unpack("siemens_dwi_0.dcm.gz", tmp_path)
    dataset = pydicom.dcmread(first)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    dataset.InstanceNumber, dataset.AcquisitionNumber = 2, 2
    position = dataset.ImagePositionPatient
    dataset.ImagePositionPatient = [*position[:2], position[2] + shift]
    second = tmp_path / "moved.dcm"
    dataset.save_as(second)
    return [first, second], dv.mvolread([first, second])


@needs_nibabel
def test_mosaics_that_moved_less_than_half_a_voxel_are_one_volume_and_a_warning(tmp_path):
    files, (volume,) = moved_mosaics(tmp_path, 0.4)
    (alone,) = reference.read_dicomview(files[:1])
    assert volume.shape == (2, 48, 128, 128)
    assert any("lie up to 0.4 mm apart" in warning for warning in volume.report.warnings)
    for one in reference.read_dicomview(files):
        assert_same(one, alone)


@needs_nibabel
@pytest.mark.parametrize("shift", [1.5, 3.0])
def test_mosaics_that_moved_further_are_volumes_of_their_own(tmp_path, shift):
    files, volumes = moved_mosaics(tmp_path, shift)
    assert [volume.shape for volume in volumes] == [(48, 128, 128)] * 2
    ours = sorted(reference.read_dicomview(files), key=lambda one: one.affine[2, 3])
    for one, file in zip(ours, files):
        (alone,) = reference.read_dicomview([file])
        assert_same(one, alone)


@needs_nibabel
def test_a_mosaic_that_its_tiles_do_not_fill_is_refused():
    # 48 slices are 7 by 7 tiles, but Rows is 256: nibabel refuses too, as no tile size fits.
    (series,) = dv.find_series(nibabel_file("0.dcm"))
    assert "mosaic" in series.reason and "fit" in series.reason

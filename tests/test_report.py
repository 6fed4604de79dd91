"""Reports: what was done to make a volume, as data and in plain words."""

import numpy as np
import pydicom
import pytest
from conftest import make_affine, make_voxels
from test_read import edit

import dicomview as dv
from dicomview.volume import Report


def test_a_plain_series(write):
    report = dv.volread(write("s")).report
    assert report.sorted_by == report.spacing_from == "ImagePositionPatient" and report.tilt == 0
    assert report.steps == pytest.approx((2.5, 2.5, 2.5))
    assert not (report.groups or report.gaps or report.disagreements or report.warnings or report.dropped)
    assert (
        str(report) == "slices sorted by ImagePositionPatient\nslices 2.5 mm apart, from ImagePositionPatient"
    )
    assert str(Report()) == "nothing to remark"


def test_gaps_name_the_files_on_both_sides(write):
    files = write("s", make_voxels((9, 4, 4)))
    for k in (3, 4, 6):
        files[k].unlink()
    report = dv.volread(files[0].parent).report
    assert [(g.after.name, g.before.name, g.slices, g.step) for g in report.gaps] == [
        ("IM0002.dcm", "IM0005.dcm", 2, pytest.approx(7.5)),
        ("IM0005.dcm", "IM0007.dcm", 1, pytest.approx(5.0)),
    ]
    assert report.missing == (3, 4, 6)
    assert "2 slices are missing between IM0002.dcm and IM0005.dcm" in str(report)


def test_what_the_header_says_otherwise(write):
    elements = {
        "SliceThickness": "5",
        "SpacingBetweenSlices": "3",
        "GantryDetectorTilt": "20",
        "NumberOfSlices": 7,
    }
    report = dv.volread(write("s", elements=elements)).report
    assert {d.keyword: (d.header, d.found) for d in report.disagreements} == {
        "SliceThickness": (5, pytest.approx(2.5)),
        "SpacingBetweenSlices": (3, pytest.approx(2.5)),
        "GantryDetectorTilt": (20, 0),
        "NumberOfSlices": (7, 6),
    }
    assert "header: SliceThickness is 5 mm, found 2.5 mm" in str(report)
    assert "header: NumberOfSlices is 7, found 6" in str(report)
    assert report.warnings == ()
    agreeing = {"SpacingBetweenSlices": "2.5", "GantryDetectorTilt": "0", "NumberOfSlices": 6}
    assert dv.volread(write("t", elements=agreeing)).report.disagreements == ()


def test_a_tilt_is_measured_and_held_against_the_header(write):
    report = dv.volread(
        write("s", None, make_affine("tilted"), elements={"GantryDetectorTilt": "-14"})
    ).report
    assert report.tilt == pytest.approx(14.036, abs=1e-3)
    assert [d for d in report.disagreements if d.keyword == "GantryDetectorTilt"] == []
    assert "stacked at 14.04°" in str(report)


@pytest.mark.parametrize(("degrees", "seen"), [(0.05, False), (1, True), (2, True)])
def test_a_small_tilt_is_not_overlooked(write, degrees, seen):
    # 30 slices of 3 mm at 1 degree leave the straight line by 1.6 mm.
    affine = make_affine()
    affine[:3, 0] = [0, 3 * np.tan(np.radians(degrees)), 3]
    vol = dv.volread(write("s", make_voxels((30, 4, 4)), affine))
    assert vol.geometry.tilt == (pytest.approx(degrees, abs=1e-3) if seen else 0)
    assert any("gantry tilt" in text for text in vol.report.warnings) is seen


def test_the_parts_of_a_series(write):
    files = write("s")
    scout = write("scout", make_voxels((1, 20, 30)), make_affine("coronal"))
    uid = pydicom.dcmread(files[0]).SeriesInstanceUID
    edit(scout[0], SeriesInstanceUID=uid)
    report = dv.volread([*files, *scout]).report
    assert len(report.groups) == 2
    assert report.groups[0].startswith("6 file(s)") and report.groups[0].endswith("(this volume)")
    assert "20 × 30" in report.groups[1] and "the series was split: 6 file(s)" in str(report)


def test_without_positions_the_order_is_that_of_the_numbers(write):
    files = write("s")
    for path in files:
        edit(path, ImagePositionPatient=None)
    report = dv.volread(files).report
    assert report.sorted_by == "InstanceNumber" and report.spacing_from == ""
    assert report.steps is None and report.tilt is None


def test_no_folder_is_shown(write):
    files = write("Doe^Jane")
    files[2].unlink()
    report = dv.volread(files[0].parent).report
    assert "Doe" not in str(report) + repr(report.gaps) + repr(report)

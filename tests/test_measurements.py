"""The measurements of a viewer as a list, a table, files and a section of the panel."""

import json
import sys
from hashlib import sha256

import numpy as np
import pytest
from conftest import edit, make_affine, make_voxels, validated

import dicomview as dv
from dicomview.errors import MeasureError, MissingPackageError
from dicomview.io.segwrite import segmentation_object
from dicomview.measure import (
    Angle,
    Distance,
    Ellipse,
    Point,
    Polygon,
    Rectangle,
    Region,
    evaluate,
    from_json,
    structured_report,
    to_json,
)
from dicomview.measure.sr import NAMES
from dicomview.state import Measurements, ViewState
from dicomview.widgets.measuring import MeasurementsSection

UID = "1.2.826.0.1.3680043.8.498.1"


def volume(**meta):
    array = make_voxels((12, 14, 16)).astype(np.int16)
    meta = {"Modality": "CT", "FrameOfReferenceUID": UID, **meta}
    return dv.Volume.from_array(array, affine=make_affine("oblique"), meta=meta)


def shapes(vol):
    def at(*places):
        return vol.geometry.position(np.array(places, float))

    return [
        Distance(at((3, 2, 2), (3, 8, 10)), "stone <b>"),
        Ellipse.in_corners(at((5, 2, 2), (5, 2, 9), (5, 9, 9), (5, 9, 2))),
        Region(dv.Volume(vol.array > 2000, geometry=vol.geometry), "bright"),
    ]


@pytest.fixture
def state():
    vol = volume()
    return ViewState(vol, measurements=shapes(vol))


@pytest.fixture
def listed(state):
    return Measurements(state)


def test_it_is_a_list_with_a_way_back(listed, state):
    first, second, third = listed
    assert len(listed) == 3 and listed[1] is second
    listed.remove(first)
    listed.remove(-1)
    assert list(listed) == [second]
    listed.clear()
    listed.undo()
    listed.undo()
    assert list(listed) == [second, third] and state.can_redo
    listed.redo()
    listed.add(Point([(0, 0, 0)]))
    assert [m.kind for m in listed] == ["ellipse", "point"] and state.selected == 1
    for gone in (first, third):
        with pytest.raises(ValueError, match="not in tuple"):
            listed.remove(gone)
    with pytest.raises(IndexError):
        listed.remove(7)


def test_records_and_table_hold_what_was_evaluated(listed, state):
    records = listed.records()
    for record, measurement in zip(records, listed):
        points = record.pop("points")
        assert record == evaluate(state.acquired, measurement).record()
        assert points is None or np.allclose(points, measurement.points)
    pandas = pytest.importorskip("pandas")
    table = listed.to_dataframe()
    assert isinstance(table, pandas.DataFrame) and list(table["kind"]) == ["distance", "ellipse", "region"]
    assert table["mean"][1] == records[1]["mean"] and table["unit"][1] == "HU"
    listed.clear()
    assert listed.to_dataframe().columns.tolist() == table.columns.tolist(), "an empty one has its columns"


def test_without_pandas_the_error_names_the_package(listed, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'dicomview\[tables\]'"):
        listed.to_dataframe()


def test_names_are_escaped_in_html(listed):
    text = listed._repr_html_()
    assert "stone &lt;b&gt;" in text and "<b>" not in text
    assert "ellipse" in repr(listed)


def test_json_gives_the_same_measurements_back(listed, state, tmp_path):
    path = tmp_path / "found.json"
    listed.to_json(path)
    content = json.loads(path.read_text())
    assert content["SHA-256 of FrameOfReferenceUID"] == sha256(UID.encode()).hexdigest()
    assert content["measurements"][0]["results"]["length"] == listed.records()[0]["length"]
    other = ViewState(volume())
    Measurements(other).from_json(path)
    assert other.measurements[:2] == state.measurements[:2]
    assert other.result(other.measurements[2]) == state.result(state.measurements[2])
    assert np.array_equal(other.measurements[2].mask.array, state.measurements[2].mask.array)
    other.undo()
    assert other.measurements == ()


def test_json_without_affine_keeps_its_grid():
    vol = dv.Volume.from_array(make_voxels((5, 6, 7)), sampling=(3, 2, None))
    region = Region(dv.Volume(vol.array > 0, geometry=vol.geometry))
    point, again = from_json(vol, to_json(vol, [Point([(1, 2, 3)]), region]))
    assert point == Point([(1, 2, 3)]) and again.mask.geometry == vol.geometry


def test_json_with_another_meaning_of_positions_is_refused():
    vol = volume()
    text = to_json(vol, shapes(vol))
    with pytest.raises(MeasureError, match="frame of reference"):
        from_json(volume(FrameOfReferenceUID=UID + ".2"), text)
    assert len(from_json(volume(FrameOfReferenceUID=UID + ".2"), text, ignore_frame_of_reference=True)) == 3
    with pytest.raises(MeasureError, match="voxel index"):
        from_json(dv.Volume.from_array(vol.array), text)


START = '{"format": "dicomview measurements", "version": 1, "space": "LPS mm", "measurements": ['
MASK = '"shape": [9, 9, 9], "spacing": [1, 1, 1], "mask": "eJwDAAAAAAE="'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"format": "other"}',
        START + '{"kind": 3}]}',
        START + '{"kind": "point", "points": [[0, 0]]}]}',
        START + '{"kind": "region", ' + MASK + "}]}",
    ],
)
def test_json_of_something_else_is_refused(text):
    with pytest.raises(MeasureError):
        from_json(volume(), text)


def test_the_panel_lists_selects_and_goes_to_them(state):
    section = MeasurementsSection(state)
    labels = [label for label, _ in section.chosen.options]
    assert [label.split(": ")[0] for label in labels] == ["1 distance", "2 ellipse", "3 region"]
    assert section.chosen.index is None and section.buttons["delete"].disabled
    section.chosen.index = 1
    assert state.selected == 1 and "mean" in section.numbers.value
    assert np.allclose(state.index, (5, 5.5, 5.5), atol=0.5), "the crosshair goes there"
    state.index = (0, 0, 0)
    section.buttons["go"].click()
    assert state.index[0] == 5
    section.buttons["delete"].click()
    assert len(section.chosen.options) == 2 and section.chosen.index is None and section.numbers.value == ""
    assert not section.buttons["undo"].disabled and section.buttons["redo"].disabled
    section.buttons["undo"].click()
    assert len(section.chosen.options) == 3 and not section.buttons["redo"].disabled
    section.buttons["redo"].click()
    section.name.value = "lost"
    state.selected = 0
    assert section.name.value == "stone <b>" and section.name.disabled is False
    section.name.value = "gall stone"
    assert state.measurements[0].name == "gall stone"
    assert section.chosen.options[0][0].startswith("1 distance: gall stone")
    assert section.chosen.index == 0 and section.numbers.value.startswith("<table")
    section.close()
    state.measurements = ()
    assert len(section.chosen.options) == 2, "closed, it no longer follows"


def test_values_in_the_panel_are_those_of_the_frame():
    array = np.stack([np.full((3, 4, 5), value) for value in (7, 9)])
    vol = dv.Volume.from_array(array, affine=make_affine(), meta={"Modality": "CT"})
    state = ViewState(vol, frame=(0,), measurements=[Point(vol.geometry.position([[1.0, 1, 1]]))])
    section = MeasurementsSection(state)
    state.frame = (1,)
    assert section.chosen.options[0][0] == "1 point: 9 HU"


def test_a_page_of_its_own_draws_them_and_nobody_there_can(tmp_path):
    vol = volume()
    viewer = dv.SliceViewer(vol, measurements=shapes(vol), tool="polygon")
    viewer.to_html(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert text.count('"isArea"') == 3 and "not shown here" not in text
    assert '"measuring": ""' in text and '"tool": "window"' in text, "nobody there could draw them"
    assert viewer.measurements.records()[0]["kind"] == "distance"
    viewer.close()


def test_a_structured_report_gives_the_same_numbers_back(write, tmp_path):
    hd = pytest.importorskip("highdicom")
    write("ct", make_voxels((6, 24, 26)), make_affine("oblique"), description="CT")
    vol = dv.volread(tmp_path / "ct")

    def at(*places):
        return vol.geometry.position(np.array(places, float))

    corners = at((3, 2, 2), (3, 2, 12), (3, 9, 12), (3, 9, 2))
    shapes = [
        Distance(at((2, 2, 2), (2, 8, 10)), "stone"),
        Angle(at((2, 2, 2), (2, 8, 10), (2, 8, 2))),
        Point(at((1, 5, 6))),
        Rectangle(corners),
        Ellipse.in_corners(corners, name="lesion"),
        Polygon(at((4, 2, 2), (4, 9, 4), (4, 6, 12))),
        Region(dv.Volume(vol.array > 2000, geometry=vol.geometry), "bright"),
    ]
    state = ViewState(vol, measurements=shapes)
    Measurements(state).to_sr(tmp_path / "report.dcm")
    validated(tmp_path / "report.dcm")
    report = hd.sr.srread(tmp_path / "report.dcm")
    source = dv.dataset(vol, 0)
    assert report.StudyInstanceUID == source.StudyInstanceUID and report.PatientName == source.PatientName
    groups = report.content.get_image_measurement_groups()
    planar = report.content.get_planar_roi_measurement_groups()
    assert len(groups) == 4 and len(planar) == 3
    names = {meaning: name for name, (_, _, meaning) in NAMES.items()}
    order = [0, 1, 2, 6]
    for group, shape in zip([*groups, *planar], [*(shapes[i] for i in order), *shapes[3:6]]):
        expected = evaluate(vol, shape)
        assert group.tracking_identifier == (shape.name or shape.kind)
        found = {names[m.name.meaning]: m for m in group.get_measurements()}
        assert found, shape.kind
        for name, number in found.items():
            assert number.value == pytest.approx(getattr(expected, name), rel=1e-12), (shape.kind, name)
        if "mean" in found:
            assert found["mean"].unit.value == "[hnsf'U]"
    rectangle, ellipse, polygon = (group.roi for group in planar)
    assert np.allclose(rectangle.value[:-1], shapes[3].array, atol=1e-4)
    assert np.allclose(polygon.value[:-1], shapes[5].array, atol=1e-4)
    long, other, short, _ = ellipse.value
    radii = np.linalg.norm(long - other) / 2, np.linalg.norm(short - ellipse.value[3]) / 2
    assert np.pi * np.prod(radii) == pytest.approx(evaluate(vol, shapes[4]).area, rel=1e-5)


def test_a_report_says_what_the_table_says_and_where_every_point_is(write, tmp_path):
    hd = pytest.importorskip("highdicom")
    write("ct", make_voxels((12, 24, 26)), make_affine("oblique"), description="CT")
    vol = dv.volread(tmp_path / "ct")
    state = ViewState(vol, rotation=(20.0, 0.0, 0.0))
    grid = state.volume.geometry
    k, r, c = (n // 2 for n in grid.shape)
    corners = [(k, r - 6.0, c - 6), (k, r - 6, c + 6), (k, r + 6, c + 6), (k, r + 6, c - 6)]
    outside = vol.geometry.position((4, -50, 3))
    state.measurements = [
        Rectangle(grid.position(np.array(corners)), "turned"),
        Point([outside], "outside"),
        Angle([outside, outside, outside], "nowhere"),
        Point([vol.geometry.position((4, 5, 3))], "inside"),
    ]
    listed = Measurements(state)
    listed.to_sr(tmp_path / "report.dcm")
    content = hd.sr.srread(tmp_path / "report.dcm").content
    groups = {
        group.tracking_identifier: group
        for group in [*content.get_image_measurement_groups(), *content.get_planar_roi_measurement_groups()]
    }
    names = {meaning: name for name, (_, _, meaning) in NAMES.items()}
    assert set(groups) == {"turned", "outside", "nowhere", "inside"}
    for record in listed.records():
        told = {names[m.name.meaning]: m.value for m in groups[record["name"]].get_measurements()}
        wanted = ["mean"] if record["kind"] == "point" else NAMES
        expected = {name: record[name] for name in wanted if record[name] is not None}
        assert told == pytest.approx(expected, rel=1e-12)
    assert "sd" in {names[m.name.meaning] for m in groups["turned"].get_measurements()}
    for name, count in (("outside", 1), ("nowhere", 3)):
        roi = groups[name].roi
        assert len(groups[name].get_measurements()) == 0 and len(roi.value) == count
        assert np.allclose(roi.value, outside, atol=1e-4)
    (number,) = groups["inside"].get_measurements()
    assert np.allclose(number.referenced_coordinates[0].value, state.measurements[3].array, atol=1e-4)


def test_a_point_in_a_missing_slice_keeps_its_place_in_a_report(write, tmp_path):
    hd = pytest.importorskip("highdicom")
    write("series", make_voxels((6, 8, 9)), make_affine("oblique"))[3].unlink()
    vol = dv.volread(tmp_path / "series")
    point = Point([vol.geometry.position((3, 4, 5))])
    structured_report(vol, [point]).save_as(tmp_path / "report.dcm")
    (group,) = hd.sr.srread(tmp_path / "report.dcm").content.get_planar_roi_measurement_groups()
    assert len(group.get_measurements()) == 0 and np.allclose(group.roi.value, point.array, atol=1e-4)


@pytest.mark.parametrize(
    ("elements", "unit"),
    [
        ({"SpecificCharacterSet": "", "PatientBirthDate": None}, "[hnsf'U]"),
        ({"RescaleType": "MY {UNIT} "}, "{MY__UNIT_}"),
    ],
)
def test_headers_with_gaps_give_reports_too(write, tmp_path, elements, unit):
    hd = pytest.importorskip("highdicom")
    for path in write("ct", make_voxels(), make_affine()):
        edit(path, **elements)
    vol = dv.volread(tmp_path / "ct")
    report = structured_report(vol, [Point([vol.geometry.position((1, 2, 3))])])
    report.save_as(tmp_path / "report.dcm")
    (group,) = hd.sr.srread(tmp_path / "report.dcm").content.get_image_measurement_groups()
    (number,) = group.get_measurements()
    assert (number.value, number.unit.value) == (vol.array[1, 2, 3], unit)


def test_headers_that_allow_no_report_are_told_of(write, tmp_path):
    pytest.importorskip("highdicom")
    for path in write("ct", make_voxels(), make_affine()):
        edit(path, SOPClassUID="1.2.111.1")
    vol = dv.volread(tmp_path / "ct")
    with pytest.raises(MeasureError, match="headers of these images"):
        structured_report(vol, [Point([vol.geometry.position((1, 2, 3))])])


@pytest.mark.filterwarnings("error")
def test_a_name_that_highdicom_would_warn_of_is_not_shown(write, tmp_path):
    pytest.importorskip("highdicom")
    for file in write("ct", make_voxels((3, 8, 9)), make_affine("oblique")):
        edit(file, PatientName="Canary")
    vol = dv.volread(tmp_path / "ct")
    report = structured_report(vol, [Point([vol.geometry.position((1, 4, 5))])])
    made = segmentation_object({"all": np.ones(vol.geometry.shape, bool)}, vol)
    assert report.PatientName == made.PatientName == "Canary"


def test_a_structured_report_needs_files_and_a_place(listed):
    pytest.importorskip("highdicom")
    with pytest.raises(MeasureError, match="files of the images"):
        structured_report(volume(), list(listed))
    with pytest.raises(MeasureError, match="FrameOfReferenceUID"):
        structured_report(dv.Volume.from_array(np.zeros((3, 4, 5))), [Point([(0, 0, 0)])])
    with pytest.raises(MeasureError, match="at least one"):
        structured_report(volume(), [])


def test_without_highdicom_the_error_names_the_package(listed, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'dicomview\[dicom-objects\]'"):
        listed.to_sr(tmp_path / "report.dcm")


def test_what_cannot_be_evaluated_is_listed_without_numbers(listed, state):
    state.measurements = [Region(dv.Volume.from_array(np.ones((3, 4, 5), bool)), "elsewhere")]
    section = MeasurementsSection(state)
    assert [label for label, _ in section.chosen.options] == ["1 region: elsewhere"]
    with pytest.raises(MeasureError, match="no place"):
        listed.records()
    assert "elsewhere" in repr(listed)


def test_a_region_without_a_place_is_not_added(listed, state, tmp_path):
    before = state.measurements
    region = Region(dv.Volume.from_array(np.ones((3, 4, 5), bool)), "elsewhere")
    with pytest.raises(MeasureError, match=r"elsewhere.*no place"):
        listed.add(region)
    other = ViewState(region.mask, measurements=[region])
    text = to_json(volume(), list(other.measurements))
    (tmp_path / "other.json").write_text(text, encoding="utf-8")
    with pytest.raises(MeasureError, match=r"elsewhere.*no place"):
        listed.from_json(tmp_path / "other.json")
    assert state.measurements == before


def test_the_numbers_in_the_panel_follow_a_rotation(state):
    section = MeasurementsSection(state)
    state.rotation = (20.0, 0.0, 0.0)
    grid = state.volume.geometry
    k, r, c = (n // 2 for n in grid.shape)
    corners = [(k, r - 6.0, c - 6), (k, r - 6, c + 6), (k, r + 6, c + 6), (k, r + 6, c - 6)]
    state.add_measurement(Rectangle(grid.position(np.array(corners))))
    seen = section.numbers.value
    assert "mean" in seen
    state.rotation = (0.0, 0.0, 0.0)
    assert "mean" not in section.numbers.value, "it lies in no plane of these"
    state.rotation = (20.0, 0.0, 0.0)
    assert section.numbers.value == seen

"""Gallery and SeriesBrowser without a browser: thumbnails, tables, progress, what cannot be read."""

import base64
import gc
import os
import threading
from types import SimpleNamespace

import imageio.v3 as iio
import ipywidgets
import numpy as np
import pydicom
import pytest
from conftest import make_affine, make_voxels, widgets_alive
from pixelfiles import spoil

import dicomview as dv
from dicomview.errors import DecodeError, SeriesError
from dicomview.io.glance import read_glance
from dicomview.io.progress import watched
from dicomview.widgets import series_browser
from dicomview.widgets.choices import Choices

PASSIVE = ipywidgets.Layout, ipywidgets.Style


@pytest.fixture
def study(write):
    """Write three volumes, a localizer and a report."""
    write("study/a", description="first <b>", series_uid="1.2.1")
    write("study/b", make_voxels((5, 12, 8)), description="second", series_uid="1.2.2")
    files = write("study/c", description="third", series_uid="1.2.3")
    spoil(files, *range(len(files)))
    (scout,) = write("study/d", make_voxels((1, 8, 8)), description="scout", series_uid="1.2.4")
    dataset = pydicom.dcmread(scout)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    dataset.save_as(scout)
    (report,) = write("study/e", make_voxels((1, 8, 8)), description="words", series_uid="1.2.5")
    dataset = pydicom.dcmread(report)
    dataset.Modality, dataset.SOPClassUID = "SR", "1.2.840.10008.5.1.4.1.1.88.11"
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    del dataset.PixelData, dataset.Rows, dataset.Columns
    dataset.save_as(report)
    return files[0].parents[1]


@pytest.fixture
def made():
    widgets = []

    def made(kind, *args, **kwargs):
        widgets.append(kind(*args, **kwargs))
        return widgets[-1]

    yield made
    for widget in widgets:
        widget.close()


def sent(choices):
    """Return what the page has been told of the cards."""
    return choices._shown


# -- a glance -----------------------------------------------------------------------------------------


def test_a_glance_reads_the_middle_slice_alone(write, decoded):
    (series,) = dv.find_series(write()[0].parent)
    glance = read_glance(series)
    assert decoded == [3], "of IM0000 to IM0005"
    np.testing.assert_array_equal(glance.array[0], make_voxels()[3])
    assert glance.slice_plane == "axial" and glance.aspect(0) == pytest.approx(0.8 / 0.6)


def test_a_glance_at_a_series_in_time(write):
    array = make_voxels((3, 6, 8, 10))
    folder = None
    for t in range(3):
        files = write(f"time/{t}", array[t], series_uid="1.2.3")
        for path in files:
            dataset = pydicom.dcmread(path)
            dataset.TemporalPositionIdentifier = t + 1
            dataset.SOPInstanceUID = f"1.2.{t}.{path.stem[2:].lstrip('0') or 0}"
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            dataset.save_as(path)
        folder = files[0].parents[1]
    (series,) = dv.find_series(folder)
    assert series.shape == (3, 6, 8, 10)
    np.testing.assert_array_equal(read_glance(series).array[0], array[1, 3])


def test_a_glance_that_cannot_be(study):
    found = dv.find_series(study)
    with pytest.raises(DecodeError, match="IM"):
        read_glance(next(s for s in found if s.description == "third"))
    with pytest.raises(SeriesError, match="no images"):
        read_glance(next(s for s in found if s.description == "words"))
    assert read_glance(next(s for s in found if s.description == "scout")).shape == (1, 8, 8)


# -- the gallery --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("named")
def test_thumbnails_texts_and_reasons(study, made):
    gallery = made(dv.gallery, study)
    gallery.wait(30)
    texts = [item["cells"] for item in gallery.choices.items]
    assert texts[0] == ["CT first <b>", "6 × 8 × 10"]
    assert [item["enabled"] for item in gallery.choices.items] == [True, True, True, False, False]
    cards = sent(gallery.choices)
    picture = iio.imread(base64.b64decode(cards[1]["picture"]))
    assert picture.shape == (128, 64), "12 rows of 0.8 mm and 8 columns of 0.6: in true proportion"
    assert cards[2]["picture"] == "" and "IM" in cards[2]["note"]
    assert cards[3]["picture"] and cards[3]["note"] == "localizer"
    assert 4 not in cards and "structured report" in gallery.choices.items[4]["note"]
    assert "Anonymous" not in str(gallery.choices.items)


def test_a_click_opens_a_viewer_and_the_next_takes_its_place(study, made):
    gallery = made(dv.gallery, study, layout="axial", window=(100, 300))
    gallery.choices._received(None, {"choose": 0}, [])
    first = gallery.viewer
    assert first.volume.shape == (6, 8, 10) and first.state.window == dv.Window(100, 300)
    assert gallery.choices.chosen == 0 and first in gallery._place.children
    gallery.choices._received(None, {"choose": 1}, [])
    assert gallery.viewer.volume.shape == (5, 12, 8) and not first._open
    gallery.choices._received(None, {"choose": 2}, [])  # cannot be decoded
    assert gallery.viewer is None and "cannot be opened" in gallery._place._note.value
    for number, reason in ((4, "structured report"), (9, "number 9")):
        with pytest.raises(SeriesError, match=reason):
            gallery.choose(number)


def test_the_kernel_is_not_held_up(study, made, monkeypatch):
    go = threading.Event()
    monkeypatch.setattr(
        "dicomview.widgets.series_gallery.read_glance", lambda one: go.wait(30) and read_glance(one)
    )
    gallery = made(dv.gallery, dv.find_series(study))
    assert not sent(gallery.choices)
    go.set()
    gallery.wait(30)
    assert set(sent(gallery.choices)) == {0, 1, 2, 3}


def test_a_page_that_comes_later_gets_all_pictures(monkeypatch):
    told = []
    monkeypatch.setattr(Choices, "send", lambda self, content, buffers=None: told.append(content))
    choices = Choices(print)
    choices.show(3, picture="abc", note="x")
    choices._received(None, {"hello": True}, [])
    assert told[-1] == {"shown": {3: {"picture": "abc", "note": "x"}}}
    choices.close()


def test_a_gallery_in_static_output_is_a_picture(study, made):
    bundle = made(dv.gallery, study)._repr_mimebundle_()
    pixels = iio.imread(base64.b64decode(bundle["image/png"]))
    assert pixels.ndim == 3 and len(np.unique(pixels[..., 0])) > 20, "thumbnails, not an empty page"
    assert "Gallery of" in bundle["text/plain"]
    assert made(dv.gallery, [])._repr_mimebundle_()["image/png"]


def test_a_gallery_takes_series_only(made):
    with pytest.raises(SeriesError, match="does not take int"):
        dv.gallery([3])
    (series,) = dv.find_series(dv.samples.head_ct())
    assert made(dv.gallery, series).series == (series,)


# -- the browser of series ----------------------------------------------------------------------------


def test_a_folder_is_searched_and_a_series_opened(study, made):
    browser = made(dv.SeriesBrowser, study)
    browser.wait(30)
    assert len(browser.table.items) == 5 and browser.table.head == list(dv.SeriesList.COLUMNS[1:])
    assert browser.status.value.startswith("5 series, 3 of them volumes")
    assert browser.bar.layout.display == browser.stop.layout.display == "none"
    assert browser.choose(1).volume.shape == (5, 12, 8)
    assert browser.viewer in browser._place.children
    for number, reason in ((3, "localizer"), (9, "number 9")):
        with pytest.raises(SeriesError, match=reason):
            browser.choose(number)
    assert "<table>" in browser._repr_mimebundle_()["text/html"]


def test_folders_are_gone_to_without_a_search(study, made, monkeypatch):
    monkeypatch.chdir(study.parent)
    browser = made(dv.SeriesBrowser)
    assert browser.found is None and browser._thread is None, "nothing is searched before it is asked for"
    assert browser.path.value == os.path.realpath(study.parent)
    browser.folders.value = "study"
    assert [value for _, value in browser.folders.options] == ["", "..", *"abcde"]
    browser.folders.value = "b"
    assert browser._thread is None
    browser.search.click()
    browser.wait(30)
    assert len(browser.found) == 1
    browser.folders.value = ".."
    assert browser.path.value.endswith("study")
    browser.path.value = str(study / "a")  # typed
    browser.wait(30)
    assert browser.found[0].description == "first <b>"


def test_what_cannot_be_read_is_said(study, made, monkeypatch, tmp_path):
    browser = made(dv.SeriesBrowser, tmp_path / "nowhere")
    browser.wait(30)
    assert "nowhere" in browser.status.value and browser.found is None
    empty = tmp_path / "empty"
    empty.mkdir()
    browser.find(empty)
    browser.wait(30)
    assert "no DICOM series" in browser.status.value
    scandir = os.scandir

    def closed(path):
        if str(path).endswith("study"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    browser.find(study)
    browser.wait(30)
    assert "Permission denied" in browser.status.value and not browser.table.items


def test_progress_and_stop(study, made, monkeypatch):
    begun, go = threading.Event(), threading.Event()
    find_series = series_browser.find_series

    def slow(path):
        begun.set()
        assert go.wait(30)
        return find_series(path)

    monkeypatch.setattr(series_browser, "find_series", slow)
    browser = made(dv.SeriesBrowser, study)
    assert begun.wait(30)
    assert browser.bar.layout.display == browser.stop.layout.display == "" and browser.found is None
    browser.stop.click()
    go.set()
    browser.wait(30)
    assert browser.status.value.startswith("stopped") and browser.found is None
    browser.find()
    browser.wait(30)
    assert browser.bar.value == browser.bar.max == 19 and len(browser.found) == 5


def test_a_new_search_ends_the_one_before(study, made, monkeypatch):
    go = threading.Event()
    find_series = series_browser.find_series

    def slow(path):
        if str(path) == str(study):
            go.wait(30)
        return find_series(path)

    monkeypatch.setattr(series_browser, "find_series", slow)
    browser = made(dv.SeriesBrowser, study)
    threading.Timer(0.2, go.set).start()
    browser.find(study / "b")
    browser.wait(30)
    assert [one.description for one in browser.found] == ["second"]


def test_progress_is_told_instead_of_a_bar(study):
    told = []
    with watched(lambda *progress: told.append(progress)):
        dv.find_series(study)
    assert told[0] == ("headers", 0, 19) and told[-1] == ("headers", 19, 19)
    dv.find_series(study)
    assert len(told) == 20


@pytest.mark.parametrize("kind", [dv.gallery, dv.SeriesBrowser])
def test_closing_leaves_nothing(study, kind):
    registry = widgets_alive()
    before = set(registry)
    widget = kind(study)
    widget.wait(30)
    widget.choose(0)
    widget.close()
    widget.close()
    del widget
    gc.collect()
    left = [
        type(w).__name__ for key, w in registry.items() if key not in before and not isinstance(w, PASSIVE)
    ]
    assert left == []


@pytest.mark.parametrize("kind", [dv.gallery, dv.SeriesBrowser])
def test_a_cell_that_is_run_again_replaces_it(study, kind, monkeypatch):
    shell = SimpleNamespace(user_ns={"In": ["code"]}, execution_count=1)
    monkeypatch.setattr("dicomview.widgets.cells.get_ipython", lambda: shell)
    first = kind(study)
    viewer = first.choose(0) if kind is dv.gallery else None
    shell.execution_count = 2
    second = kind(study)
    assert not first._open and second._open and (viewer is None or not viewer._open)
    second.close()


def test_a_series_is_shown_without_another_search(study):
    series = dv.find_series(study)[1]
    viewer = dv.SliceViewer(series)
    assert viewer.volume.shape == (5, 12, 8)
    viewer.close()
    assert make_affine() is not None

"""Injection: texts of files, and names, are text wherever they are shown or written, and are cut."""

import json
from html.parser import HTMLParser

import ipywidgets
import matplotlib
import numpy as np
import pydicom
import pytest
from conftest import edit, make_affine, make_voxels, validated, widgets_alive
from matplotlib.text import Text
from payloads import PAYLOADS

import dicomview as dv
from dicomview.cli import main
from dicomview.io.evidence import label_text
from dicomview.measure import Point
from dicomview.render import PictureFigure
from dicomview.state import Measurements, Overlays, ViewState
from dicomview.volume import Dimension, Report, Segment, Segmentation
from dicomview.volume.meta import safe_text
from dicomview.widgets.html import _json

pytestmark = pytest.mark.usefixtures("named")

#: What our own HTML is made of.
_TAGS = """div b i p table thead tbody tr th td ul li img br details summary kbd span svg polyline line rect
    path g text title circle polygon pre code html head body meta style script label input"""
TAGS = frozenset(_TAGS.split())
KEYWORDS = (
    "SeriesDescription", "Modality", "RescaleType", "Units", "PatientName", "PatientID", "StudyDescription",
    "ProtocolName", "SegmentLabel", "ManufacturerModelName",
)  # fmt: skip
#: Those that are something in mathematics or to a terminal, or are long.
UNITS = [p for p in PAYLOADS if set("$\\\x1b\0{\ud800") & set(p) or len(p) > 9999]
#: Longest text that is drawn or told in one place.
LONGEST = 400


class Inspector(HTMLParser):
    """Notes what is no text."""

    def __init__(self, html):
        super().__init__()
        self.wrong = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        wrong = tag not in TAGS or any(
            name.startswith("on") or "javascript:" in (value or "") or "payload.invalid" in (value or "")
            for name, value in attrs
        )
        self.wrong += [(tag, attrs)] * wrong


def is_text(html):
    assert not Inspector(html).wrong
    assert "<script>" not in html and "<b><b>" not in html


def is_line(text, longest=LONGEST):
    """Text of a terminal: printable, in lines that are not endless."""
    assert all(c.isprintable() or c == "\n" for c in text)
    assert max(map(len, text.split("\n"))) <= longest
    text.encode()


def volume(payload, shape=(3, 4, 5)):
    return dv.Volume.from_array(
        make_voxels(shape), affine=make_affine(), meta=dict.fromkeys(KEYWORDS, payload) | {"SeriesNumber": 1}
    )


def drawn(figure):
    """Draw a figure, and return its texts, of which none is read as mathematics."""
    figure.canvas.draw()
    artists = figure.findobj(Text)
    assert not [a for a in artists if set("$\\") & set(a.get_text()) and a.get_parse_math()]
    return [artist.get_text() for artist in artists]


def test_there_are_enough_of_them():
    assert len(set(PAYLOADS)) >= 40


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_text_of_a_header(payload):
    vol = volume(payload)
    im = vol[0]
    for thing in (vol, vol.meta, im, safe_text(payload)):
        is_line(str(thing))
        if hasattr(thing, "_repr_html_"):
            is_text(thing._repr_html_())
    segments = [
        Segment(1, payload, payload, payload, property_type=payload),
        Segment(2, payload, is_region=True),
    ]
    seg = Segmentation(
        segments, kind="contours", contours={}, meta=vol.meta, report=Report((safe_text(payload),))
    )
    is_line(repr(seg) + repr(segments))
    is_text(seg._repr_html_())
    with pytest.raises(dv.errors.SegmentError) as error:
        seg.segment("nothing like it")
    is_line(str(error.value))


@pytest.fixture(scope="module")
def crowd():
    """A viewer in which every payload is a window, an overlay and a measurement."""
    vol = volume(PAYLOADS[0], (6, 8, 10))
    some = PAYLOADS[:-1]
    vol.meta |= {
        "WindowCenter": [float(i) for i in range(len(some))], "WindowWidth": [10.0] * len(some),
        "WindowCenterWidthExplanation": list(some),
    }  # fmt: skip
    viewer = dv.SliceViewer(vol)
    for i, name in enumerate(some):
        viewer.overlays.add_mask(np.asarray(vol) > i, name=name)
        place = tuple(vol.geometry.position((2, 3, 4)))
        viewer.measurements.add(dv.measure.Point([place], name=name))
    viewer.state.pointer = (1, 2, 3)
    viewer._furnish()
    yield viewer
    viewer.close()


def test_what_the_widgets_hold(crowd):
    for widget in widgets_alive().values():
        if isinstance(widget, ipywidgets.HTML | ipywidgets.HTMLMath):
            is_text(widget.value)
        assert not getattr(widget, "description_allow_html", False)
        assert not getattr(widget, "tooltip_allow_html", False)
    label = getattr(crowd._canvas.figure.canvas, "manager", None)
    assert "<" not in str(getattr(crowd._canvas.widget, "_figure_label", ""))
    assert label is None or "<" not in label.get_window_title()


def test_what_is_drawn(crowd):
    figure = crowd.figure()
    texts = drawn(figure)
    assert texts and max(map(len, texts)) <= LONGEST
    for text in texts:
        is_line(text)


def test_what_is_told(crowd):
    is_text(crowd.measurements._repr_html_())
    compile(crowd.code(), "code", "eval")
    bundle = crowd._repr_mimebundle_()
    bundle = bundle[0] if isinstance(bundle, tuple) else bundle
    is_text(bundle.get("text/html", ""))
    is_line(bundle["text/plain"])


def test_a_page(crowd, tmp_path):
    crowd.to_html(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("</script>") == 1
    assert not Inspector(page[: page.index("<script")]).wrong
    for payload in PAYLOADS:
        assert "<" not in _json(payload) and json.loads(_json(payload)) == payload


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_names_in_pictures(payload):
    vol = volume(payload)
    for figure in (dv.montage(vol, [0, 1]), dv.looks(vol[1])):
        for text in drawn(figure):
            is_line(text)


def test_names_of_dimensions():
    for payload in PAYLOADS:
        label = Dimension("echo", (0.0, 1.0), safe_text(payload)).label(1)
        is_line(label)


@pytest.mark.parametrize("payload", UNITS, ids=range(len(UNITS)))
def test_units_that_are_drawn(payload):
    vol = dv.Volume.from_array(make_voxels(), affine=make_affine(), meta={"RescaleType": payload})
    viewer = dv.SliceViewer(vol, colorbar=True)
    places = [vol.geometry.position((1, 1, column)) for column in (1, 6)]
    profile = dv.plot_profile(dv.measure.profile(vol, places))
    for figure in (viewer.figure(), profile.figure):
        told = drawn(figure)
        assert safe_text(payload) in told
        for text in told:
            is_line(text)
    viewer.close()


def test_a_style_that_asks_for_tex_gets_none_of_it(tmp_path):
    """TeX reads files and runs programs."""
    name = "\\input{/etc/passwd}"
    vol = dv.Volume.from_array(
        make_voxels(), affine=make_affine(), meta={"RescaleType": name, "PatientName": name}
    )
    with matplotlib.rc_context({"text.usetex": True}):
        viewer = dv.SliceViewer(vol, colorbar=True)
        viewer.measurements.add(dv.measure.Point([vol.geometry.position((2, 3, 4))], name=name))
        figures = [viewer.figure(), dv.montage(vol, [0]), dv.planes(vol)]
        figures.append(dv.plot_profile(dv.measure.profile(vol, [(0, 0, 20), (5, 5, 20)])).figure)
        told = [artist for figure in figures for artist in figure.findobj(Text) if name in artist.get_text()]
        assert len(told) >= 4 and not any(artist.get_usetex() for artist in told)
    viewer.close()


def test_a_picture_of_a_gallery(write, monkeypatch):
    told = []
    monkeypatch.setattr(PictureFigure, "png", lambda figure: told.append(drawn(figure)) or b"")
    texts = [text for text in map(safe_text, PAYLOADS) if text.isascii() and "\\" not in text][::2]
    for i, text in enumerate(texts):
        (file, *_) = write(f"s{i}", make_voxels((2, 4, 5)), make_affine(), description=text)
    shown = dv.gallery(file.parent.parent)
    shown.wait(60)
    shown._png()
    (lines,) = told
    assert len(lines) >= len(texts) > 15
    for line in lines:
        is_line(line, 26)
    shown.close()


# -- what is written ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ct") / "s"
    return dv.volread(dv.samples.write_series(folder, make_voxels(), make_affine()))


def test_names_in_files(written, tmp_path):
    pytest.importorskip("highdicom")
    names = [*PAYLOADS[::7], *UNITS, "日本 Läsion", "left\\right"]
    state = ViewState(written)
    overlays, measured = Overlays(state), Measurements(state)
    for i, name in enumerate(names):
        measured.add(Point([written.geometry.position((1, 2, 3))], name=name))
        overlays.add_mask(np.asarray(written) > 5, name=f"{i}{name}")
    measured.to_json(tmp_path / "m.json")
    text = (tmp_path / "m.json").read_text(encoding="utf-8")
    assert [one.name for one in dv.measure.from_json(written, text)] == names
    measured.to_sr(tmp_path / "sr.dcm")
    overlays.to_seg(tmp_path / "seg.dcm")
    for file in ("sr.dcm", "seg.dcm"):
        validated(tmp_path / file)
    told = [label_text(f"{i}{name}", "") for i, name in enumerate(names)]
    assert [segment.label for segment in dv.segread(tmp_path / "seg.dcm").segments] == told
    report = (tmp_path / "sr.dcm").read_bytes()
    assert all(label_text(name, "point").encode() in report for name in names)


def test_the_patient_keeps_the_name_in_any_alphabet(tmp_path):
    pytest.importorskip("highdicom")
    for file in dv.samples.write_series(tmp_path / "s", make_voxels(), make_affine()):
        edit(file, SpecificCharacterSet=["", "ISO 2022 IR 87"], PatientName="Yamada^Tarou=山田^太郎")
    state = ViewState(dv.volread(tmp_path / "s"))
    Overlays(state).add_mask(np.ones(state.volume.shape, bool))
    Overlays(state).to_seg(tmp_path / "seg.dcm")
    measured = Measurements(state)
    measured.add(Point([(0, 0, 20)]))
    measured.to_sr(tmp_path / "sr.dcm")
    for name in ("seg.dcm", "sr.dcm"):
        assert str(pydicom.dcmread(tmp_path / name).PatientName) == "Yamada^Tarou=山田^太郎"


# -- names of files ----------------------------------------------------------------------------------------


def named_so(path, payload):
    """Return a path of that name, None where the system allows no such name."""
    name = path / f"a{payload}".replace("/", "∕")[:60].replace("\0", "0")
    try:
        name.mkdir(parents=True)
    except (OSError, UnicodeError):
        return None
    return name


@pytest.mark.parametrize("first", range(3))
def test_names_of_files_and_folders(first, tmp_path, capsys):
    made = 0
    for payload in ("\udcff\udcfe", *PAYLOADS)[first::6]:
        folder = named_so(tmp_path, payload)
        if folder is None:
            continue
        files = dv.samples.write_series(folder, make_voxels((2, 4, 5)), make_affine())
        broken = folder / f"{folder.name}.dcm"
        broken.write_bytes(files[0].read_bytes()[:400])
        found = dv.find_series(folder)
        for thing in (found, found[0], dv.volread(folder).report, dv.volread(files).sources):
            is_line(str(thing), 1000)
            is_text(getattr(thing, "_repr_html_", str)())
        for wrong in (broken, folder / "absent", folder / "x" / folder.name):
            with pytest.raises(dv.errors.DicomviewError) as error:
                dv.volread(wrong)
            is_line(str(error.value), 1000)
        main(["info", str(folder)])
        main(["info", str(broken)])
        browser = dv.SeriesBrowser()
        browser.found = found
        is_text(browser._repr_mimebundle_().get("text/html", ""))
        browser.close()
        made += 1
    told = capsys.readouterr()
    is_line(told.out + told.err, 1000)
    assert made

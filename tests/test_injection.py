"""Injection: texts of files, and names, are text wherever they are shown or written, and are cut."""

import json
from html.parser import HTMLParser

import ipywidgets
import numpy as np
import pytest
from conftest import make_affine, make_voxels, widgets_alive
from matplotlib.text import Text
from payloads import PAYLOADS

import dicomview as dv
from dicomview.render.label import Label
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
    """Draw a figure, and return its texts."""
    figure.canvas.draw()
    return [artist.get_text() for artist in figure.findobj(lambda a: isinstance(a, Text | Label))]


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

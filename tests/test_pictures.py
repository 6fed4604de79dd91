"""The pictures: contents, proportion, sides, and no trace in pyplot."""

import re
import zlib
from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import make_affine, make_voxels
from matplotlib.figure import Figure
from matplotlib.text import Text

import dicomview as dv
from dicomview.errors import DisplayError


@pytest.fixture
def vol():
    return dv.Volume.from_array(make_voxels((20, 30, 40)), affine=make_affine("sagittal"))


@pytest.fixture(autouse=True)
def no_trace_in_pyplot():
    before = plt.rcParams.copy()
    yield
    assert plt.get_fignums() == [] and plt.rcParams == before


def rendered(fig):
    """Return the pixels of a figure."""
    fig.canvas.draw()
    return np.asarray(fig.canvas.buffer_rgba())


def test_looks(vol):
    fig = dv.looks(vol[3])
    assert [ax.get_title() for ax in fig.axes] == ["Original", "High contrast", "Colored"]
    original, contrast, colored = (ax.images[0] for ax in fig.axes)
    assert original.get_clim() == (vol[3].min(), vol[3].max())
    assert contrast.get_clim() == colored.get_clim() and contrast.get_clim()[1] < vol[3].max()
    assert colored.get_cmap().name == "magma"
    assert dv.looks(vol[3], window=(50, 20)).axes[1].images[0].get_clim() == (40, 60)
    assert fig._repr_png_()[:4] == b"\x89PNG"
    with pytest.raises(DisplayError):
        dv.looks(np.zeros((4, 4, 3), np.uint8))


def test_looks_of_a_constant_and_of_nan():
    rendered(dv.looks(np.zeros((5, 5))))
    rendered(dv.looks(np.full((5, 5), np.nan)))


def test_montage_shows_the_slices_asked_for(vol):
    fig = dv.montage(vol, range(15, 20), colormap="bone", window=(0, 100), columns=3)
    for ax, k in zip(fig.axes, range(15, 20)):
        np.testing.assert_array_equal(ax.images[0].get_array(), vol[k])
        assert ax.images[0].get_clim() == (-50, 50) and ax.get_aspect() == pytest.approx(0.8 / 0.6)
    assert len(fig.axes) == 5
    np.testing.assert_array_equal(dv.montage(vol, [-1]).axes[0].images[0].get_array(), vol[19])
    assert len(dv.montage(vol).axes) == 12
    axial = dv.montage(vol, [7], plane="axial").axes[0]
    np.testing.assert_array_equal(axial.images[0].get_array(), vol[:, 7, :].T)  # P down, L to the right
    for wrong in ([20], [], [-21]):
        with pytest.raises(DisplayError):
            dv.montage(vol, wrong)
    with pytest.raises(DisplayError, match="there is no plane"):
        dv.montage(vol, [1], plane="frontal")


def test_planes_are_at_one_scale_with_letters(vol):
    fig = dv.planes(vol, vol.geometry.position((5, 6, 7)))
    axial, coronal, sagittal = fig.axes
    fig.canvas.draw()
    np.testing.assert_array_equal(axial.images[0].get_array(), vol[:, 6, :].T)
    np.testing.assert_array_equal(coronal.images[0].get_array(), vol[:, :, 7].T)
    np.testing.assert_array_equal(sagittal.images[0].get_array(), vol[5])
    # mm per pixel, horizontally and vertically, is the same in all panes
    extents = {axial: (20 * 3, 40 * 0.6), coronal: (20 * 3, 30 * 0.8), sagittal: (40 * 0.6, 30 * 0.8)}
    scales = [
        size / box
        for ax, mm in extents.items()
        for size, box in zip(mm, (ax.get_window_extent().width, ax.get_window_extent().height))
    ]
    np.testing.assert_allclose(scales, scales[0], rtol=0.01)
    assert {text.get_text() for text in axial.texts} >= {"A", "P", "R", "L"}
    assert {text.get_text() for text in sagittal.texts} >= {"S", "I", "A", "P"}
    with pytest.raises(DisplayError, match="a position in mm and an index"):
        dv.planes(vol, (0, 0, 0), index=(0, 0, 0))


def test_compare_aspect(vol):
    fig = dv.compare_aspect(vol, "coronal", index=4)
    square, true = fig.axes
    assert square.get_aspect() == 1 and true.get_aspect() == pytest.approx(0.8 / 3)
    for ax in fig.axes:
        np.testing.assert_array_equal(ax.images[0].get_array(), vol[:, :, 4].T)
    with pytest.raises(DisplayError, match="not known"):
        dv.compare_aspect(np.zeros((3, 4, 5)))


@pytest.mark.parametrize(
    ("draw", "count"),
    [
        (lambda vol, **where: dv.looks(vol, **where), 3),
        (lambda vol, **where: dv.montage(vol, [1, 2], **where), 2),
        (lambda vol, **where: dv.planes(vol, **where), 3),
        (lambda vol, **where: dv.compare_aspect(vol, **where), 2),
    ],
    ids=["looks", "montage", "planes", "compare_aspect"],
)
def test_pictures_go_where_they_are_told(vol, draw, count):
    figure = Figure()
    axes = figure.subplots(1, count)
    assert draw(vol, ax=axes) is figure and all(ax.images for ax in axes)
    figure = Figure()
    left, _ = figure.subfigures(1, 2)
    assert draw(vol, fig=left) is left and len(left.axes) == count
    with pytest.raises(DisplayError, match="need"):
        draw(vol, ax=axes[:1])


def test_negative_images_are_shown_inverted():
    vol = dv.Volume.from_array(make_voxels(), meta={"PhotometricInterpretation": "MONOCHROME1"})
    assert dv.montage(vol, [0]).axes[0].images[0].get_cmap().name == "gray_r"


def test_a_profile_is_drawn_on_axes_of_the_callers_too():
    vol = dv.Volume.from_array(np.arange(60).reshape(3, 4, 5), sampling=(3, 2, 1), meta={"Units": "a$_b$"})
    found = dv.measure.profile(vol, [(1, 0, 0), (1, 3, 0)])
    own = Figure().add_subplot()
    assert dv.plot_profile(found, ax=own) is own and own.get_ylabel() == "a$_b$"
    assert np.array_equal(own.lines[0].get_xydata(), np.stack([found.distance, found.values], axis=1))
    assert dv.plot_profile(found).figure.png()[1:4] == b"PNG"


def saved(figure, kind, **options):
    """Return the bytes of a figure's file, compressed parts as they are and unpacked."""
    file = BytesIO()
    figure.savefig(file, format=kind, **options)
    data = file.getvalue()
    assert data.startswith({"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}[kind])
    streams = re.findall(rb"FlateDecode.*?stream\r?\n(.*?)endstream", data, re.DOTALL)
    return data + b"".join(zlib.decompressobj().decompress(stream) for stream in streams)


@pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
def test_saved_pictures_name_nobody(monkeypatch, kind):
    meta = {"PatientName": "PLANTED", "PatientID": "PLANTED", "SeriesDescription": "PLANTED"}
    vol = dv.Volume.from_array(make_voxels((9, 16, 16)), affine=make_affine(), meta=meta)

    def written(figure):
        return "".join(text.get_text() for text in figure.findobj(Text))

    for figure in (dv.montage(vol), dv.planes(vol), dv.looks(vol), dv.compare_aspect(vol)):
        assert b"PLANTED" not in saved(figure, kind) and "PLANTED" not in written(figure)
    # Both would find it.
    monkeypatch.setattr(dv.options, "show_patient", True)
    assert "PLANTED" not in written(dv.montage(vol)) and "PLANTED" in written(dv.planes(vol))
    assert b"PLANTED" in saved(figure, kind, metadata={"Title": "PLANTED"})

"""Code in the manner of the classic tutorial runs on our objects: every kind of call that it makes."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from ipywidgets import widgets

import dicomview as iio  # the one line that differs


@pytest.fixture(scope="module")
def head():
    return iio.volread(iio.samples.head_ct())


@pytest.fixture(scope="module")
def knee():
    return iio.volread(str(iio.samples.knee_mr()))


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_three_looks_of_one_image():
    im = iio.imread(str(sorted(iio.samples.head_ct().iterdir())[30]))
    assert isinstance(im.meta.keys(), type({}.keys()))
    assert im.meta.PatientSex == "O" and im.meta["StudyDate"] == im.meta.StudyDate == "20200101"
    fig, axes = plt.subplots(nrows=1, ncols=3)
    shown = [
        axes[0].imshow(im, cmap="gray"),
        axes[1].imshow(im, vmin=-200, vmax=200, cmap="gray"),
        axes[2].imshow(im, vmin=-200, vmax=200, cmap="magma"),
    ]
    for ax in axes:
        ax.axis("off")
    fig.canvas.draw()
    np.testing.assert_array_equal(shown[0].get_array(), im.array)


def test_neighbouring_slices(knee):
    fig, axes = plt.subplots(nrows=1, ncols=5, figsize=(20, 15))
    for ax, k in zip(axes, range(15, 20)):
        ax.imshow(knee[k], cmap="bone")
        ax.imshow(knee[k, :, :], vmin=-300, vmax=300)
    fig.canvas.draw()


def test_field_of_view_and_aspect(head):
    d0, d1, d2 = head.meta.sampling
    n0, n1, n2 = head.meta.shape
    assert (n0 * d0, n1 * d1, n2 * d2) == pytest.approx(head.fov)
    assert d1 / d2 == head.aspect("axial")
    assert d0 / d1 == pytest.approx(d0 / d2) == head.aspect("sagittal")
    assert d0 / d2 == head.aspect("coronal")
    assert str(head.meta) and "sampling" in head.meta


def test_interact(head):
    """Step through planes with widgets.interact, aspect corrected."""
    d0, d1, d2 = head.meta.sampling
    n0, n1, n2 = head.meta.shape
    seen = []

    @widgets.interact(coronal=(0, n1 - 1), sagittal=(0, n2 - 1), k=(0, n0 - 1))
    def slicer(k=10, coronal=100, sagittal=100):
        fig, ax = plt.subplots(1, 3, figsize=(20, 15))
        ax[0].imshow(head[k, :, :], vmin=-100, vmax=100)
        ax[1].imshow(head[:, coronal, :], vmin=-100, vmax=100, aspect=d0 / d2)
        ax[2].imshow(head[:, :, sagittal], vmin=-100, vmax=100, aspect=d0 / d1)
        for axes in ax:
            axes.axis("off")
            axes.invert_yaxis()
        seen.append((k, coronal, sagittal))
        plt.close(fig)

    slicer.widget.children[0].value = 12
    assert seen[-1] == (12, 100, 100)

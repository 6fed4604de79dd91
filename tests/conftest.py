"""Fixtures: small synthetic series with known truth."""

import importlib.util
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pydicom
import pytest

from dicomview.errors import MissingPackageError

#: Programs and stand-ins, which need packages that the tests do without.
collect_ignore = [
    "audit.py",
    "benchmarks",
    "colab",
    "elsewhere.py",
    "fuzz",
    "newcomer.py",
    "notebooks.py",
    "torture",
]

matplotlib.use("Agg")
sys.path.insert(0, str(Path(__file__).parent))

#: Slice step, row step, column step (LPS, mm) of the ways in which patients are scanned.
ORIENTATIONS = {
    "axial": ([0, 0, 2.5], [0, 0.8, 0], [0.6, 0, 0]),
    "sagittal": ([3, 0, 0], [0, 0, -0.8], [0, 0.6, 0]),
    "coronal": ([0, 4, 0], [0, 0, -0.8], [0.6, 0, 0]),
    "feet first": ([0, 0, 2.5], [0, 0.8, 0], [-0.6, 0, 0]),
    "decubitus": ([0, 0, 2.5], [0.8, 0, 0], [0, -0.6, 0]),
    "oblique": (
        [0.5 * 3, 0, np.sqrt(0.75) * 3],
        [0, 0.8, 0],
        [np.sqrt(0.75) * 0.6, 0, -0.5 * 0.6],
    ),
    "tilted": ([0, 0.75, 3], [0, 0.8, 0], [0.6, 0, 0]),
}


def widgets_alive():
    """Return all widgets that were made and not closed, by model."""
    import ipywidgets

    registry = getattr(ipywidgets.widgets.widget, "_instances", None)
    return ipywidgets.Widget.widgets if registry is None else registry  # ipywidgets 7


def make_affine(orientation="axial", origin=(-20.5, -31.25, 12.75)):
    """Return the affine of an orientation, index (slice, row, column) to LPS mm."""
    affine = np.eye(4)
    affine[:3, :3] = np.column_stack(ORIENTATIONS[orientation])
    affine[:3, 3] = origin
    return affine


def make_voxels(shape=(6, 8, 10), seed=0):
    """Return integers that are all different, so that no flip or shuffle goes unseen."""
    count = int(np.prod(shape))
    order = np.random.RandomState(seed).permutation(count)
    return (order.reshape(shape) - 100).astype(np.int16)


def edit(path, **elements):
    """Set elements of a file, also of another VR: keyword=(VR, value)."""
    dataset = pydicom.dcmread(path)
    for keyword, value in elements.items():
        if isinstance(value, tuple):
            dataset.add_new(keyword, *value)
        else:
            setattr(dataset, keyword, value)
    dataset.save_as(path)


def validated(path):
    """Return a file whose every element pydicom finds valid."""
    before = pydicom.config.settings.reading_validation_mode
    pydicom.config.settings.reading_validation_mode = pydicom.config.RAISE
    try:
        dataset = pydicom.dcmread(path)
        dataset.walk(lambda _, element: element.value)
    finally:
        pydicom.config.settings.reading_validation_mode = before
    return dataset


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call():
    """Skip what reads lazily where dask is not installed."""
    try:
        return (yield)
    except MissingPackageError as error:
        if "needs dask" in str(error) and importlib.util.find_spec("dask") is None:
            pytest.skip("needs dask")
        raise


@pytest.fixture
def affine():
    return make_affine


@pytest.fixture
def voxels():
    return make_voxels


@pytest.fixture
def write(tmp_path):
    """Write a series into a folder below tmp_path: write("name", array, affine, **options) -> files."""
    from dicomview.samples import write_series

    def write(name="series", array=None, matrix=None, **options):
        folder = tmp_path / name
        array = make_voxels() if array is None else array
        matrix = make_affine() if matrix is None else matrix
        options.setdefault("description", name)
        return write_series(folder, array, matrix, **options)

    return write


@pytest.fixture
def named(monkeypatch):
    """Show what is hidden by default."""
    from dicomview.options import options

    monkeypatch.setattr(options, "show_patient", True)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Keep generated samples inside the test run, also those of kernels that tests start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def decoded(monkeypatch):
    """Return a list that gets the number of the slice, by its file name IM..., for each that is decoded."""
    from dicomview.io.decode import PixelFile
    from dicomview.io.kept import KEPT

    made = []
    stored = PixelFile.stored

    def noted(self, header):
        made.append(int(header.path.stem.removeprefix("IM")))
        return stored(self, header)

    KEPT.clear()
    monkeypatch.setattr(PixelFile, "stored", noted)
    yield made
    KEPT.clear()

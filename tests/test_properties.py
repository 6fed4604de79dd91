"""Random series, written and read back to the exact truth."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import dicomview as dv
from dicomview.samples import write_series


@st.composite
def series(draw):
    """Draw voxels, affine, rescale, order of the files and missing slices."""
    n, rows, columns = draw(st.integers(3, 9)), draw(st.integers(2, 6)), draw(st.integers(2, 6))
    random = np.random.RandomState(draw(st.integers(0, 2**31)))
    axes = np.linalg.qr(random.normal(size=(3, 3)))[0]  # any rotation, also a mirrored one
    tilt = draw(st.sampled_from([0.0, 0.0, 0.3]))
    spacing = [draw(st.sampled_from([0.3, 0.5, 0.97, 1.5, 5.0])) for _ in range(3)]
    affine = np.eye(4)
    affine[:3, :3] = axes * spacing
    affine[:3, 0] += tilt * axes[:, 1] * spacing[0]
    affine[:3, 3] = random.uniform(-200, 200, 3).round(2)
    slope, intercept = draw(st.sampled_from([(1, 0), (1, -1024), (2, 5), (0.5, 0), (1, 0.25), (3, -7)]))
    stored = random.randint(0, 2000, (n, rows, columns))
    lost = draw(st.lists(st.integers(1, n - 2), max_size=max(0, (n - 2) // 3), unique=True))
    numbers = random.permutation(n) + 1
    return stored * slope + intercept, affine, (slope, intercept), sorted(lost), numbers.tolist()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(series())
def test_what_was_written_is_read(drawn):
    values, affine, (slope, intercept), lost, numbers = drawn
    with tempfile.TemporaryDirectory() as folder:
        files = write_series(
            Path(folder) / "s", values, affine, slope=slope, intercept=intercept, signed=False,
            instance_numbers=numbers, names=[f"{number}.dcm" for number in numbers],
        )  # fmt: skip
        for k in lost:
            files[k].unlink()
        vol = dv.volread(folder)
    if np.cross(affine[:3, 2], affine[:3, 1]) @ affine[:3, 0] < 0:
        # Slices are sorted along the normal of the images.
        last = len(values) - 1
        affine = affine.copy()
        affine[:3, 3] += last * affine[:3, 0]
        affine[:3, 0] *= -1
        values, lost = values[::-1], sorted(last - k for k in lost)
    present = np.setdiff1d(np.arange(len(values)), lost)
    assert vol.report.missing == tuple(lost)
    np.testing.assert_array_equal(vol.array[present], values[present])
    np.testing.assert_allclose(vol.geometry.affine, affine, atol=1e-4)
    assert all(vol.sources[k] is None for k in lost)
    assert vol.dtype.kind == (
        "f" if isinstance(slope, float) or isinstance(intercept, float) else vol.dtype.kind
    )

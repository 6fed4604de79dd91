"""Random series, written and read back to the exact truth."""

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

import dicomview as dv
from dicomview.samples import write_series

#: Elements that tell several images at each position apart: dimension, unit and values in the file.
EXTRA = {
    "TemporalPositionIdentifier": ("time", "", [1, 2, 3]),
    "EchoTime": ("echo_time", "ms", ["4.6", "9.2", "13.8"]),
    "DiffusionBValue": ("b_value", "s/mm2", [0.0, 500.0, 1000.0]),
    "TriggerTime": ("trigger_time", "ms", ["0", "35", "70"]),
    "AcquisitionTime": ("time", "s", ["120000", "120002.5", "120005"]),
    "FrameReferenceTime": ("time", "ms", ["500", "1500", "4000"]),
    "AcquisitionNumber": ("acquisition", "", [1, 2, 4]),
}


@dataclass
class Series:
    """What is written: values of every frame, slice, row and column, and what becomes of the files."""

    values: np.ndarray
    affine: np.ndarray
    slope: float
    intercept: float
    bits: int
    is_signed: bool
    key: str | None
    numbers: list
    lost: list  # slices of which no frame has a file
    holes: list = field(default_factory=list)  # (frame, slice) without a file
    copies: list = field(default_factory=list)  # (frame, slice) written twice
    twins: list = field(default_factory=list)  # slices with another image at their place


@st.composite
def series(draw):
    """Draw a series."""
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
    bits, is_signed = draw(st.sampled_from([8, 10, 12, 16])), draw(st.booleans())
    low = -(2 ** (bits - 1)) if is_signed else 0
    key = draw(st.sampled_from([None, None, *EXTRA]))
    frames = 1 if key is None else draw(st.integers(2, 3))
    stored = random.randint(low, low + 2**bits, (frames, n, rows, columns))
    drawn = Series(
        stored * slope + intercept, affine, slope, intercept, bits, is_signed, key,
        numbers=(random.permutation(n * frames) + 1).reshape(frames, n).tolist(),
        lost=sorted(draw(st.lists(st.integers(1, n - 2), max_size=(n - 2) // 3, unique=True))),
    )  # fmt: skip
    kept = [(t, k) for t in range(frames) for k in range(n) if k not in drawn.lost]
    drawn.copies = draw(st.lists(st.sampled_from(kept), max_size=2, unique=True))
    if key is None:
        drawn.twins = draw(st.lists(st.sampled_from([k for _, k in kept]), max_size=1))
    else:
        single = [p for p in kept if 0 < p[1] < n - 1 and p not in drawn.copies]
        drawn.holes = draw(st.lists(st.sampled_from(single), max_size=1)) if single else []
    return drawn


def write(drawn, folder):
    """Write the files of a series."""
    uid = "1.2.826.0.1.3680043.8.498.1"
    for t, voxels in enumerate(drawn.values):
        extra = {} if drawn.key is None else {drawn.key: EXTRA[drawn.key][2][t]}
        files = write_series(
            folder / str(t), voxels, drawn.affine,
            slope=drawn.slope, intercept=drawn.intercept, bits_stored=drawn.bits, signed=drawn.is_signed,
            series_uid=uid, study_uid=f"{uid}.1", instance_numbers=drawn.numbers[t],
            names=[f"{number}.dcm" for number in drawn.numbers[t]],
            elements=lambda k, t=t, extra=extra: {"SOPInstanceUID": f"{uid}.{t}.{k + 1}", **extra},
        )  # fmt: skip
        for k, file in enumerate(files):
            if (t, k) in drawn.copies:
                shutil.copy(file, file.with_name(f"copy of {file.name}"))
            if k in drawn.twins:
                dataset = pydicom.dcmread(file)
                dataset.SOPInstanceUID, dataset.AcquisitionNumber = f"{uid}.9.{k + 1}", 2
                dataset.PixelData = bytes(len(dataset.PixelData))
                dataset.save_as(file.with_name(f"twin of {file.name}"))
            if k in drawn.lost or (t, k) in drawn.holes:
                file.unlink()


@settings(max_examples=70, deadline=None, derandomize=True)
@given(series())
def test_what_was_written_is_read(drawn):
    for name in ("key", "lost", "holes", "copies", "twins"):
        event(f"{name}: {bool(getattr(drawn, name))}")
    with tempfile.TemporaryDirectory() as folder:
        write(drawn, Path(folder))
        vol = dv.volread(folder)
    values, affine, lost, holes = drawn.values, drawn.affine, drawn.lost, drawn.holes
    n = values.shape[1]
    if np.cross(affine[:3, 2], affine[:3, 1]) @ affine[:3, 0] < 0:
        # Slices are sorted along the normal of the images.
        affine = affine.copy()
        affine[:3, 3] += (n - 1) * affine[:3, 0]
        affine[:3, 0] *= -1
        values, lost = values[:, ::-1], sorted(n - 1 - k for k in lost)
        holes = [(t, n - 1 - k) for t, k in holes]
    missing = sorted({(t, k) for t in range(len(values)) for k in lost} | set(holes))
    np.testing.assert_allclose(vol.geometry.affine, affine, atol=1e-4)
    if drawn.key is None:
        assert vol.dims == ("slice", "row", "column")
        assert vol.report.missing == tuple(k for _, k in missing)
    else:
        name, unit, told = EXTRA[drawn.key]
        assert vol.dims == (name, "slice", "row", "column") and vol.report.missing == tuple(missing)
        (dimension,) = vol.dimensions
        start = 120000 if drawn.key == "AcquisitionTime" else 0
        assert dimension.unit == unit
        assert dimension.values == pytest.approx([float(v) - start for v in told[: len(values)]])
    found = vol.array.reshape(values.shape)
    for t, k in np.ndindex(values.shape[:2]):
        if (t, k) not in missing:
            np.testing.assert_array_equal(found[t, k], values[t, k])
        assert (vol.sources[t * n + k] is None) == ((t, k) in missing)
    assert len(vol.report.dropped) == len(drawn.copies) + len(drawn.twins)
    assert (vol.dtype.kind == "f") == any(isinstance(v, float) for v in (drawn.slope, drawn.intercept))

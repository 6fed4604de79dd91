"""Readers of DICOM behind one call: a path to all volumes that are there."""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from torture.truth import Answer, Given

READERS = ("dicomview", "imageio", "pydicom", "SimpleITK")


def reader_of(name: str) -> tuple[Callable[[Path], Given], type | None]:
    """Return a reader by its name or as ``file.py:function``, and what its errors should be."""
    if name.startswith("dicomview"):
        from dicomview.errors import DicomviewError

        return {"dicomview": with_dicomview, "dicomview-lazy": lazily}[name], DicomviewError
    if name in READERS:
        return {"imageio": with_imageio, "pydicom": with_pydicom, "SimpleITK": with_simpleitk}[name], None
    place, _, function = name.rpartition(":")
    spec = importlib.util.spec_from_file_location("reader", place)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, function), getattr(module, "BASE", None)


def read(reader: Callable[[Path], Given], path: Path) -> Given:
    """Call a reader; Python's warnings are warnings of the reader."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        given = reader(path)
    told = [str(w.message) for w in caught if not issubclass(w.category, DeprecationWarning)]
    return Given(given.answers, (*given.warnings, *told))


def lazily(path: Path) -> Given:
    return with_dicomview(path, lazy=True)


def with_dicomview(path: Path, *, lazy: bool = False) -> Given:
    import dicomview as dv
    from dicomview.errors import SeriesError

    found = dv.find_series(path)
    told = [str(d) for d in found.dropped] + [s.reason for s in found if s.reason]
    try:
        volumes = [dv.volread(path, lazy=lazy)]
    except SeriesError:
        if len(found.volumes) < 2:
            raise
        volumes = [series.read(lazy=lazy) for series in found.volumes]
    for volume in volumes:
        report = volume.report
        told += [*report.warnings, *map(str, report.dropped)]
        told += [f"slice {k} is empty" for k in report.missing]
    return Given(tuple(map(_answer, volumes)), tuple(dict.fromkeys(told)))


def _answer(volume: Any) -> Answer:
    array = np.asarray(volume.array)
    count = len(volume.report.missing)
    extra = tuple(map(len, volume.dimensions))
    places = [
        np.ravel_multi_index(k if extra else (k,), (*extra, volume.geometry.shape[0]))
        for k in volume.report.missing
    ]
    assert len(places) == count
    return Answer(array, volume.geometry.spacing, volume.geometry.affine, tuple(map(int, places)))


def files_of(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return [Path(folder) / name for folder, _, names in os.walk(path) for name in sorted(names)]


def with_imageio(path: Path) -> Given:
    """As the tutorials do: a folder by volread, a file by imread."""
    import imageio.v2 as iio

    if not path.is_dir():
        image = iio.imread(path, format="DICOM")
        array = np.asarray(image)
        sampling = image.meta.get("sampling") or ()
        across = tuple(map(float, sampling[-2:])) if len(sampling) >= 2 else None
        return Given((Answer(array, across and (None, *across) if array.ndim > 2 else None),))
    volume = iio.volread(path, format="DICOM")
    sampling = volume.meta.get("sampling")
    is_whole = sampling is not None and len(sampling) == 3
    return Given((Answer(np.asarray(volume), tuple(map(float, sampling)) if is_whole else None),))


def with_pydicom(path: Path) -> Given:
    """The usual recipe: all files, sorted, stacked and rescaled."""
    import pydicom

    slices = [pydicom.dcmread(file) for file in files_of(path)]
    if all("ImagePositionPatient" in s for s in slices):
        slices.sort(key=lambda s: float(s.ImagePositionPatient[2]))
    else:
        slices.sort(key=lambda s: int(s.get("InstanceNumber") or 0))
    images = [
        s.pixel_array * float(s.get("RescaleSlope", 1)) + float(s.get("RescaleIntercept", 0)) for s in slices
    ]
    array = images[0] if len(images) == 1 else np.stack(images)
    spacing = None
    if len(slices) > 1 and "PixelSpacing" in slices[0] and "ImagePositionPatient" in slices[0]:
        first, second = (np.array(s.ImagePositionPatient, float) for s in slices[:2])
        spacing = (float(np.linalg.norm(second - first)), *map(float, slices[0].PixelSpacing))
    return Given((Answer(array, spacing),))


def with_simpleitk(path: Path) -> Given:
    import SimpleITK as sitk

    if not path.is_dir():
        return Given((_of_sitk(sitk, sitk.ReadImage(os.fspath(path)), is_series=False),))
    folders = dict.fromkeys([path, *(file.parent for file in files_of(path))])
    answers = []
    for folder in folders:
        for uid in sitk.ImageSeriesReader.GetGDCMSeriesIDs(os.fspath(folder)):
            reader = sitk.ImageSeriesReader()
            reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(os.fspath(folder), uid))
            answers.append(_of_sitk(sitk, reader.Execute(), is_series=True))
    if not answers:
        raise RuntimeError(f"{path}: no DICOM series were found in the folder")
    return Given(tuple(answers))


def _of_sitk(sitk: Any, image: Any, *, is_series: bool) -> Answer:
    array = sitk.GetArrayFromImage(image)
    if not is_series or image.GetDimension() != 3:
        return Answer(array)
    spacing = np.array(image.GetSpacing())
    affine = np.eye(4)
    affine[:3, :3] = (np.array(image.GetDirection()).reshape(3, 3) * spacing)[:, ::-1]
    affine[:3, 3] = image.GetOrigin()
    return Answer(array, tuple(map(float, spacing[::-1])), affine)

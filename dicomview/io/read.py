"""Reading: find_series, volread, mvolread and imread."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import pydicom

from dicomview.errors import DecodeError, PathError, SeriesError
from dicomview.io.assemble import names
from dicomview.io.decode import PixelFile, rescale_of, value_padding
from dicomview.io.discover import SUFFIXES, PathLike, Paths, scan
from dicomview.io.grouping import group_headers
from dicomview.io.headers import looks_like_dicom, read_headers, read_meta
from dicomview.io.progress import progress
from dicomview.io.realworld import mapping_elements, mapping_warnings
from dicomview.io.series import Series, SeriesList, choose, is_color, no_volume
from dicomview.io.sources import File, existing, is_archive
from dicomview.volume import Dropped, Image, Report, Source, Volume
from dicomview.volume.meta import safe_text

__all__ = ["dataset", "find_series", "imread", "mvolread", "read_image", "volread"]


def find_series(path: Paths) -> SeriesList:
    """List the series at a path; headers only.

    Parameters
    ----------
    path : str, PathLike, list of these, bytes or binary file
        Folder (searched recursively), file, zip or tar archive, DICOMDIR, list of files, or the contents of a
        file.

    Returns
    -------
    SeriesList
        A sequence of :class:`Series` that prints as a table, with the reason for whatever is no volume.

    Raises
    ------
    PathError
        If there is nothing at the path.

    Examples
    --------
    >>> import dicomview as dv
    >>> [series.modality for series in dv.find_series(dv.samples.head_ct())]
    ['CT']
    """
    headers, dropped, others = scan(path)

    def read(series: Series) -> Volume:
        return _read_series(series, dropped)

    return SeriesList(group_headers(headers, reader=read), dropped=dropped, others=others)


def volread(path: Paths, *, series: int | str | Series | None = None) -> Volume:
    """Read the volume at a path.

    Parameters
    ----------
    path : str, PathLike, list of these, bytes or binary file
        Folder (searched recursively), file, zip or tar archive, DICOMDIR, list of files, the bytes of a file,
        an open file, or a URL. A file that is not DICOM is read by imageio's own plugins.
    series : int, str or Series, optional
        Which series, where there are several: its number in :func:`find_series`, its UID, a part of its
        description, or the element of the table itself.

    Returns
    -------
    Volume
        Array order (slice, row, column), sorted by position.

    Raises
    ------
    PathError
        If there is nothing at the path.
    SeriesError
        If there is no volume, or several and ``series`` does not say which.
    DecodeError
        If the files cannot be read or decoded.

    Examples
    --------
    >>> import dicomview as dv
    >>> vol = dv.volread(dv.samples.head_ct())
    >>> vol.dims
    ('slice', 'row', 'column')
    """
    if isinstance(path, str) and "://" in path:
        pass  # imageio fetches it
    elif isinstance(path, str | os.PathLike):
        path = existing(path)
        if _is_foreign(path):
            return Volume.from_array(_foreign(path))
    elif not isinstance(path, bytes) and not hasattr(path, "read"):
        return choose(find_series(path), series).read()
    with iio.imopen(_as_uri(path), "rv", plugin="dicomview") as file:  # type: ignore[call-overload]
        volume: Volume = file.read(series=series)
        return volume


def mvolread(path: Paths) -> list[Volume]:
    """Read every volume at a path.

    Parameters
    ----------
    path : str, PathLike or list of these

    Returns
    -------
    list of Volume
        In the order of :func:`find_series`.

    Raises
    ------
    PathError, SeriesError, DecodeError
        As for :func:`volread`.

    Examples
    --------
    >>> import dicomview as dv
    >>> [vol.meta.Modality for vol in dv.mvolread(dv.samples.knee_mr())]
    ['MR']
    """
    found = find_series(path)
    volumes = found.volumes
    if not volumes:
        raise SeriesError(no_volume(found))
    return [series.read() for series in volumes]


def imread(path: PathLike) -> Image:
    """Read one image.

    Parameters
    ----------
    path : str or PathLike
        A file. If it is not DICOM, imageio's own plugins read it.

    Returns
    -------
    Image
        Values after the Modality LUT, shape (rows, columns), or RGB; with ``meta``.

    Raises
    ------
    PathError
        If there is no such file.
    DecodeError
        If the file cannot be read or decoded.

    Examples
    --------
    >>> import dicomview as dv
    >>> dv.imread(next(dv.samples.head_ct().iterdir())).meta.StudyDate
    '20200101'
    """
    path = existing(path)
    if path.is_dir():
        raise PathError(f"imread reads one file, and {path.name!r} is a folder: use volread")
    if _is_foreign(path):
        return Image(_foreign(path))
    with iio.imopen(_as_uri(path), "ri", plugin="dicomview") as file:  # type: ignore[call-overload]
        image: Image = file.read()
        return image


def dataset(volume: Volume, index: int | tuple[int, ...]) -> pydicom.Dataset:
    """Return the pydicom dataset of a slice's file, without pixel data.

    Parameters
    ----------
    volume : Volume
        Read from files.
    index : int or tuple of int
        Slice; with extra dimensions ``(frame ..., slice)``.

    Returns
    -------
    pydicom.Dataset

    Raises
    ------
    SeriesError
        If the slice has no file: a missing one, an archive's, or a volume made from an array.

    Examples
    --------
    >>> import dicomview as dv
    >>> dv.dataset(dv.volread(dv.samples.head_ct()), 0).InstanceNumber
    '1'
    """
    shape = (*map(len, volume.dimensions), volume.geometry.shape[0])
    places = (index,) if isinstance(index, int | np.integer) else tuple(index)
    source = None
    if len(places) == len(shape) and all(-n <= i < n for i, n in zip(places, shape)) and volume.sources:
        flat = np.ravel_multi_index([i % n for i, n in zip(places, shape)], shape)
        source = volume.sources[int(flat)]
    if source is None or not source.path.is_file():
        raise SeriesError(f"slice {index} has no file to read")
    return pydicom.dcmread(source.path, stop_before_pixels=True, force=True)


def _is_foreign(path: PathLike) -> bool:
    """Return whether a path is a file that is not DICOM but that imageio may know."""
    path = Path(path).expanduser()
    if path.suffix.lower() in SUFFIXES or not path.is_file():
        return False
    return not looks_like_dicom(path) and not is_archive(path)


def _as_uri(path: Any) -> Any:
    """Return a path as imageio takes it: text, bytes or an open file."""
    return os.fspath(path) if isinstance(path, os.PathLike) else path


def _foreign(path: Path) -> np.ndarray:
    """Read an array in another format through imageio's own plugins."""
    try:
        return np.asarray(iio.imread(path))
    except Exception as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise DecodeError(
            f"{path.name} is neither DICOM nor in a format that imageio can read here ({reason})"
        ) from error


def read_image(path: File) -> Image:
    """Read one DICOM file as an image."""
    if not looks_like_dicom(path):
        raise DecodeError(f"{path.name} is not a DICOM file ({path.stat().st_size} bytes)")
    header, *more = read_headers(path)
    if not header.has_pixels:
        kind = f" ({safe_text(header.modality)})" if header.modality else ""
        raise DecodeError(f"{path.name} holds no pixel data{kind}: it is not an image")
    if more:
        raise DecodeError(f"{path.name} holds {1 + len(more)} images: read it with volread")
    rescale = rescale_of([header])
    values = PixelFile(path).values(header, rescale)
    (single,) = group_headers([header], reader=_read_series)
    return Image(
        values,
        meta=read_meta(path),
        geometry=single.stack.geometry,
        source=Source(Path(path), header.sop_instance_uid),
        padding=value_padding(header, rescale),
    )


def _read_series(series: Series, unreadable: Sequence[Dropped] = ()) -> Volume:
    """Decode the slices of a series into one array."""
    stack = series.stack
    rescale = rescale_of(stack.present)
    count = len(stack.headers)
    array: np.ndarray | None = None
    failed: dict[int, DecodeError] = {}
    file: tuple[File, PixelFile] | None = None
    # File after file: the images of a multi-frame file share one reader.
    order = sorted(
        (k for k, header in enumerate(stack.headers) if header is not None),
        key=lambda k: (stack.headers[k].path, stack.headers[k].frame or 0),  # type: ignore[union-attr]
    )
    for k in progress(order, "slices"):
        header = stack.headers[k]
        assert header is not None
        try:
            if file is None or file[0] != header.path:
                file = header.path, PixelFile(header.path)
            values = file[1].values(header, rescale)
        except DecodeError as error:
            failed[k] = error
            continue
        if array is None:
            array = np.zeros((count, *values.shape), dtype=values.dtype)
        elif values.shape != array.shape[1:]:
            failed[k] = DecodeError(f"{header.name}: pixels of shape {values.shape} among {array.shape[1:]}")
            continue
        elif not np.can_cast(values.dtype, array.dtype):
            array = array.astype(np.promote_types(values.dtype, array.dtype))
        array[k] = values
    if array is None:
        raise next(iter(failed.values()))
    first = stack.present[0]
    padding = value_padding(first, rescale)
    empty = sorted({k for k, header in enumerate(stack.headers) if header is None} | set(failed))
    if empty and first.modality == "SEG" and not failed:
        empty = []  # frames that are not stored are empty masks: the zeros that they are
    if empty:
        array[empty] = _filling(array, empty, padding)
    decoded = [k for k in order if k not in failed]
    middle = stack.headers[min(decoded, key=lambda k: abs(k - count // 2))]
    assert middle is not None
    slices = stack.geometry.shape[0]
    extra = tuple(len(dimension) for dimension in stack.dimensions)
    missing = [tuple(int(i) for i in np.unravel_index(k, (*extra, slices))) for k in empty]
    return Volume(
        array.reshape(*extra, slices, *array.shape[1:]),
        geometry=stack.geometry,
        dims=(
            *(d.name for d in stack.dimensions),
            "slice",
            "row",
            "column",
            *(("rgb",) if is_color(first) else ()),
        ),
        dimensions=stack.dimensions,
        meta={**read_meta(middle.path), **mapping_elements(stack.present)},
        report=Report(
            (
                *series.warnings,
                *mapping_warnings(stack.present),
                *_empty_slices(failed),
                *_unreadable_files(unreadable),
            ),
            (*stack.dropped, *unreadable),
            tuple(place if extra else place[0] for place in missing),
        ),
        sources=[
            None if h is None else Source(Path(h.path), h.sop_instance_uid, h.frame) for h in stack.headers
        ],
        padding=padding,
    )


def _empty_slices(failed: Mapping[int, DecodeError]) -> list[str]:
    """Say which slices are empty because their file cannot be decoded, the first few one by one."""
    told = [f"slice {k} is empty: {error}" for k, error in failed.items()]
    return told if len(told) <= 5 else [*told[:5], f"{len(told) - 5} more slices are empty"]


def _unreadable_files(unreadable: Sequence[Dropped]) -> list[str]:
    if not unreadable:
        return []
    return [f"not readable, beside the series: {names(str(dropped) for dropped in unreadable)}"]


def _filling(array: np.ndarray, missing: list[int], padding: tuple[float, float] | None) -> Any:
    """Return the value of slices that are not there: padding, or the lowest value of the others."""
    if padding is not None and array.ndim == 3:
        low = np.array(padding[0])
        if array.dtype.kind == "f" or low == low.astype(array.dtype):
            return low.astype(array.dtype)
    present = np.ones(len(array), dtype=bool)
    present[missing] = False
    return array[present].min()

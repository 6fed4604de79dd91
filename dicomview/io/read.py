"""Reading: find_series, volread, mvolread and imread."""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pydicom

from dicomview.errors import (
    DecodeError,
    PathError,
    SeriesError,
    UnsupportedError,
)
from dicomview.io.cache import HeaderCache
from dicomview.io.decode import PixelFile, rescale_of, value_padding
from dicomview.io.discover import PathLike, Paths, scan
from dicomview.io.doubts import FILES
from dicomview.io.eager import read_eagerly
from dicomview.io.elements import SliceElements
from dicomview.io.failures import not_dicom, reader, reading
from dicomview.io.foreign import is_foreign, opened, read_foreign
from dicomview.io.grouping import group_headers
from dicomview.io.headers import looks_like_dicom, read_headers
from dicomview.io.inflate import opened as inflatable
from dicomview.io.lazy import read_lazily
from dicomview.io.omezarr import is_zarr, read_zarr
from dicomview.io.quiet import warn
from dicomview.io.remote import is_address, is_of_imageio, remote_files
from dicomview.io.series import Lazy, Series, SeriesList, choose, no_volume
from dicomview.io.sources import File, existing, plain, reopened
from dicomview.volume import Dropped, Image, Source, Volume
from dicomview.volume.meta import safe_text

__all__ = ["dataset", "find_series", "imread", "mvolread", "read_image", "series_of", "volread"]

_FOLDER = "imread reads one file, and this is a folder"


@reader
def find_series(
    path: Paths,
    *,
    cache: str | os.PathLike[str] | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> SeriesList:
    """List the series at a path; headers only.

    Parameters
    ----------
    path : str, PathLike, list of these, bytes or binary file
        Folder (searched recursively), file, zip or tar archive, DICOMDIR, list of files, or the contents of a
        file. Also the URL of a folder or file that fsspec reaches: ``"s3://bucket/study/"``.
    cache : path-like, optional
        File that keeps what the headers said for the next time; it is made if it is not there. Files that
        are as they were (path, size, time of change) are then not opened again until they are read. It holds
        numbers only (sizes, positions, times): no names, descriptions, UIDs or paths.
    storage_options : mapping, optional
        For a URL: keys, tokens and the like, as fsspec takes them.

    Returns
    -------
    SeriesList
        A sequence of :class:`Series` that prints as a table, with the reason for whatever is no volume.

    Raises
    ------
    PathError
        If there is nothing at the path.
    ServerError, MissingPackageError
        If the place of a URL does not answer, or fsspec is not installed.

    Examples
    --------
    >>> import dicomview as dv
    >>> [series.modality for series in dv.find_series(dv.samples.head_ct())]
    ['CT']
    """
    return series_of(path, cache=cache, storage_options=storage_options)


def series_of(
    path: Paths,
    *,
    cache: str | os.PathLike[str] | None = None,
    storage_options: Mapping[str, Any] | None = None,
    dropped: Sequence[Dropped] = (),
) -> SeriesList:
    """List the series of files, beside some that could not be had at all."""
    headers, unreadable, others = scan(path, None if cache is None else HeaderCache(cache), storage_options)
    unreadable = [*dropped, *unreadable]
    read = partial(_read_series if cache is None else _read_anew, unreadable=unreadable)
    place = Path(path) if isinstance(path, str | os.PathLike) and not is_address(path) else None
    found = group_headers(headers, reader=read, dropped=unreadable)
    return SeriesList(found, dropped=unreadable, others=others, path=place)


@reader
def volread(
    path: Paths,
    *,
    series: int | str | Series | None = None,
    lazy: bool = False,
    level: int | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> Volume:
    """Read the volume at a path.

    Parameters
    ----------
    path : str, PathLike, list of these, bytes or binary file
        Folder (searched recursively), file, zip or tar archive, DICOMDIR, list of files, the bytes of a file,
        an open file, or a URL; the folder of a zarr array or OME-Zarr image. A file that is not DICOM is
        read by imageio's own plugins. The URL of a folder, on a web server with a slash at its end, is
        searched through fsspec, and only what is needed of its files is fetched.
    series : int, str or Series, optional
        Which series, where there are several: its number in :func:`find_series`, its UID, a part of its
        description, or the element of the table itself.
    lazy : bool
        Whether slices are decoded only when they are asked for: ``array`` is then a dask array with a chunk
        for every slice. Its type is the smallest that holds all values that the headers allow, which may be
        a wider one than the values need. A slice that cannot be decoded raises when it is asked for. A zarr
        array or OME-Zarr image is always lazy, chunk by chunk.
    level : int, optional
        Which level of a multiscale OME-Zarr image: 0 is the finest and the default, -1 the coarsest.
    storage_options : mapping, optional
        For a URL: keys, tokens and the like, as fsspec takes them.

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
    MissingPackageError
        If dask is not installed, with ``lazy``.
    MemoryBudgetError
        If the array would take more memory than ``dicomview.options.memory_budget``.

    Examples
    --------
    >>> import dicomview as dv
    >>> vol = dv.volread(dv.samples.head_ct())
    >>> vol.dims
    ('slice', 'row', 'column')
    """
    if is_address(path):
        if storage_options is not None or not is_of_imageio(str(path)):
            return choose(find_series(path, storage_options=storage_options), series).read(lazy=lazy)
    elif isinstance(path, str | os.PathLike):
        path = existing(path)
        if is_zarr(path):
            return read_zarr(path, level=level or 0)
        if level is not None:
            raise SeriesError(
                "level= chooses among those of an OME-Zarr image, and this is none",
                path=path,
                remedy="leave it out",
            )
        if is_foreign(path):
            if lazy:
                raise UnsupportedError(
                    "what is not DICOM can only be read as a whole", path=path, remedy="leave out lazy=True"
                )
            return Volume.from_array(read_foreign(path))
    elif not isinstance(path, bytes) and not hasattr(path, "read"):
        return choose(find_series(path, storage_options=storage_options), series).read(lazy=lazy)
    with opened(path, "rv") as file:
        volume: Volume = file.read(series=series, lazy=lazy)
        return volume


@reader
def mvolread(
    path: Paths, *, lazy: bool = False, storage_options: Mapping[str, Any] | None = None
) -> list[Volume]:
    """Read every volume at a path.

    Parameters
    ----------
    path : str, PathLike or list of these
    lazy : bool
        Whether slices are decoded only when they are asked for, as for :func:`volread`.
    storage_options : mapping, optional
        For a URL, as for :func:`volread`.

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
    found = find_series(path, storage_options=storage_options)
    volumes = found.volumes
    if not volumes:
        raise no_volume(found)
    return [series.read(lazy=lazy) for series in volumes]


@reader
def imread(path: PathLike | bytes | BinaryIO, *, storage_options: Mapping[str, Any] | None = None) -> Image:
    """Read one image.

    Parameters
    ----------
    path : str, PathLike, bytes or binary file
        A file, its bytes, an open file, or a URL. A file that is not DICOM is read by imageio's own plugins.
    storage_options : mapping, optional
        For a URL, as for :func:`volread`.

    Returns
    -------
    Image
        Values after the Modality LUT, shape (rows, columns), or RGB; with ``meta``.

    Raises
    ------
    PathError
        If there is no such file.
    ServerError, MissingPackageError
        If the place of a URL does not answer, or fsspec is not installed.
    DecodeError
        If the file cannot be read or decoded.
    MemoryBudgetError
        If the image would take more memory than ``dicomview.options.memory_budget``.

    Examples
    --------
    >>> import dicomview as dv
    >>> dv.imread(next(dv.samples.head_ct().iterdir())).meta.StudyDate
    '20200101'
    """
    if isinstance(path, str | os.PathLike) and not is_address(path):
        path = existing(path)
        if path.is_dir():
            raise PathError(_FOLDER, path=path, remedy="use volread")
        if is_foreign(path):
            return Image(read_foreign(path))
    if is_address(path) and (storage_options is not None or not is_of_imageio(str(path))):
        files, is_file = remote_files(str(path), storage_options)
        if not is_file:
            raise PathError(_FOLDER, remedy="use volread")
        return read_image(files[0])
    with opened(path, "ri") as file:
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
        If the slice has no file: a missing one, bytes, or a volume made from an array.

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
    file = None if source is None else reopened(source.path)
    if file is None:
        raise SeriesError(
            f"slice {index} has no file to read", remedy="take one of volume.sources that is not None"
        )
    with reading(file), inflatable(file) as stream:
        return pydicom.dcmread(stream, stop_before_pixels=True, force=True)


@reader
def read_image(path: File) -> Image:
    """Read one DICOM file as an image."""
    if not looks_like_dicom(path):
        raise not_dicom(path)
    header, *more = read_headers(path)
    if not header.has_pixels:
        kind = f" ({safe_text(header.modality)})" if header.modality else ""
        raise UnsupportedError(
            f"the file holds no PixelData{kind}, it is not an image",
            path=path,
            tag="PixelData",
            remedy="take an image, or read the elements with pydicom.dcmread",
        )
    if more:
        raise UnsupportedError(
            f"NumberOfFrames says that the file holds {1 + len(more)} images",
            path=path,
            tag="NumberOfFrames",
            remedy="read it with volread",
        )
    rescale = rescale_of([header])
    file = PixelFile(path)
    values = file.values(header, rescale)
    for remark in header.remarks:
        warn(remark.replace(FILES, path.name))
    for odd in sorted(file.oddities):
        warn(f"{path.name}: {odd}")
    elements = SliceElements(1)
    elements.add(0, file.elements, header.frame)
    (single,) = group_headers([header], reader=_read_series)
    return Image(
        values,
        meta=elements.meta(),
        geometry=single.stack.geometry,
        source=Source(Path(path), header.sop_instance_uid),
        padding=value_padding(header, rescale),
    )


def _read_series(series: Series, lazy: Lazy = False, unreadable: Sequence[Dropped] = ()) -> Volume:
    """Decode the slices of a series into one array, or prepare for that."""
    if lazy:
        return read_lazily(series, unreadable, planewise=lazy == "planewise")
    return read_eagerly(series, unreadable)


def _read_anew(series: Series, lazy: Lazy = False, unreadable: Sequence[Dropped] = ()) -> Volume:
    """Read the headers of a series that came from a cache, then its pixels."""
    images = series.images
    headers, failed, _ = scan(list(dict.fromkeys(path for path, _, _ in images)))
    headers = [h for h in headers if (h.path, h.frame, h.tile) in images]
    if failed or len(headers) != len(images):
        raise DecodeError(
            f"the series was changed after it was found ({failed[0] if failed else 'its files are others'})",
            path=failed[0].path if failed else plain(next(iter(images))[0]),
            remedy="call find_series again",
        )
    reader = partial(_read_series, unreadable=unreadable)
    again = series.again(headers, reader)
    return again.read_planewise() if lazy == "planewise" else again.read(lazy=lazy)

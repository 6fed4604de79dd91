"""Reading: find_series, volread, mvolread and imread."""

import os
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np

from dicomview.errors import DecodeError, PathError, SeriesError
from dicomview.io.decode import decode_values, rescale_of, value_padding
from dicomview.io.discover import SUFFIXES, PathLike, Paths, existing, read_headers
from dicomview.io.headers import looks_like_dicom, read_header, read_meta
from dicomview.io.progress import progress
from dicomview.io.series import Series, SeriesList, group_headers, is_color
from dicomview.volume import Dropped, Image, Report, Source, Volume
from dicomview.volume.meta import safe_text

__all__ = ["choose", "find_series", "imread", "mvolread", "read_image", "volread"]


def find_series(path: Paths) -> SeriesList:
    """List the series at a path; headers only.

    Parameters
    ----------
    path : str, PathLike or list of these
        Folder (searched recursively), file, or list of files.

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
    headers, dropped, others = read_headers(path)

    def read(series: Series) -> Volume:
        return _read_series(series, dropped)

    return SeriesList(group_headers(headers, reader=read), dropped=dropped, others=others)


def volread(path: Paths, *, series: int | str | None = None) -> Volume:
    """Read the volume at a path.

    Parameters
    ----------
    path : str, PathLike or list of these
        Folder (searched recursively), file, or list of files. A file that is not DICOM is read by
        imageio's own plugins.
    series : int or str, optional
        Which series, where there are several: its number in :func:`find_series`, its UID, or a part of its
        description.

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
    if not isinstance(path, str | os.PathLike):
        return choose(find_series(path), series).read()
    path = existing(path)
    if _is_foreign(path):
        return _read_foreign(path)
    with iio.imopen(os.fspath(path), "rv", plugin="dicomview") as file:  # type: ignore[call-overload]
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
        raise SeriesError(_no_volume(found))
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
        return Image(np.asarray(iio.imread(path)))
    with iio.imopen(os.fspath(path), "ri", plugin="dicomview") as file:  # type: ignore[call-overload]
        image: Image = file.read()
        return image


def choose(found: SeriesList, wanted: int | str | None) -> Series:
    """Return the series that is meant, or raise SeriesError with the table."""
    if wanted is None:
        volumes = found.volumes
        if len(volumes) > 1:
            # A scout or a single tracking image beside one volume does not make it ambiguous.
            volumes = [s for s in volumes if s.shape is not None and s.shape[0] > 1] or volumes
        if len(volumes) == 1:
            return volumes[0]
        if not volumes:
            raise SeriesError(_no_volume(found))
        raise SeriesError(f"{len(volumes)} volumes are here; {_how_to_choose(found)}")
    if isinstance(wanted, int):
        if not -len(found) <= wanted < len(found):
            raise SeriesError(f"there is no series number {wanted}; {_how_to_choose(found)}")
        return found[wanted]
    hits = [s for s in found if s.uid == wanted] or [
        s for s in found if wanted.casefold() in s.description.casefold()
    ]
    hits = [s for s in hits if s.reason is None] or hits
    if len(hits) != 1:
        raise SeriesError(f"series={wanted!r} fits {len(hits)} series; {_how_to_choose(found)}")
    return hits[0]


def _how_to_choose(found: SeriesList) -> str:
    return f"choose with series= a number, a UID or a part of the description:\n{found!r}"


def _no_volume(found: SeriesList) -> str:
    """Say what is there instead of a volume."""
    if len(found):
        return f"no volume is here:\n{found!r}"
    if found.dropped:
        return "no file could be read as DICOM:\n" + "\n".join(map(str, found.dropped))
    if found.others:
        return f"none of the {found.others} files is DICOM: point to the folder with the images"
    return "the folder is empty: point to the folder with the images"


def _is_foreign(path: PathLike) -> bool:
    """Return whether a path is a file that is not DICOM but that imageio may know."""
    path = Path(path).expanduser()
    return path.suffix.lower() not in SUFFIXES and path.is_file() and not looks_like_dicom(path)


def _read_foreign(path: Path) -> Volume:
    """Read a volume in another format through imageio's own plugins."""
    try:
        array = np.asarray(iio.imread(path))
    except Exception as error:
        raise DecodeError(
            f"{path.name} is neither DICOM nor in a format that imageio can read here ({error})"
        ) from error
    if array.ndim == 3 and array.shape[-1] in (3, 4) and array.dtype == np.uint8:
        array = array[None]
    return Volume.from_array(array)


def read_image(path: PathLike) -> Image:
    """Read one DICOM file as an image."""
    path = Path(path)
    if not looks_like_dicom(path):
        raise DecodeError(f"{path.name} is not a DICOM file ({path.stat().st_size} bytes)")
    header = read_header(path)
    if not header.has_pixels:
        kind = f" ({safe_text(header.modality)})" if header.modality else ""
        raise DecodeError(f"{path.name} holds no pixel data{kind}: it is not an image")
    if header.number_of_frames > 1:
        raise DecodeError(f"{path.name} holds {header.number_of_frames} frames, not one image")
    rescale = rescale_of([header])
    values = decode_values(header, rescale)
    (single,) = group_headers([header], reader=_read_series)
    return Image(
        values,
        meta=read_meta(path),
        geometry=single.stack.geometry,
        source=Source(path, header.sop_instance_uid),
        padding=value_padding(header, rescale),
    )


def _read_series(series: Series, unreadable: list[Dropped] | tuple[()] = ()) -> Volume:
    """Decode the slices of a series into one array."""
    stack = series.stack
    rescale = rescale_of(stack.present)
    array: np.ndarray | None = None
    failed: dict[int, DecodeError] = {}
    for k, header in progress(list(enumerate(stack.headers)), "slices"):
        if header is None:
            continue
        try:
            values = decode_values(header, rescale)
        except DecodeError as error:
            failed[k] = error
            continue
        if array is None:
            array = np.zeros((len(stack.headers), *values.shape), dtype=values.dtype)
        elif not np.can_cast(values.dtype, array.dtype):
            array = array.astype(np.promote_types(values.dtype, array.dtype))
        array[k] = values
    if array is None:
        raise next(iter(failed.values()))
    first = stack.present[0]
    padding = value_padding(first, rescale)
    missing = sorted({*stack.missing, *failed})
    if missing:
        array[missing] = _filling(array, missing, padding)
    warnings = [*stack.warnings]
    warnings += [f"slice {k} is empty: {error}" for k, error in failed.items()]
    warnings += [f"a file beside the series is not readable: {dropped}" for dropped in unreadable]
    sources: list[Source | None] = [
        None if header is None else Source(header.path, header.sop_instance_uid) for header in stack.headers
    ]
    decoded = [k for k, header in enumerate(stack.headers) if header is not None and k not in failed]
    middle = min(decoded, key=lambda k: abs(k - len(stack.headers) // 2))
    middle_header = stack.headers[middle]
    assert middle_header is not None
    return Volume(
        array,
        geometry=stack.geometry,
        dims=("slice", "row", "column", *(("rgb",) if is_color(first) else ())),
        meta=read_meta(middle_header.path),
        report=Report(tuple(warnings), (*stack.dropped, *unreadable), tuple(missing)),
        sources=sources,
        padding=padding,
    )


def _filling(array: np.ndarray, missing: list[int], padding: tuple[float, float] | None) -> Any:
    """Return the value of slices that are not there: padding, or the lowest value of the others."""
    if padding is not None and array.ndim == 3:
        low = np.array(padding[0])
        if array.dtype.kind == "f" or low == low.astype(array.dtype):
            return low.astype(array.dtype)
    present = np.ones(len(array), dtype=bool)
    present[missing] = False
    return array[present].min()

"""Glance: the middle slice of a series, without the others."""

from dicomview.errors import SeriesError
from dicomview.geometry import Geometry
from dicomview.io.decode import find_pixels, rescale_of, value_padding
from dicomview.io.elements import SliceElements, without_pixels
from dicomview.io.lazy import lazy_slice, type_of_values
from dicomview.io.quiet import quiet
from dicomview.io.series import Series, is_color
from dicomview.volume import Volume

__all__ = ["read_glance"]


def read_glance(series: Series) -> Volume:
    """Read the middle slice of a series, of the middle frame; of a multi-frame file that frame only.

    Parameters
    ----------
    series : Series
        Also one that is no volume, as long as it has images.

    Returns
    -------
    Volume
        Of one slice.

    Raises
    ------
    SeriesError
        If the series has no images.
    DecodeError
        If the slice cannot be decoded.

    Examples
    --------
    >>> import dicomview as dv
    >>> read_glance(dv.find_series(dv.samples.head_ct())[0]).shape
    (1, 512, 512)
    """
    stack = series.stack
    frames = [len(dimension) for dimension in stack.dimensions]
    count = stack.geometry.shape[0]
    middle = 0
    for extent in frames:
        middle = middle * extent + extent // 2
    middle = middle * count + count // 2
    there = [
        k for k, h in enumerate(stack.headers) if h is not None and h.has_pixels and h.rows and h.columns
    ]
    if not there:
        raise SeriesError(
            f"{series.title or 'the series'} has no images: {series.reason}",
            path=series.files[0],
            remedy="take another series",
        )
    header = stack.headers[min(there, key=lambda k: abs(k - middle))]
    assert header is not None
    places, rescale = find_pixels(header.path), rescale_of([header])
    values = lazy_slice(header, rescale, type_of_values(header, rescale, places), places).values()
    elements = SliceElements(1)
    with quiet():
        elements.add(0, without_pixels(places.header), header.frame)
        meta = elements.meta()
    geometry = stack.geometry
    return Volume(
        values[None],
        geometry=Geometry(
            (1, header.rows, header.columns), spacing=(None, *geometry.spacing[1:]), affine=geometry.affine
        ),
        dims=("slice", "row", "column", *(("rgb",) if is_color(header) else ())),
        meta=meta,
        padding=value_padding(header, rescale),
    )

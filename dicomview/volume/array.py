"""ArrayLike: what a Volume and an Image share, and Image, one slice."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from dicomview.geometry import Geometry
from dicomview.volume.meta import Meta, safe_text
from dicomview.volume.report import Source

__all__ = ["ArrayLike", "Image"]


class ArrayLike(np.lib.mixins.NDArrayOperatorsMixin):
    """An array with a header: usable wherever numpy takes an array.

    Indexing, arithmetic and numpy functions give plain arrays; every attribute of the array
    (``max()``, ``astype()``, ``T`` ...) is there as well.
    """

    array: Any
    meta: Meta

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = np.asarray(self.array)
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError(f"values of {array.dtype} cannot be had as {np.dtype(dtype)} without a copy")
            return array.astype(dtype)
        return array.copy() if copy else array

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        plain = [x.array if isinstance(x, ArrayLike) else x for x in inputs]
        if "out" in kwargs:
            (out,) = kwargs["out"]
            kwargs["out"] = (out.array if isinstance(out, ArrayLike) else out,)
            getattr(ufunc, method)(*plain, **kwargs)
            return out  # vol += 1 leaves a volume
        return getattr(ufunc, method)(*plain, **kwargs)

    def __getitem__(self, key: Any) -> Any:
        return self.array[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self.array[key] = value

    def __len__(self) -> int:
        return len(self.array)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.array)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "array":
            raise AttributeError(name)
        try:
            return getattr(self.array, name)
        except AttributeError:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}") from None

    def __bool__(self) -> bool:
        return bool(self.array)

    @property
    def shape(self) -> tuple[int, ...]:
        """Extent of every dimension."""
        return tuple(self.array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return self.array.dtype  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)


class Image(ArrayLike):
    """One slice: values, header and place.

    Attributes
    ----------
    array : ndarray of shape (rows, columns) or (rows, columns, 3)
        Values after the Modality LUT, or RGB.
    meta : Meta
        Elements of its header.
    geometry : Geometry
        That of a volume of one slice.
    source : Source or None
        The file.
    padding : tuple of float or None
        Closed range of values that mean "no data".

    Examples
    --------
    >>> import dicomview as dv
    >>> im = dv.imread(sorted(dv.samples.head_ct().iterdir())[0])
    >>> im.meta.PatientSex, im.shape
    ('O', (512, 512))
    """

    def __init__(
        self,
        array: np.ndarray,
        *,
        meta: Meta | None = None,
        geometry: Geometry | None = None,
        source: Source | None = None,
        padding: tuple[float, float] | None = None,
    ) -> None:
        self.array = array
        rows, columns = array.shape[:2]
        self.geometry = geometry or Geometry((1, rows, columns))
        self.meta = Meta() if meta is None else meta
        self.source = source
        self.padding = padding
        self.meta["sampling"] = self.sampling
        self.meta["shape"] = self.shape

    @property
    def sampling(self) -> tuple[float | None, ...] | None:
        """Distance in mm between rows and between columns; None where the file does not say."""
        spacing = self.geometry.spacing[1:]
        return None if spacing == (None, None) else spacing

    @property
    def aspect(self) -> float | None:
        """Height of a pixel / its width, for matplotlib's ``aspect``; None when not known."""
        height, width = self.geometry.spacing[1:]
        return None if height is None or width is None else height / width

    def __repr__(self) -> str:
        words = ["Image", safe_text(self.meta.get("Modality", "")), " × ".join(map(str, self.shape))]
        return " ".join(word for word in [*words, str(self.dtype)] if word)

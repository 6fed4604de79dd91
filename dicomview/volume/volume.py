"""Volume: an array of slices with geometry, header, report and sources."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicomview.display import Window, auto_window
from dicomview.errors import GeometryError
from dicomview.geometry import PLANES, Geometry, Plane, plane_axes, plane_view
from dicomview.volume.absence import Acquired, missing_slices
from dicomview.volume.array import ArrayLike, Image
from dicomview.volume.describe import describe, describe_html
from dicomview.volume.dimension import Dimension
from dicomview.volume.exchange import Exchange
from dicomview.volume.meta import Meta, unit_of
from dicomview.volume.oblique import Oblique
from dicomview.volume.report import Report, Source
from dicomview.volume.reslice import ReslicedArray
from dicomview.volume.sample import sampled
from dicomview.volume.suv import body_weight_suv
from dicomview.volume.windows import header_window, header_windows

__all__ = ["Volume"]

SPATIAL = ("slice", "row", "column")


class Volume(Exchange, Oblique, ArrayLike):
    """A volume of voxels that knows where it is in the patient.

    Attributes
    ----------
    array : ndarray, or dask array of a lazy volume
        Values after the Modality LUT (Hounsfield units in CT), or RGB.
    dims : tuple of str
        Name of every dimension: ``("slice", "row", "column")``, extra ones in front, ``"rgb"`` last.
    dimensions : tuple of Dimension
        Values and unit of every extra dimension.
    geometry : Geometry
        Affine from index to LPS mm, spacing, position of every slice.
    meta : Meta
        Header elements that the slices share, with ``sampling`` and ``shape``; ``meta.per_slice(keyword)``
        gives those that vary.
    report : Report
        Warnings, dropped files, missing slices.
    sources : tuple of (Source or None)
        File and SOP instance of every slice; None for a missing slice.
    padding : tuple of float or None
        Closed range of values that mean "no data" (Pixel Padding Value), in the unit of the values.

    Examples
    --------
    >>> import dicomview as dv
    >>> vol = dv.Volume.from_array(np.zeros((10, 64, 64)), sampling=(2, 0.5, 0.5))
    >>> vol.fov, vol.aspect("coronal")
    ((20.0, 32.0, 32.0), 4.0)
    """

    def __init__(
        self,
        array: Any,
        *,
        geometry: Geometry,
        dims: Sequence[str] = SPATIAL,
        dimensions: Sequence[Dimension] = (),
        meta: Mapping[str, Any] | None = None,
        report: Report | None = None,
        sources: Sequence[Source | None] = (),
        padding: tuple[float, float] | None = None,
    ) -> None:
        self.array = array
        self.dims = tuple(dims)
        self.geometry = geometry
        self.report = report or Report()
        self.sources = tuple(sources)
        self.padding = padding
        self._default_window: Window | None = None
        self._acquired: Acquired | None = None
        self._background: float | None = None
        self._home: tuple[float, float, float] | None = None
        self._middle: tuple[float, float, float] | None = None
        self._upright: Geometry | None = None
        if len(self.dims) != len(array.shape) or tuple(d for d in self.dims if d in SPATIAL) != SPATIAL:
            raise GeometryError(
                f"dims must name {len(array.shape)} dimensions with 'slice', 'row', 'column' in this order, "
                f"not {self.dims}",
                remedy="give dims= so",
            )
        extents = tuple(array.shape[self.dims.index(d)] for d in SPATIAL)
        if extents != geometry.shape:
            raise GeometryError(
                f"the array has {extents} voxels, its geometry {geometry.shape}",
                remedy="give a geometry of the same shape",
            )
        self.dimensions = tuple(dimensions) or tuple(
            Dimension(d, tuple(float(i) for i in range(array.shape[self.dims.index(d)])))
            for d in self.extra_dims
        )
        self.meta = meta.copy() if isinstance(meta, Meta) else Meta(meta or {})
        self.meta["sampling"] = self.sampling
        self.meta["shape"] = self.shape

    @classmethod
    def from_array(
        cls,
        array: Any,
        *,
        sampling: Sequence[float | None] | None = None,
        affine: Any = None,
        dims: Sequence[str] | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> "Volume":
        """Make a volume of any array.

        Parameters
        ----------
        array : array_like of 2 or more dimensions
            An image becomes a volume of one slice, also one of uint8 colours.
        sampling : sequence of 3 floats, optional
            Distance in mm between slices, rows and columns.
        affine : array_like of shape (4, 4), optional
            Maps ``(slice, row, column, 1)`` to LPS mm; takes the place of ``sampling``.
        dims : sequence of str, optional
            Names of the dimensions. By default the last three are slice, row, column; a last dimension of
            3 or 4 uint8 values behind three others is taken for colour.
        meta : mapping, optional
            Header elements to carry.

        Raises
        ------
        GeometryError
            If the array has too few dimensions or the geometry does not fit.

        Examples
        --------
        >>> Volume.from_array(np.zeros((4, 8, 8))).sampling is None
        True
        """
        if not hasattr(array, "__array_function__"):  # numpy's and dask's arrays stay what they are
            array = np.asarray(array)
        picture = array.ndim == 3 and array.shape[-1] in (3, 4) and array.dtype == np.uint8
        if dims is None and (array.ndim == 2 or (picture and min(array.shape[:2]) > 4)):
            array = array[None]
        ndim = len(array.shape)
        if ndim < 3:
            raise GeometryError(
                f"a volume needs an array of at least 2 dimensions, not {ndim}",
                remedy="give one of (slice, row, column), or an image",
            )
        if dims is None:
            colour = ("rgb",) if ndim > 3 and array.shape[-1] in (3, 4) and array.dtype == np.uint8 else ()
            extra = ndim - 3 - len(colour)
            names = ("frame",) if extra == 1 else tuple(f"dim{i}" for i in range(extra))
            dims = (*names, *SPATIAL, *colour)
        shape = tuple(array.shape[tuple(dims).index(d)] for d in SPATIAL if d in dims)
        if affine is None:
            geometry = Geometry(shape, spacing=(None,) * 3 if sampling is None else sampling)  # type: ignore[arg-type]
        elif sampling is not None:
            raise GeometryError("the affine holds the sampling", remedy="give either sampling or affine")
        else:
            geometry = Geometry(shape, affine=affine)
        return cls(array, geometry=geometry, dims=dims, meta=meta)

    @classmethod
    def coerce(cls, data: Any) -> "Volume":
        """Return a volume as it is; make one of an :class:`Image` (one slice) or of any array."""
        if isinstance(data, Volume):
            return data
        if isinstance(data, Image):
            return cls(
                data.array[None],
                geometry=data.geometry,
                dims=(*SPATIAL, "rgb") if data.ndim == 3 else SPATIAL,
                meta=data.meta,
                sources=[data.source],
                padding=data.padding,
            )
        return cls.from_array(data)

    # -- place ----------------------------------------------------------------------------------------

    @property
    def sampling(self) -> tuple[float | None, float | None, float | None] | None:
        """Distance in mm between slices, rows and columns; None where the files do not say."""
        spacing = self.geometry.spacing
        return None if spacing == (None, None, None) else spacing

    @property
    def fov(self) -> tuple[float | None, ...] | None:
        """Field of view in mm along slices, rows and columns: extent x sampling."""
        if self.sampling is None:
            return None
        return tuple(None if d is None else n * d for n, d in zip(self.geometry.shape, self.sampling))

    @property
    def plane_axes(self) -> dict[Plane, int]:
        """The spatial axis (0 slice, 1 row, 2 column) that each anatomical plane steps along.

        Of planes that are turned in a viewer the one that they began with.
        """
        return plane_axes(self.upright)

    def aspect(self, plane: Plane | int) -> float | None:
        """Return the pixel aspect of a plane: height of a pixel / its width.

        Parameters
        ----------
        plane : {"axial", "coronal", "sagittal"} or int
            Anatomical plane, or the axis that the slices cross. The picture is the plain slice of the array
            (``vol[k]``, ``vol[:, r]``, ``vol[:, :, c]``), its first axis downwards.

        Returns
        -------
        float or None
            For ``imshow(..., aspect=...)``; None when a spacing is not known.

        Examples
        --------
        >>> Volume.from_array(np.zeros((10, 64, 64)), sampling=(2, 0.5, 0.25)).aspect("sagittal")
        4.0
        """
        axis = self.plane_axes.get(plane) if isinstance(plane, str) else plane
        if axis not in (0, 1, 2):
            raise GeometryError(
                f"there is no plane {plane!r}", remedy=f"take one of {', '.join(PLANES)}, or an axis 0, 1, 2"
            )
        height, width = (d for i, d in enumerate(self.geometry.spacing) if i != axis)
        return None if height is None or width is None else height / width

    # -- values ---------------------------------------------------------------------------------------

    @property
    def is_lazy(self) -> bool:
        """Whether values are read only when they are asked for."""
        array = self.array.source if isinstance(self.array, ReslicedArray) else self.array
        return not isinstance(array, np.ndarray)

    @property
    def is_color(self) -> bool:
        """Whether the values are RGB(A) and need no window."""
        return self.dims[-1] == "rgb"

    @property
    def has_window(self) -> bool:
        """Whether a window says how values are shown; colours have none, nor has true and false."""
        return not self.is_color and self.dtype != np.bool_

    @property
    def home(self) -> tuple[float, float, float]:
        """Extents in voxels that are shown at a zoom of 1: all, or of a turned volume what was acquired."""
        return self._home or self.geometry.shape

    @property
    def middle(self) -> tuple[float, float, float]:
        """Index in the middle of what is shown at a zoom of 1."""
        k, r, c = self._middle or ((n - 1) / 2 for n in self.geometry.shape)
        return k, r, c

    @property
    def is_turned(self) -> bool:
        """Whether its planes are those of a viewer, turned there."""
        return self._upright is not None

    @property
    def upright(self) -> Geometry:
        """Where the voxels are; of planes that are turned in a viewer: where they were before."""
        return self._upright or self.geometry

    @property
    def is_resliced(self) -> bool:
        """Whether planes are calculated when they are asked for."""
        return isinstance(self.array, ReslicedArray)

    @property
    def extra_dims(self) -> tuple[str, ...]:
        """Names of the dimensions beyond space and colour."""
        return tuple(d for d in self.dims if d not in SPATIAL and d != "rgb")

    @property
    def middle_frame(self) -> tuple[int, ...]:
        """The middle index of each of :attr:`extra_dims`."""
        return tuple(self.array.shape[self.dims.index(d)] // 2 for d in self.extra_dims)

    @property
    def slice_plane(self) -> Plane:
        """The anatomical plane of the acquired slices; axial where the orientation is unknown."""
        return next(plane for plane in PLANES if self.plane_axes[plane] == 0)

    def frame(self, indices: Sequence[int] = ()) -> Any:
        """Return the voxels of one frame, shape (slice, row, column[, rgb]); a view.

        Parameters
        ----------
        indices : sequence of int
            One index for each of :attr:`extra_dims`.
        """
        picks = dict(zip(self.extra_dims, indices, strict=True))
        return self.array[tuple(picks.get(d, slice(None)) for d in self.dims)]

    def missing_slices(self, frame: Sequence[int] = ()) -> list[int]:
        """Return the slices of a frame for which there is no file."""
        return missing_slices(self.report.missing, frame)

    def without_data(self, index: Sequence[Any], frame: Sequence[int] = ()) -> NDArray[np.bool_]:
        """Return whether there are no data at voxels: no file, or nothing acquired in a resliced volume.

        Parameters
        ----------
        index : three of int or array_like of int
            Slices, rows and columns, which are broadcast against each other.
        frame : sequence of int
            One index for each of :attr:`extra_dims`.

        Returns
        -------
        ndarray of bool
            Of a shape that can be broadcast to theirs.
        """
        if self._acquired is None:
            return np.isin(index[0], self.missing_slices(frame))
        plane = self._acquired.lacks_on(self.geometry, index, frame)
        if plane is not None:
            return plane
        points = self.geometry.position(np.stack(np.broadcast_arrays(*index), axis=-1))
        assert points is not None  # it lies on the axes of the patient
        return self._acquired.lacks(points, frame)

    @property
    def windows(self) -> dict[str, Window]:
        """Windows and VOI LUTs (:class:`dicomview.display.VOILUT`) of the middle slice by explanation."""
        return header_windows(self.middle_meta)

    @property
    def middle_meta(self) -> Meta:
        """Header elements of the middle slice of the middle frame, the common ones included."""
        slices = self.geometry.shape[0]
        start = int(np.ravel_multi_index((*self.middle_frame, 0), (*map(len, self.dimensions), slices)))
        there = [k for k in range(slices) if start + k < len(self.sources) and self.sources[start + k]]
        if not there:
            return self.meta
        return self.meta.of_slice(start + min(there, key=lambda k: abs(k - slices // 2)))

    @property
    def default_window(self) -> Window:
        """The file's first window, else 0 to 5 of PET in SUV, else the 0.1th to 99.9th percentile.

        Of a mask 0 to 1.
        """
        if self._default_window is None and self.dtype == np.bool_:
            self._default_window = Window(0.5, 1)
        if self._default_window is None:
            self._default_window = header_window(self.middle_meta) or self.auto_window()
        return self._default_window

    def auto_window(self) -> Window:
        """Return the window from the 0.1th to the 99.9th percentile of :meth:`sample`."""
        return auto_window(self.sample())

    def sample(self) -> np.ndarray:
        """Return a sample of the values, without padding, missing slices, NaN and infinity.

        Returns
        -------
        ndarray of float64
            About a million values at most, evenly spread. Of a volume that is not in memory those of a few
            slices: at most 16, and only so many as can be had from 256 MB.

        Examples
        --------
        >>> Volume.from_array(np.array([[[1.0, np.nan, 2.0]]])).sample().tolist()
        [1.0, 2.0]
        """
        return sampled(self)

    @property
    def unit(self) -> str:
        """Unit of the values: HU in CT, otherwise what the header calls it; empty when it does not say."""
        return "" if self.is_color else unit_of(self.meta)

    def suv(self) -> "Volume":
        """Return a PET volume as standardized uptake values by body weight (g/ml), float32.

        Raises
        ------
        SUVError
            If the header does not give them; the message lists the elements that are missing or cannot be
            used.

        See Also
        --------
        dicomview.volume.suv.suv_factor : the elements, the formula and the assumptions.

        Examples
        --------
        >>> meta = {"Modality": "PT", "Units": "GML", "CorrectedImage": ["ATTN", "DECY"]}
        >>> vol = Volume.from_array(np.full((2, 3, 4), 2.5), meta=meta).suv()
        >>> float(vol.max()), vol.unit
        (2.5, 'SUV')
        """
        return body_weight_suv(self)

    # -- showing --------------------------------------------------------------------------------------

    def view(self, **options: Any) -> Any:
        """Show the volume in a :class:`dicomview.SliceViewer`; options are passed on."""
        # By its name: a volume must do without the widgets that show it.
        return import_module("dicomview.widgets").SliceViewer(self, **options)

    def __repr__(self) -> str:
        return describe(self)

    def _repr_html_(self) -> str:
        return describe_html(self)

    def middle_slice(self) -> tuple[Any, float | None]:
        """Return the middle slice as shown on screen, and the height of its pixels / their width."""
        view = plane_view(self.geometry, self.slice_plane)
        voxels = self.frame(self.middle_frame)
        return view.flipped(view.take(voxels, self.geometry.shape[0] // 2)), view.aspect

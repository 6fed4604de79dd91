"""Exchange: a volume as the image of other packages, and back."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dicomview.volume.volume import Volume

__all__ = ["Exchange"]


class Exchange:
    """The part of a Volume that other packages see; each is imported when it is asked for."""

    def to_sitk(self: Any) -> Any:
        """Return a SimpleITK image: a copy of the voxels, in the same place.

        Returns
        -------
        SimpleITK.Image
            Index order (column, row, slice), LPS mm; a vector image of colours. Up to two extra dimensions
            follow space, the last of :attr:`extra_dims` first, with the step and start of their values where
            these rise evenly, else 1 and 0; their names, values and units are in the metadata. The direction
            is that of the affine to the last digit. The spacing across a single slice, which is not known,
            is 1. bool becomes uint8, float16 becomes float32.

        Raises
        ------
        MissingPackageError
            If SimpleITK is not installed.
        GeometryError
            If the volume has no affine, since an image of SimpleITK always claims a place; if the slices are
            not evenly spaced; if the axes are not perpendicular within 0.001 (a tilted gantry); if there are
            more than two extra dimensions.
        """
        from dicomview.volume.sitk import to_sitk

        return to_sitk(self)

    @classmethod
    def from_sitk(cls: Any, image: Any) -> "Volume":
        """Make a volume of a SimpleITK image.

        Parameters
        ----------
        image : SimpleITK.Image
            Of 2 to 5 dimensions. Vectors of 3 or 4 uint8 values are colours; others become an extra dimension
            ``component`` in front. An image of 2 dimensions has a spacing but no place in the patient.

        Returns
        -------
        Volume
            A copy of the voxels, without a header. Place and spacing are taken as they stand: SimpleITK does
            not tell a place that is unknown from one at the origin.

        Raises
        ------
        MissingPackageError
            If SimpleITK is not installed.
        GeometryError
            If the direction mixes axes of space with other axes.
        """
        from dicomview.volume.sitk import from_sitk

        return from_sitk(image, kind=cls)

    def to_nibabel(self: Any) -> Any:
        """Return a NIfTI image of nibabel: the same voxels and place, in RAS mm.

        Returns
        -------
        nibabel.Nifti1Image
            Array order (column, row, slice), then the extra dimensions, ``time`` first. The affine is in the
            sform, a shear too, and also in the qform where that can hold it to 0.01 mm; both have the
            code "scanner". Without an affine both codes are 0 (unknown) and the zooms are the sampling. Zooms
            of extra dimensions are the steps of values that rise evenly, else 1. The length across a single
            slice, which is not known, is 1. bool becomes uint8, float16 becomes float32; other types stay,
            also int64, which some programs do not read. Colours are records of R, G, B.

        Raises
        ------
        MissingPackageError
            If nibabel is not installed.
        GeometryError
            If the volume has neither an affine nor a complete sampling; if the slices are not evenly spaced;
            if there are more than four extra dimensions; if colours are not uint8.
        """
        from dicomview.volume.nifti import to_nibabel

        return to_nibabel(self)

    @classmethod
    def from_nibabel(cls: Any, image: Any) -> "Volume":
        """Make a volume of an image of nibabel, of any orientation.

        Parameters
        ----------
        image : nibabel image
            Of 2 to 7 dimensions. The first axis becomes the columns, the second the rows, the third the
            slices. The fourth is ``time`` where the header gives its unit, else ``frame``.

        Returns
        -------
        Volume
            Values after the scaling of the file, without a header. NIfTI whose sform and qform both have the
            code 0 (unknown) gives a volume with a sampling and without an affine.

        Raises
        ------
        GeometryError
            If the affine is singular.
        """
        from dicomview.volume.nifti import from_nibabel

        return from_nibabel(image, kind=cls)

    def to_xarray(self: Any) -> Any:
        """Return a DataArray of xarray over the same array, not a copy.

        Returns
        -------
        xarray.DataArray
            With the dimensions ``dims``. Coordinates: the values of extra dimensions; for slice, row and
            column the distance in mm from the first, along the axis, where it is known. Attributes, where
            known: ``affine`` (nested list, (slice, row, column, 1) to LPS mm), ``slice_positions``
            where they are not exactly those of the affine, ``units`` of the values, ``modality``. Nothing
            says who the patient is.

        Raises
        ------
        MissingPackageError
            If xarray is not installed.
        """
        from dicomview.volume.dataarray import to_xarray

        return to_xarray(self)

    def to_zarr(self: Any, path: Any) -> None:
        """Write OME-Zarr 0.4 (Zarr format 2), one level at full size.

        The axes are t, c, z, y, x as far as the volume has them; z, y, x are slice, row, column. Scale and
        translation are in mm along these axes, whichever way they run in the patient; an axis whose spacing
        is not known has scale 1 and, without an affine, no unit. OME-Zarr 0.4 has no affine: other readers
        show a sheared or unevenly spaced volume straight and even. The attribute ``dicomview`` holds what is
        exact: ``dims`` of the stored array, ``dimensions`` with values and units, ``spacing``, ``affine``
        from (slice, row, column, 1) to LPS mm, ``slice_positions`` where they are not exactly those of the
        affine, ``unit`` of the values and ``modality``. Nothing says who the patient is.

        Parameters
        ----------
        path : path-like
            A folder that does not exist yet, by custom ``*.ome.zarr``.

        Raises
        ------
        MissingPackageError
            If zarr 3 is not installed.
        FileExistsError
            If there is something at the path.
        GeometryError
            If there is more than one dimension beyond space and time; colour is one.
        """
        from dicomview.volume.omezarr import to_zarr

        to_zarr(self, path)

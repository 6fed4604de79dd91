"""The imageio plugin: ``plugin="dicomview"`` reads folders and files of DICOM."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from imageio.core.request import InitializationError, IOMode, Request
from imageio.core.v3_plugin_api import ImageProperties, PluginV3

from dicomview.errors import SeriesError, file_name
from dicomview.io.discover import SUFFIXES
from dicomview.io.headers import looks_like_dicom
from dicomview.io.read import find_series, read_image
from dicomview.io.series import SeriesList, choose
from dicomview.io.sources import File, MemoryFile, is_archive
from dicomview.volume import Image, Meta, Volume

__all__ = ["DicomviewPlugin"]

#: Elements whose effect is in the values already.
_APPLIED = ("RescaleIntercept", "RescaleSlope", "RescaleType", "ModalityLUTSequence")


class DicomviewPlugin(PluginV3):  # type: ignore[misc]
    """Reads DICOM through imageio: a folder gives its volume, a file its image.

    Notes
    -----
    One ndimage is one volume of the folder, in the order of :func:`dicomview.find_series`. Index 0 and None
    mean "the volume", and it is an error if there are several; ``series=`` chooses.
    """

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self._found: SeriesList | None = None
        self._last: tuple[Any, Volume | Image] | None = None
        if request.mode.io_mode != IOMode.read:
            raise InitializationError("dicomview reads DICOM, it does not write it")
        uri = request.raw_uri
        if isinstance(uri, str | os.PathLike) and "://" not in str(uri):
            self._path: File = Path(uri).expanduser()
        else:
            # What follows the path of an address may hold a key.
            told = urlsplit(uri).path if isinstance(uri, str) else getattr(uri, "name", "<bytes>")
            name = str(told).rsplit("/", 1)[-1]
            file = request.get_file()
            self._path = MemoryFile.of(file.read(), name)
            if isinstance(uri, str):
                file.close()  # imageio leaves connections open
        if isinstance(self._path, Path) and self._path.is_dir():
            return
        claims = self._path.suffix.lower() in SUFFIXES  # a broken .dcm gets our message when it is read
        if self._exists() and not claims and not looks_like_dicom(self._path) and not is_archive(self._path):
            raise InitializationError(f"{file_name(self._path)} is not a DICOM file")

    def read(self, *, index: Any = None, series: int | str | None = None, lazy: bool = False) -> Any:
        """Read a volume (folder) or an image (file).

        Parameters
        ----------
        index : int, None or Ellipsis
            Number of the volume; all of one shape, stacked, for Ellipsis.
        series : int or str, optional
            Which series, as for :func:`dicomview.volread`.
        lazy : bool
            Whether the slices of a volume are decoded only when they are asked for.

        Returns
        -------
        Volume or Image
        """
        if index is Ellipsis:
            return np.stack([np.asarray(volume) for volume in self.iter()])
        key = (index or 0, series, lazy)
        if self._last is None or self._last[0] != key:
            if self._wants_image() and series is None and not index:
                self._last = key, read_image(self._path)
            else:
                self._last = key, self._series(index, series).read(lazy=lazy)
        return self._last[1]

    def iter(self) -> Iterator[Any]:
        """Iterate over all volumes of the folder."""
        if self._wants_image():
            yield self.read()
            return
        for series in self._series_list().volumes:
            yield series.read()

    def properties(self, index: Any = None, *, series: int | str | None = None) -> ImageProperties:
        """Return shape, dtype and spacing of the volume or image."""
        if index is Ellipsis:
            stacked = self.read(index=index)
            return ImageProperties(stacked.shape, stacked.dtype, n_images=len(stacked), is_batch=True)
        # The smallest type that holds the values is known only when the values are.
        data = self.read(index=index, series=series)
        return ImageProperties(shape=data.shape, dtype=data.dtype, spacing=data.sampling)

    def metadata(
        self, index: Any = None, exclude_applied: bool = True, *, series: int | str | None = None
    ) -> Meta:
        """Return header elements by keyword, with ``sampling`` and ``shape``."""
        meta: Meta = self.read(index=None if index is Ellipsis else index, series=series).meta
        if exclude_applied:
            return Meta({key: value for key, value in meta.items() if key not in _APPLIED})
        return meta

    def _wants_image(self) -> bool:
        """Return whether a single file was asked for as an image rather than as a volume."""
        if not self._exists() or self.request.mode.image_mode in ("v", "V"):
            return False
        return looks_like_dicom(self._path) or not is_archive(self._path)

    def _exists(self) -> bool:
        return not isinstance(self._path, Path) or self._path.is_file()

    def _series_list(self) -> SeriesList:
        if self._found is None:
            self._found = find_series(self._path)
        return self._found

    def _series(self, index: int | None, series: int | str | None) -> Any:
        found = self._series_list()
        if index and series is None:
            volumes = found.volumes
            if not -len(volumes) <= index < len(volumes):
                raise SeriesError(
                    f"there is no volume number {index}, {len(volumes)} are here\n{found!r}",
                    path=found.path,
                    remedy="choose another index",
                )
            return volumes[index]
        return choose(found, series)

"""Animations: slices, time or a rotation as a GIF or MP4."""

import os
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from dicomview.display import Window
from dicomview.errors import DisplayError
from dicomview.export.drawing import Drawing, Film
from dicomview.export.movie import GIF_FPS, movie_writer
from dicomview.export.rotation import TurningSlab
from dicomview.export.single import pane_of, view_of
from dicomview.geometry import Plane, PlaneView
from dicomview.io.progress import progress
from dicomview.render.panes import pane_size
from dicomview.state import SlabMode, pane_pixels, slab_range
from dicomview.state.slab import SLAB_MODES
from dicomview.volume import Volume
from dicomview.volume.windows import frame_rate

__all__ = ["Animation", "animate"]

#: Pictures a second where nobody says.
FPS = 10.0
#: Pixels of the longer side, and of the shorter one at least.
SIZES, LEAST = (64, 4096), 32
#: Pixels per inch of the letters.
DPI = (10, 1200)
#: Views of a rotation.
TURNS = 36


@dataclass(frozen=True)
class Animation:
    """A movie that shows itself in a notebook.

    Attributes
    ----------
    path : Path or None
        The file; None where the movie is in memory.
    frames : int
        Number of pictures.
    size : (int, int)
        Width and height in pixels.
    fps : float
        Pictures a second.
    """

    path: Path | None
    frames: int
    size: tuple[int, int]
    fps: float
    _data: bytes | None = field(default=None, repr=False)

    @property
    def data(self) -> bytes:
        """The contents of the file."""
        return self.path.read_bytes() if self.path is not None else self._data or b""

    def _repr_html_(self) -> str:
        text, size = b64encode(self.data).decode(), 'width="{}" height="{}"'.format(*self.size)
        if self.path is not None and self.path.suffix.lower() == ".mp4":
            return f'<video controls loop {size} src="data:video/mp4;base64,{text}"></video>'
        return f'<img alt="animation" {size} src="data:image/gif;base64,{text}">'


def animate(
    volume: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    along: str = "slices",
    steps: int | Iterable[float] | None = None,
    plane: Plane | None = None,
    index: int | None = None,
    frame: Sequence[int] | None = None,
    slab: float | None = None,
    slab_mode: SlabMode = "max",
    window: Window | tuple[float, float] | None = None,
    colormap: str | None = None,
    fps: float | None = None,
    size: int = 512,
    dpi: float = 100.0,
    captions: bool = True,
) -> Animation:
    """Make a movie through slices, through time or another dimension, or of a rotation.

    Pictures are written one by one and not kept. A bar shows the progress in a notebook.

    Parameters
    ----------
    volume : Volume or array_like of 3 or more dimensions
    path : str or PathLike, optional
        ``.gif``, or ``.mp4`` with ``pip install 'dicomview[movies]'``. A GIF in memory by default, which a
        notebook keeps; a file is shown as well.
    along : str
        ``"slices"``, the name of an extra dimension (``"time"``), or ``"rotation"``: a maximum intensity
        projection that turns about the head-foot axis.
    steps : int or iterable of numbers, optional
        What is shown, in this order: indices of slices or along the dimension (negative ones count from the
        end), angles in degrees (0 from in front, 90 from the left). A number alone: so many, evenly spread.
        All by default; 36 angles.
    plane : {"axial", "coronal", "sagittal"}, optional
        That of the acquisition by default. A rotation has none.
    index : int, optional
        The slice that is shown along an extra dimension; the middle one by default.
    frame : sequence of int, optional
        Index per extra dimension; the middle ones by default.
    slab : float, optional
        Thickness in mm about each slice that is seen as one; of a rotation all by default.
    slab_mode : {"max", "mean", "min"}
    window : Window or (center, width), optional
        One for all pictures; the volume's own by default.
    colormap : str, optional
        Name of a matplotlib colormap; by default ``"gray"``, for PET ``"gray_r"``.
    fps : float, optional
        Pictures a second; by default what the file asks for, as far as the format can, else 10. A GIF has at
        most 50.
    size : int
        Pixels of the longer side. Proportions are those of the patient.
    dpi : float
        Of the letters, 10 to 1200: their size is 9 points.
    captions : bool
        Whether the number of the slice, the value of the dimension or the angle is written in the corner, and
        the sides of the patient at the edges. The patient is named only with ``options.show_patient``. On a
        small picture names are cut, and what would lie over something else is left out: the letter at the
        top first, then who it is.

    Returns
    -------
    Animation
        With ``path`` and ``data``.

    Raises
    ------
    DisplayError
        If there is no such dimension, plane, slice or format.
    PathError
        If there is no folder for the file.
    MissingPackageError
        For MP4 without imageio-ffmpeg.

    Examples
    --------
    >>> import dicomview as dv
    >>> vol = dv.Volume.from_array(np.random.rand(20, 32, 32), sampling=(2, 1, 1))
    >>> movie = dv.animate(vol, steps=range(5, 15), fps=20, plane="coronal")
    >>> movie.frames, movie.size
    (10, (410, 512))
    >>> movie.data[:6]
    b'GIF89a'
    """
    volume = Volume.coerce(volume)
    if slab_mode not in SLAB_MODES:
        raise DisplayError(
            f"a slab is not shown by {slab_mode!r}", remedy=f"take one of {', '.join(SLAB_MODES)}"
        )
    if not SIZES[0] <= size <= SIZES[1]:
        raise DisplayError(
            f"a movie is {SIZES[0]} to {SIZES[1]} pixels large, not {size}", remedy="give such a size="
        )
    if slab is not None and not 0 < slab < np.inf:
        raise DisplayError(
            f"a slab has a thickness in mm above 0, not {slab}", remedy="give one, or None for a single slice"
        )
    if not DPI[0] <= dpi <= DPI[1]:
        raise DisplayError(
            f"letters have {DPI[0]} to {DPI[1]} pixels per inch, not {dpi}", remedy="give such a dpi="
        )
    target = BytesIO() if path is None else Path(path).expanduser()
    rate = fps
    if rate is None:
        rate = (frame_rate(volume.meta) if along in volume.extra_dims else None) or FPS
        if not (isinstance(target, Path) and target.suffix.lower() == ".mp4"):
            rate = min(rate, GIF_FPS)
    if not 0.1 <= rate <= 120:
        raise DisplayError(
            f"a movie shows 0.1 to 120 pictures a second, not {rate:g}", remedy="give such an fps="
        )
    chosen = _frame(volume, frame)
    if along == "rotation":
        if plane is not None or index is not None:
            raise DisplayError("a rotation is seen from all around", remedy="leave out plane= and index=")
        film = _rotation(volume, chosen, steps, size=size, slab=slab, mode=slab_mode)
    else:
        film = _slices(volume, along, steps, plane, index, chosen, slab=slab, mode=slab_mode)
    pixels = _pixels(film.extents, size)
    with movie_writer(target, fps=rate) as writer:
        drawing = Drawing(volume, film, pixels, window, colormap, dpi=dpi, captions=captions)
        for step in progress(film.steps, "pictures", unit="picture"):
            writer.add(drawing.picture(step))
    if isinstance(target, BytesIO):
        return Animation(None, len(film.steps), pixels, rate, target.getvalue())
    return Animation(target, len(film.steps), pixels, rate)


def _frame(volume: Volume, frame: Sequence[int] | None) -> tuple[int, ...]:
    """Return an index per extra dimension."""
    if frame is None:
        return volume.middle_frame
    if len(frame) != len(volume.extra_dims):
        raise DisplayError(
            f"frame= has an index for each of {volume.extra_dims}, not {tuple(frame)}",
            remedy="give them all, or leave it out",
        )
    return tuple(_inside(i, len(d), f"{d.name} has", "index") for i, d in zip(frame, volume.dimensions))


def _inside(index: int, count: int, what: str, name: str) -> int:
    """Return an index from 0, or raise."""
    if not -count <= index < count:
        raise DisplayError(f"there is no {name} {index}", remedy=f"{what} 0 to {count - 1}")
    return int(index) % count


def _spread(steps: int | Iterable[float] | None, count: int, what: str, name: str) -> list[int]:
    """Return the indices that are asked for."""
    if steps is None:
        return list(range(count))
    if isinstance(steps, int | np.integer):
        if steps < 1:
            raise DisplayError(
                f"a movie has at least one picture, not {steps}", remedy="leave steps= out for all"
            )
        even = np.linspace(0, count - 1, min(int(steps), count)).round()
        return [int(k) for k in even]
    asked = list(steps)
    if any(not np.isfinite(k) or k != int(k) for k in asked):
        raise DisplayError(
            f"steps= are indices here, whole numbers, not {asked}", remedy="give such, or how many pictures"
        )
    found = [_inside(int(k), count, what, name) for k in asked]
    if not found:
        raise DisplayError(
            "a movie has at least one picture, and steps= is empty", remedy="leave it out for all"
        )
    return found


def _slices(
    volume: Volume,
    along: str,
    steps: int | Iterable[float] | None,
    plane: Plane | None,
    index: int | None,
    frame: tuple[int, ...],
    *,
    slab: float | None,
    mode: SlabMode,
) -> Film:
    """Return what goes through slices or an extra dimension."""
    plane = volume.slice_plane if plane is None else plane
    view = view_of(volume, plane)
    count = volume.geometry.shape[view.axis]
    name, what = f"{plane} slice", "the volume has"
    if slab is not None and volume.geometry.spacing[view.axis] is None:
        raise DisplayError(
            f"a {plane} slab needs the distance between {plane} slices in mm",
            remedy="give it with Volume.from_array(array, sampling=...)",
        )
    if along == "slices":
        if index is not None:
            raise DisplayError(
                "index= is the slice shown along another dimension", remedy="give steps= those of the movie"
            )
        indices = _spread(steps, count, what, name)
        places = {k: (k, frame) for k in indices}
        labels = {k: str(k) for k in indices}
    elif along in volume.extra_dims:
        at = volume.extra_dims.index(along)
        here = count // 2 if index is None else _inside(index, count, what, name)
        dimension = volume.dimensions[at]
        indices = _spread(steps, len(dimension), f"{along} has", "index")
        places = {i: (here, (*frame[:at], i, *frame[at + 1 :])) for i in indices}
        labels = {i: dimension.label(i) for i in indices}
    else:
        raise DisplayError(
            f"a movie does not go along {along!r}",
            remedy=f"take one of {', '.join(('slices', *volume.extra_dims, 'rotation'))}",
        )

    def shown(step: int) -> tuple[np.ndarray, PlaneView, str]:
        k, where = places[step]
        pane = pane_of(volume, plane, k, where)
        if slab is not None:
            thick = slab_range(volume.geometry, view.axis, k, thickness=slab)
            pane = replace(pane, slab=thick, slab_mode=mode)
        return pane_pixels(volume, pane), view, labels[step]

    return Film(indices, list(labels.values()), pane_size(volume.geometry, view), shown)


def _rotation(
    volume: Volume,
    frame: tuple[int, ...],
    steps: int | Iterable[float] | None,
    *,
    size: int,
    slab: float | None,
    mode: SlabMode,
) -> Film:
    """Return what turns about the head-foot axis."""
    if steps is None or isinstance(steps, int | np.integer):
        count = TURNS if steps is None else int(steps)
        angles = [360 * i / count for i in range(count)]
    else:
        angles = [float(angle) for angle in steps]
    if not angles or not np.isfinite(angles).all():
        raise DisplayError(
            "a rotation is seen from at least one angle in degrees",
            remedy="leave steps= out for a whole turn",
        )
    turning = TurningSlab(volume, frame, pixels=size, thickness=slab, mode=mode)

    def label(angle: float) -> str:
        return f"{angle:.4g}°"

    def shown(angle: float) -> tuple[np.ndarray, PlaneView, str]:
        return *turning.seen_from(angle), label(angle)

    return Film(angles, [label(angle) for angle in angles], turning.extents, shown)


def _pixels(extents: tuple[float, float], size: int) -> tuple[int, int]:
    """Return width and height in proportion; even, as MP4 needs."""
    scale = size / max(extents)
    width, height = (max(2 * round(x * scale / 2), LEAST) for x in extents)
    return width, height

"""Overlays: keeps and changes what lies over the slices."""

import os
from collections.abc import Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from traitlets import TraitError

from dicomview.display import Window
from dicomview.errors import GeometryError
from dicomview.geometry import Geometry
from dicomview.io.segwrite import segmentation_object
from dicomview.state.laying import (
    isodose_levels,
    level_labels,
    mask_on,
    mask_parts,
    paint_layer,
    placed_on,
    segment_masks,
)
from dicomview.state.overlay import PALETTE, Fused, Isodoses, Mask, Overlay
from dicomview.state.painted import Painted
from dicomview.state.placing import cropped
from dicomview.volume import Segmentation, Volume
from dicomview.volume.meta import safe_text

if TYPE_CHECKING:
    from dicomview.state.model import ViewState

__all__ = ["Overlays"]

#: Colours of isodoses, the highest first.
DOSE_COLORS = ("#ff3030", "#ff9a00", "#fff000", "#30ff30", "#00d8ff", "#4060ff", "#c040ff")


class Overlays:
    """The overlays of a state: ``viewer.overlays``.

    Parameters
    ----------
    state : ViewState

    Examples
    --------
    >>> from dicomview import ViewState
    >>> vol = Volume.from_array(np.zeros((9, 8, 7)), sampling=(2, 1, 1))
    >>> overlays = Overlays(ViewState(vol))
    >>> overlays.add_mask(vol.array == 0, name="air", color="#00ff00")
    ['air']
    >>> overlays.set("air", opacity=0.2)
    >>> overlays["air"].opacity, len(overlays)
    (0.2, 1)
    >>> overlays.remove("air")
    """

    def __init__(self, state: "ViewState") -> None:
        self._state = state

    def add_mask(
        self,
        mask: Any,
        *,
        name: str = "mask",
        labels: dict[int, str] | None = None,
        color: str | None = None,
        opacity: float = 0.35,
        outline: bool = True,
        geometry: Geometry | None = None,
    ) -> list[str]:
        """Lay a mask over the slices.

        Parameters
        ----------
        mask : Volume or array_like of shape (slices, rows, columns)
            True where it is; or whole numbers of any type, each of which but 0 becomes an overlay of its own;
            or parts of voxels from 0 to 1, of which a half and more count.
        name : str
        labels : dict of int to str, optional
            Which numbers, and what they are called.
        color : str, optional
            ``"#rrggbb"``.
        opacity : float
        outline : bool
        geometry : Geometry, optional
            Of an array on another grid than the volume's.

        Returns
        -------
        list of str
            The names under which they are found.

        Raises
        ------
        GeometryError
            If it has no place in the volume.
        """
        placed = self._placed(mask, geometry)
        made = mask_parts(placed, name, labels)
        return self._add(
            Mask(
                name=self._free(label),
                volume=cropped(part, placed.geometry),
                color=color or self._color(i),
                opacity=opacity,
                outline=outline,
            )
            for i, (label, part) in enumerate(made.items())
        )

    def paint(
        self,
        mask: Any = None,
        *,
        name: str = "mask",
        color: str | None = None,
        opacity: float = 0.35,
        outline: bool = True,
        geometry: Geometry | None = None,
    ) -> list[str]:
        """Lay a mask over the slices that brush, eraser and fill change; they act on it from now on.

        Parameters
        ----------
        mask : str, Volume or array_like of shape (slices, rows, columns), optional
            What to begin with, of which a copy is made: the name of a mask that is here, or what
            :meth:`add_mask` takes; of numbers all but 0 belong to it. Empty by default. A mask on another
            grid is brought onto that of the volume.
        name : str
        color : str, optional
            ``"#rrggbb"``.
        opacity : float
        outline : bool
        geometry : Geometry, optional
            Of an array on another grid than the volume's.

        Returns
        -------
        list of str
            The name under which it is found.

        Raises
        ------
        GeometryError
            If it has no place in the volume.

        Examples
        --------
        >>> from dicomview import ViewState
        >>> state = ViewState(Volume.from_array(np.zeros((9, 8, 7)), affine=np.eye(4)))
        >>> overlays = Overlays(state)
        >>> overlays.paint(name="lesion")
        ['lesion']
        >>> state.paint([(4, 4, 3)], radius=1)
        >>> int(overlays["lesion"].array.sum())
        7
        """
        if isinstance(mask, str):
            if mask not in self:
                raise KeyError(
                    f"there is no overlay {mask!r} to begin with; an empty one: paint(name={mask!r})"
                )
            given = self[mask]
            color = color or getattr(given, "color", None)
            mask = given.volume
        acquired = self._state.acquired
        layer = paint_layer(acquired, None if mask is None else self._placed(mask, geometry))
        painted = Painted(
            name=self._free(name), volume=layer.volume, layer=layer,
            color=color or self._color(0), opacity=opacity, outline=outline,
        )  # fmt: skip
        made = self._add([painted])
        self._state.paint_layer = painted.name
        return made

    def to_seg(self, path: str | os.PathLike[str], *, names: Sequence[str] | None = None) -> None:
        """Write masks to a DICOM segmentation, a segment for each.

        It carries the patient and the study of the images. Masks on another grid are brought onto that of the
        volume.

        Parameters
        ----------
        path : str or PathLike
        names : sequence of str, optional
            Which ones; all masks by default.

        Raises
        ------
        SegmentError
            If the volume was not read from files, or has no place in the patient; if there is no mask.
        MissingPackageError
            Without highdicom.
        """
        acquired = self._state.acquired
        chosen = [self[name] for name in names] if names is not None else list(self)
        masks, colors = {}, []
        for overlay in chosen:
            if not isinstance(overlay, Mask):
                if names is None:
                    continue
                raise TypeError(f"{overlay.name!r} is no mask; only masks become segments")
            masks[overlay.name] = mask_on(acquired, np.asarray(overlay.volume.array), overlay.volume.geometry)
            colors.append(overlay.color)
        segmentation_object(masks, acquired, colors=colors, frame=self._state.frame).save_as(path)

    def add_segmentation(
        self,
        seg: Segmentation,
        *,
        segments: Sequence[int | str] | None = None,
        opacity: float = 0.35,
        outline: bool = True,
    ) -> list[str]:
        """Lay segments (SEG) or regions (RTSTRUCT) over the slices, in their own colours.

        Parameters
        ----------
        seg : Segmentation
            Of :func:`dicomview.segread`; it is put on the grid of the volume, by
            :meth:`dicomview.Segmentation.on`.
        segments : sequence of int or str, optional
            Only these.
        opacity : float
        outline : bool

        Returns
        -------
        list of str
            The names under which they are found.

        Raises
        ------
        GeometryError
            If it belongs to another frame of reference.
        """
        acquired = self._state.acquired
        made: list[Overlay] = []
        for i, (segment, part) in enumerate(segment_masks(seg.on(acquired), segments)):
            made.append(
                Mask(
                    name=self._free(segment.title or f"segment {segment.number}", made),
                    volume=part,
                    color="#{:02x}{:02x}{:02x}".format(*segment.color) if segment.color else self._color(i),
                    opacity=opacity,
                    outline=outline,
                )
            )
        return self._add(made)

    def fuse(
        self,
        volume: Volume,
        *,
        name: str | None = None,
        window: Any = None,
        colormap: str = "hot",
        opacity: float = 0.5,
    ) -> list[str]:
        """Lay another volume over the slices, e.g. PET over CT.

        Parameters
        ----------
        volume : Volume
            Of any grid.
        name : str, optional
            By default the modality.
        window : Window or (center, width), optional
            The volume's own by default.
        colormap : str
            Name of a matplotlib colormap.
        opacity : float

        Returns
        -------
        list of str
            The name under which it is found.

        Raises
        ------
        GeometryError
            If its place in the patient is not known, or it belongs to another frame of reference.
        """
        volume = self._placed(volume, None)
        if volume.is_color:
            raise GeometryError(
                "a volume of colours has no values that a colormap could show", remedy="take a channel of it"
            )
        return self._add(
            [
                Fused(
                    name=self._free(name or safe_text(volume.meta.get("Modality") or "") or "volume"),
                    volume=volume,
                    window=volume.default_window if window is None else Window.coerce(window),
                    colormap=colormap,
                    opacity=opacity,
                )
            ]
        )

    def isodoses(
        self,
        dose: Volume,
        levels: Sequence[float],
        *,
        unit: Literal["Gy", "%"] = "Gy",
        reference: float | None = None,
        name: str = "dose",
        colors: Sequence[str] = DOSE_COLORS,
    ) -> list[str]:
        """Draw lines of equal dose over the slices.

        Parameters
        ----------
        dose : Volume
            An RTDOSE that was read by :func:`dicomview.volread`, or any other volume.
        levels : sequence of float
        unit : {"Gy", "%"}
            Whether levels are values of the volume, which are called by its own unit if it tells one, or
            parts of ``reference``.
        reference : float, optional
            The dose that is 100 %; the highest one of the volume by default.
        name : str
        colors : sequence of str
            Of the levels, the highest first.

        Returns
        -------
        list of str
            The name under which they are found.
        """
        volume = self._placed(dose, None)
        lines, labels = isodose_levels(volume, levels, unit=unit, reference=reference, colors=colors)
        return self._add([Isodoses(name=self._free(name), volume=volume, levels=lines, labels=labels)])

    def set(self, name: str, **changes: Any) -> None:
        """Change an overlay: ``visible``, ``opacity``, ``color``, ``window``, ``volume`` ..."""
        old = self[name]
        if "layer" in changes:
            changes["volume"] = changes["layer"].volume
        elif "volume" in changes and isinstance(old, Painted):
            raise TraitError(f"{name!r} is painted: lay another mask with viewer.overlays.paint(volume)")
        elif "volume" in changes:
            changes["volume"] = self._placed(changes["volume"], None)
        if "levels" in changes and isinstance(old, Isodoses):
            changes.setdefault("labels", level_labels(changes.get("volume", old.volume), changes["levels"]))
        new = old.changed(**changes)
        with self._state.lock:
            self._state.overlays = tuple(new if o.name == name else o for o in self._state.overlays)

    def remove(self, name: str) -> None:
        """Take an overlay away."""
        gone = self[name]
        with self._state.lock:
            self._state.overlays = tuple(o for o in self._state.overlays if o is not gone)

    def clear(self) -> None:
        """Take all away."""
        self._state.overlays = ()

    def __getitem__(self, name: str) -> Overlay:
        overlays: tuple[Overlay, ...] = self._state.overlays
        for overlay in overlays:
            if overlay.name == name:
                return overlay
        names = ", ".join(repr(o.name) for o in overlays) or "none"
        raise KeyError(f"there is no overlay {name!r}; there are: {names}")

    def __iter__(self) -> Iterator[Overlay]:
        return iter(self._state.overlays)

    def __len__(self) -> int:
        return len(self._state.overlays)

    def __contains__(self, name: object) -> bool:
        return any(overlay.name == name for overlay in self._state.overlays)

    def __repr__(self) -> str:
        return "\n".join(map(repr, self._state.overlays)) or "no overlays"

    # -- making them ----------------------------------------------------------------------------------

    def _add(self, overlays: Any) -> list[str]:
        overlays = list(overlays)
        with self._state.lock:
            self._state.overlays = (*self._state.overlays, *overlays)
        return [overlay.name for overlay in overlays]

    def _free(self, name: str, made: Sequence[Overlay] = ()) -> str:
        """Return a name that no other overlay has."""
        taken = {overlay.name for overlay in (*self._state.overlays, *made)}
        names = (name if i == 1 else f"{name} {i}" for i in count(1))
        return next(n for n in names if n not in taken)

    def _color(self, offset: int) -> str:
        masks = sum(isinstance(overlay, Mask) for overlay in self._state.overlays)
        return PALETTE[(masks + offset) % len(PALETTE)]

    def _placed(self, given: Any, geometry: Geometry | None) -> Volume:
        return placed_on(self._state.acquired, given, geometry)

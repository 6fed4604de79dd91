"""Link: states of several viewers that go along with each other, by position in mm."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from dicomview.errors import DisplayError, GeometryError
from dicomview.geometry import PLANES, Plane, plane_view
from dicomview.state.model import ViewState
from dicomview.volume import Volume
from dicomview.volume.reference import remark

__all__ = ["Link", "link"]

#: What this thread is passing on: the states that have it already, by what it is and by the link.
_passing = threading.local()


def link(
    *viewers: Any, position: bool = True, window: bool = False, zoom: bool = False, traits: Sequence[str] = ()
) -> "Link":
    """Let viewers go along with each other.

    The others take over what the first one shows; from then on all follow whichever is changed.

    Parameters
    ----------
    *viewers : SliceViewer or ViewState
        Two or more.
    position : bool
        Whether they show the same place in the patient, in mm: their volumes may have different grids. Each
        shows its nearest voxel, and one that was only rounded moves none of the others. Volumes of unknown
        place go along by index, where they have the same shape. Where the frames of reference differ,
        positions need not mean the same: the link says so.
    window : bool
        Whether they have the same window.
    zoom : bool
        Whether they are as large, in mm to the width of the panes, with the same place in the middle.
    traits : sequence of str
        Further traits of :class:`ViewState` that are to be the same: ``"colormap"``, ``"layout"``,
        ``"frame"`` ...

    Returns
    -------
    Link
        ``unlink()`` ends it; ``warnings`` says what is to be known.

    Raises
    ------
    DisplayError
        If there are fewer than two, or nothing is to be linked.
    GeometryError
        If the positions of some of them are not known, and their shapes differ.
    traitlets.TraitError
        If one cannot have the value of the first.

    Examples
    --------
    >>> import dicomview as dv
    >>> fine = dv.Volume.from_array(np.zeros((40, 8, 8)), affine=np.diag([1, 1, 1, 1])[[2, 1, 0, 3]])
    >>> rough = dv.Volume.from_array(np.zeros((10, 8, 8)), affine=np.diag([4, 1, 1, 1])[[2, 1, 0, 3]])
    >>> a, b = dv.ViewState(fine), dv.ViewState(rough)
    >>> both = dv.link(a, b)
    >>> a.index = (13, 4, 4)
    >>> b.index, a.index
    ((3, 4, 4), (13, 4, 4))
    >>> both.unlink()
    """
    states = [viewer if isinstance(viewer, ViewState) else viewer.state for viewer in viewers]
    return Link(states, position=position, window=window, zoom=zoom, traits=traits)


class Link:
    """States that follow each other; made by :func:`dicomview.link`.

    A change is passed on by the thread that makes it, under the lock of the one that follows. Where somebody
    else holds that lock, a thread of its own waits for it and then passes on the newest: no thread ever waits
    for one lock while it holds another.

    Parameters
    ----------
    states : sequence of ViewState
    position, window, zoom, traits
        As for :func:`dicomview.link`.

    Attributes
    ----------
    warnings : tuple of str
        Where places are linked between different frames of reference.
    """

    def __init__(
        self, states: Sequence[ViewState], *, position: bool, window: bool, zoom: bool, traits: Sequence[str]
    ) -> None:
        self._states = list({id(state): state for state in states}.values())
        if len(self._states) < 2:
            raise DisplayError("a link needs two viewers or more", remedy="give another")
        unknown = set(traits) - set(ViewState.class_trait_names()) | set(traits) & {"index", "position"}
        if unknown:
            raise DisplayError(
                f"traits={sorted(unknown)} cannot be linked", remedy="position=True links the place"
            )
        self._kinds: dict[str, tuple[list[str], Callable[[ViewState, ViewState], object]]] = {}
        if position:
            self._by_index = _by_index(self._states)
            self._kinds["place"] = ["index"], self._place
        volumes = [state.acquired for state in self._states]
        told = (remark(volumes[0], volume) for volume in volumes[1:] if position)
        self.warnings = tuple(dict.fromkeys(filter(None, told)))
        if zoom:
            self._kinds["zoom"] = ["zoom", "center"], _zoom
        for name in (*traits, *["window"] * window):
            self._kinds[name] = [name], partial(_same, name)
        if not self._kinds:
            raise DisplayError("nothing is linked", remedy="choose position, window, zoom or traits")
        #: The place that was gone to last, mm or voxels, not rounded to any grid.
        self._target = _place_of(self._states[0], self._states[0].index)
        self._late: dict[tuple[int, str], ViewState] = {}
        self._guard = threading.Lock()
        self._is_on = True
        self._observers: list[tuple[ViewState, Callable[[Any], None], list[str]]] = []
        for kind in self._kinds:
            self._tell(self._states[0], kind)
        self._seen = {id(state): (state.volume.geometry, state.index) for state in self._states}
        for state in self._states:
            for kind, (names, _) in self._kinds.items():
                observer = self._observer(state, kind)
                state.observe(observer, names)
                self._observers.append((state, observer, names))

    def unlink(self) -> None:
        """Let each go its own way again."""
        self._is_on = False
        for state, observer, names in self._observers:
            state.unobserve(observer, names)
        self._observers = []

    def __repr__(self) -> str:
        kinds = ", ".join(self._kinds) if self._is_on else "undone"
        return "\n".join([f"Link of {len(self._states)}: {kinds}", *self.warnings])

    def _observer(self, state: ViewState, kind: str) -> Callable[[Any], None]:
        def changed(change: Any) -> None:
            if kind == "place" and not self._has_moved(state):
                return
            self._tell(state, kind)

        return changed

    def _has_moved(self, state: ViewState) -> bool:
        """Take note of where a state has been moved to; false where it only follows, or has another grid."""
        with self._guard:
            (grid, before), now = self._seen[id(state)], state.index
            self._seen[id(state)] = state.volume.geometry, now
            if grid is not state.volume.geometry or (id(state), id(self)) in _chain():
                return False
            self._target = _moved(state, self._target, before, now)
            return True

    def _tell(self, state: ViewState, kind: str) -> None:
        """Have all others follow."""
        chain = _chain()
        others = [other for other in self._states if (id(other), kind) not in chain and other is not state]
        if not others:
            return
        new = {(id(one), key) for one in (state, *others) for key in (kind, id(self))} - chain
        chain |= new
        try:
            for other in others:
                if other.lock.acquire(blocking=False):
                    try:
                        self._follow(state, other, kind)
                    finally:
                        other.lock.release()
                else:
                    self._follow_later(state, other, kind)
        finally:
            chain -= new

    def _follow(self, state: ViewState, other: ViewState, kind: str) -> None:
        self._kinds[kind][1](state, other)

    def _follow_later(self, state: ViewState, other: ViewState, kind: str) -> None:
        """Have a thread wait for the lock, unless one does so already: it will take the newest."""
        with self._guard:
            is_waiting = (id(other), kind) in self._late
            self._late[id(other), kind] = state
        if not is_waiting:
            threading.Thread(
                target=self._wait, args=(other, kind), name="dicomview link", daemon=True
            ).start()

    def _wait(self, other: ViewState, kind: str) -> None:
        with other.lock:
            with self._guard:
                state = self._late.pop((id(other), kind))
            if self._is_on:
                chain = _chain()
                chain |= {(id(one), key) for one in self._states for key in (kind, id(self))}
                self._follow(state, other, kind)

    def _place(self, state: ViewState, other: ViewState) -> None:
        """Bring a state to the voxel nearest to the target."""
        place = np.asarray(self._target)
        index = place if self._by_index else other.volume.geometry.index(place)
        other.index = tuple(int(i) for i in np.clip(np.rint(index), -1, other.volume.geometry.shape))


def _chain() -> set[tuple[int, str | int]]:
    """Return which states have what this thread passes on."""
    chain: set[tuple[int, str | int]] | None = getattr(_passing, "chain", None)
    if chain is None:
        chain = _passing.chain = set()
    return chain


def _by_index(states: Sequence[ViewState]) -> bool:
    """Return whether positions are unknown, so that voxels of the same index belong together."""
    geometries = [state.volume.geometry for state in states]
    unknown = [geometry.affine is None for geometry in geometries]
    if not any(unknown):
        return False
    shapes = {geometry.shape for geometry in geometries}
    if all(unknown) and len(shapes) == 1:
        return True
    raise GeometryError(
        "places can only be linked where all volumes have an affine, or none has and the shapes are equal; "
        f"here {sum(unknown)} of {len(unknown)} have none, with shapes {sorted(shapes)}",
        remedy="pass position=False",
    )


def _place_of(state: ViewState, index: Sequence[float]) -> tuple[float, ...]:
    """Return the position of a voxel; its index where positions are not known."""
    position = state.volume.geometry.position(index)
    return tuple(float(x) for x in (index if position is None else position))


def _moved(
    state: ViewState, target: Sequence[float], before: Sequence[int], now: Sequence[int]
) -> tuple[float, ...]:
    """Return the target after a step of a state: along axes in which it did not move, the target stays."""
    geometry = state.volume.geometry
    place = target if geometry.affine is None else geometry.index(target)
    index = [new if new != old else float(at) for at, old, new in zip(place, before, now)]
    return _place_of(state, index)


def _same(name: str, state: ViewState, other: ViewState) -> None:
    setattr(other, name, getattr(state, name))


def _zoom(state: ViewState, other: ViewState) -> None:
    """Show the same field of view around the same place."""
    with other.hold_trait_notifications():
        wide = _width(state), _width(other)
        other.zoom = state.zoom if None in wide else state.zoom * wide[1] / wide[0]  # type: ignore[operator]
        other.center = _center(state, other.volume)


def _width(state: ViewState) -> float | None:
    """Return what the panes show from left to right at a zoom of 1, mm; None where it is not known."""
    planes: list[Plane] = [plane for plane in PLANES if state.layout in ("ortho", plane)]
    geometry, width = state.volume.upright, 0.0
    for axis in (plane_view(geometry, plane).right for plane in planes or [state.volume.slice_plane]):
        spacing = geometry.spacing[axis]
        if spacing is None:
            return None
        width += geometry.shape[axis] * spacing
    return width


def _center(state: ViewState, volume: Volume) -> tuple[float, ...] | None:
    """Return the voxel of another volume that is in the middle of the panes of a state."""
    here = state.volume.geometry
    if state.center is None and volume.geometry == here:
        return None
    if here.affine is None or volume.geometry.affine is None:
        return state.center if here.shape == volume.geometry.shape else None
    middle = state.volume.middle if state.center is None else state.center
    place = here.position(middle)
    return None if place is None else tuple(volume.geometry.index(place).tolist())

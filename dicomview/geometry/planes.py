"""Anatomical planes: which array axis each one crosses and how it is turned for display."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any, Literal, get_args

import numpy as np

from dicomview.geometry.geometry import Geometry

__all__ = [
    "CONVENTIONS",
    "PLANES",
    "Convention",
    "Plane",
    "PlaneView",
    "letters",
    "obliquity",
    "plane_axes",
    "plane_of",
    "plane_view",
]

Plane = Literal["axial", "coronal", "sagittal"]
#: Which side of the patient is on the right of axial and coronal pictures: L, or R.
Convention = Literal["radiological", "neurological"]
CONVENTIONS: tuple[Convention, ...] = get_args(Convention)
#: The planes in the order in which they are shown.
PLANES: tuple[Plane, ...] = get_args(Plane)

#: LPS component that each plane is perpendicular to.
_NORMAL = {"axial": 2, "coronal": 1, "sagittal": 0}
#: LPS component and sign shown to the right and downwards, radiological convention.
_RIGHT = {"axial": (0, 1), "coronal": (0, 1), "sagittal": (1, 1)}
_DOWN = {"axial": (1, 1), "coronal": (2, -1), "sagittal": (2, -1)}
#: Direction cosines below this do not earn a letter.
LETTER_CUTOFF = 1e-4


def plane_axes(geometry: Geometry) -> dict[Plane, int]:
    """Return the array axis that each plane steps along.

    Parameters
    ----------
    geometry : Geometry

    Returns
    -------
    dict of str to int
        The assignment that maximises the sum of |cosines| between the array axes and S, P, L. Without
        orientation the slices are taken for axial: ``{"axial": 0, "coronal": 1, "sagittal": 2}``.

    Examples
    --------
    >>> plane_axes(Geometry((10, 20, 30)))
    {'axial': 0, 'coronal': 1, 'sagittal': 2}
    """
    if geometry.affine is None:
        return dict(zip(PLANES, range(3)))
    cosines = abs(geometry.affine[:3, :3] / np.linalg.norm(geometry.affine[:3, :3], axis=0))
    normals = [_NORMAL[plane] for plane in PLANES]
    best = max(
        permutations(range(3)),
        key=lambda axes: sum(cosines[n, a] for n, a in zip(normals, axes)),
    )
    return dict(zip(PLANES, best))


def letters(direction: Sequence[float] | np.ndarray) -> str:
    """Return the sides of the patient that a direction points to, strongest first.

    Parameters
    ----------
    direction : array_like of shape (3,)
        LPS vector of any length.

    Returns
    -------
    str
        Up to three of L, R, P, A, S, I. Components below 1e-4 of the length do not count.

    References
    ----------
    DICOM PS3.3 C.7.6.1.1.1 (Patient Orientation).

    Examples
    --------
    >>> letters([0.98, -0.2, 0.0])
    'LA'
    """
    vector = np.asarray(direction, dtype=np.float64)
    vector = vector / np.linalg.norm(vector)
    order = np.argsort(-abs(vector), kind="stable")
    return "".join("LPS"[i] if vector[i] > 0 else "RAI"[i] for i in order if abs(vector[i]) > LETTER_CUTOFF)


def plane_of(normal: Sequence[float] | np.ndarray) -> Plane:
    """Return the anatomical plane that is closest to perpendicular to an LPS vector.

    Examples
    --------
    >>> plane_of([0.1, 0, -1])
    'axial'
    """
    return max(PLANES, key=lambda plane: abs(normal[_NORMAL[plane]]))


@dataclass(frozen=True)
class PlaneView:
    """How one plane of a volume is laid on the screen.

    Attributes
    ----------
    plane : {"axial", "coronal", "sagittal"}
    axis : int
        Array axis (0 slice, 1 row, 2 column) that the plane steps along.
    down, right : int
        Array axes that run vertically and horizontally on the screen.
    flip_down, flip_right : bool
        Whether the index decreases downwards, or to the right.
    aspect : float or None
        Height of a pixel / its width as displayed; None when the spacing is not known.
    edges : tuple of str
        Letters at the top, bottom, left and right edge; empty without orientation.
    """

    plane: Plane
    axis: int
    down: int
    right: int
    flip_down: bool
    flip_right: bool
    aspect: float | None
    edges: tuple[str, str, str, str]

    def take(self, array: Any, index: int) -> Any:
        """Return slice ``index`` as an image with rows downwards; a view, without the flips.

        The flips are left to the axes, so that data coordinates stay array indices.
        """
        key: list[Any] = [slice(None)] * 3
        key[self.axis] = index
        image = array[tuple(key)]
        return image if self.down < self.right else image.swapaxes(0, 1)

    def flipped(self, image: Any) -> Any:
        """Return an image of :meth:`take` turned as on the screen."""
        return image[:: -1 if self.flip_down else 1, :: -1 if self.flip_right else 1]

    def on(self, geometry: Geometry) -> "PlaneView":
        """Return the view of the same axes of another grid: its letters, and the shape of its pixels.

        Examples
        --------
        >>> geometry = Geometry((9, 8, 7), affine=np.eye(4)[[2, 1, 0, 3]])
        >>> fine = Geometry((9, 8, 14), affine=np.diag([1, 1, 0.5, 1])[[2, 1, 0, 3]])
        >>> plane_view(geometry, "axial").on(fine).aspect
        2.0
        """
        height, width = geometry.spacing[self.down], geometry.spacing[self.right]
        aspect = None if height is None or width is None else height / width
        if geometry.affine is None:
            return replace(self, aspect=aspect)
        rightwards = geometry.affine[:3, self.right] * (-1 if self.flip_right else 1)
        downwards = geometry.affine[:3, self.down] * (-1 if self.flip_down else 1)
        edges = (letters(-downwards), letters(downwards), letters(-rightwards), letters(rightwards))
        return replace(self, aspect=aspect, edges=edges)

    def mirrored(self) -> "PlaneView":
        """Return the view with left and right exchanged.

        Examples
        --------
        >>> geometry = Geometry((9, 8, 7), affine=np.eye(4)[[2, 1, 0, 3]])
        >>> plane_view(geometry, "axial").mirrored().edges
        ('A', 'P', 'L', 'R')
        """
        top, bottom, left, right = self.edges
        return replace(self, flip_right=not self.flip_right, edges=(top, bottom, right, left))

    def turned(self, quarters: int = 1) -> "PlaneView":
        """Return the view turned clockwise by so many quarters.

        Examples
        --------
        >>> geometry = Geometry((9, 8, 7), affine=np.eye(4)[[2, 1, 0, 3]])
        >>> plane_view(geometry, "axial").turned().edges
        ('R', 'L', 'P', 'A')
        """
        view = self
        for _ in range(quarters % 4):
            top, bottom, left, right = view.edges
            view = replace(
                view,
                down=view.right,
                right=view.down,
                flip_down=view.flip_right,
                flip_right=not view.flip_down,
                aspect=None if view.aspect is None else 1 / view.aspect,
                edges=(left, right, bottom, top),
            )
        return view


def plane_view(geometry: Geometry, plane: Plane, *, convention: Convention = "radiological") -> PlaneView:
    """Return how a plane is shown.

    Axial: right of the picture is the patient's left, up is anterior. Coronal: left and superior.
    Sagittal: right is posterior, up is superior. In the neurological convention the patient's right is
    on the right of axial and coronal pictures. Oblique volumes are shown in the planes of their
    acquisition that come closest.

    Parameters
    ----------
    geometry : Geometry
    plane : {"axial", "coronal", "sagittal"}
    convention : {"radiological", "neurological"}

    Returns
    -------
    PlaneView

    Examples
    --------
    >>> view = plane_view(Geometry((9, 8, 7), affine=np.diag([3, 1, 1, 1])[[2, 1, 0, 3]]), "coronal")
    >>> view.axis, view.flip_down, view.edges
    (1, True, ('S', 'I', 'R', 'L'))
    """
    axes = plane_axes(geometry)
    by_component = {_NORMAL[name]: axis for name, axis in axes.items()}
    (right_component, right_sign), (down_component, down_sign) = _RIGHT[plane], _DOWN[plane]
    right, down = by_component[right_component], by_component[down_component]
    if geometry.affine is None:
        # Rows run downwards as stored; across slices the first one is at the bottom, as in axial CT.
        flip_down, flip_right = plane != "axial", False
    else:
        flip_right = bool(geometry.affine[right_component, right] * right_sign < 0)
        flip_down = bool(geometry.affine[down_component, down] * down_sign < 0)
    nameless = PlaneView(plane, axes[plane], down, right, flip_down, flip_right, None, ("", "", "", ""))
    view = nameless.on(geometry)
    swaps = geometry.affine is not None and convention == "neurological" and plane != "sagittal"
    return view.mirrored() if swaps else view


def obliquity(geometry: Geometry) -> float | None:
    """Return the largest angle in degrees between an axis of the slices and the patient's nearest one.

    Row, column and normal of the slices count; the direction of stacking, which a tilted gantry slants,
    does not. None without an affine.

    Examples
    --------
    >>> turned = np.array([[0, 0.6, 0.8, 0], [0, 0.8, -0.6, 0], [2, 0, 0, 0], [0, 0, 0, 1]])
    >>> round(obliquity(Geometry((9, 8, 7), affine=turned)), 2)
    36.87
    """
    if geometry.affine is None or geometry.normal is None:
        return None
    axes = geometry.affine[:3, :3].copy()
    axes[:, 0] = geometry.normal
    axes /= np.linalg.norm(axes, axis=0)
    nearest = [axes[_NORMAL[plane], axis] for plane, axis in plane_axes(geometry).items()]
    return float(np.degrees(np.arccos(np.clip(np.abs(nearest).min(), 0, 1))))

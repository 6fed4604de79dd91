"""Where voxels are: affines, anatomical planes, letters, numpy only."""

from dicomview.geometry.geometry import Geometry
from dicomview.geometry.planes import PLANES, Plane, PlaneView, letters, plane_axes, plane_of, plane_view
from dicomview.geometry.reslice import deshear

__all__ = [
    "PLANES",
    "Geometry",
    "Plane",
    "PlaneView",
    "deshear",
    "letters",
    "plane_axes",
    "plane_of",
    "plane_view",
]

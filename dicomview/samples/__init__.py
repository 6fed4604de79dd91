"""Synthetic DICOM series with known contents: a head CT and a knee MR, and the means to write more."""

from .head import head_phantom
from .knee import knee_phantom
from .library import head_ct, knee_mr
from .phantom import Phantom
from .shapes import Body, Ellipsoid, Folds, HalfSpace, Tube
from .writer import write_series

__all__ = [
    "Body",
    "Ellipsoid",
    "Folds",
    "HalfSpace",
    "Phantom",
    "Tube",
    "head_ct",
    "head_phantom",
    "knee_mr",
    "knee_phantom",
    "write_series",
]

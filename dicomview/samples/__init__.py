"""Synthetic DICOM series with known contents: a head CT and a knee MR; writing more, serving them."""

from dicomview.samples.head import head_phantom
from dicomview.samples.knee import knee_phantom
from dicomview.samples.library import head_ct, knee_mr
from dicomview.samples.phantom import Phantom
from dicomview.samples.server import SampleServer, serve
from dicomview.samples.shapes import Body, Ellipsoid, Folds, HalfSpace, Tube
from dicomview.samples.writer import write_series

__all__ = [
    "Body",
    "Ellipsoid",
    "Folds",
    "HalfSpace",
    "Phantom",
    "SampleServer",
    "Tube",
    "head_ct",
    "head_phantom",
    "knee_mr",
    "knee_phantom",
    "serve",
    "write_series",
]

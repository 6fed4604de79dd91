"""Synthetic DICOM series with known contents: CT, perfusion, PET of a head, MR of a knee; a server."""

from dicomview.samples.head import head_phantom
from dicomview.samples.knee import knee_phantom
from dicomview.samples.library import head_ct, head_perfusion, head_pet, knee_mr
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
    "head_perfusion",
    "head_pet",
    "head_phantom",
    "knee_mr",
    "knee_phantom",
    "serve",
    "write_series",
]

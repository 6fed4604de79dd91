"""Pictures that stand for themselves: looks, montages, planes; and pictures that move."""

from dicomview.export.animation import Animation, animate
from dicomview.export.curves import plot_profile
from dicomview.export.pictures import compare_aspect, looks, montage, planes

__all__ = ["Animation", "animate", "compare_aspect", "looks", "montage", "planes", "plot_profile"]

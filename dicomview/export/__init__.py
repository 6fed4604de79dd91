"""Pictures that stand for themselves: looks, montages, planes."""

from dicomview.export.curves import plot_profile
from dicomview.export.pictures import compare_aspect, looks, montage, planes

__all__ = ["compare_aspect", "looks", "montage", "planes", "plot_profile"]

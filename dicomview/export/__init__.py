"""Pictures that stand for themselves: looks, montages, planes."""

from dicomview.export.pictures import compare_aspect, looks, montage, planes

__all__ = ["compare_aspect", "looks", "montage", "planes"]

"""Pointer and key events to state; tools never touch artists."""

from dicomview.tools.pointer import PointerTool

__all__ = ["PointerTool"]

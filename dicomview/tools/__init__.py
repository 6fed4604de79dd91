"""Pointer and key events to state; tools never touch artists."""

from dicomview.tools.cine import CineTool
from dicomview.tools.keys import HELP, KeyTool
from dicomview.tools.pointer import PointerTool, chosen_tool

__all__ = ["HELP", "CineTool", "KeyTool", "PointerTool", "chosen_tool"]

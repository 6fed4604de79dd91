"""Pointer and key events to state; tools never touch artists."""

from dicomview.tools.cine import CineTool
from dicomview.tools.keys import HELP, KeyTool
from dicomview.tools.measuring import BY_CLICKS, MeasuringTool
from dicomview.tools.pointer import PointerTool, chosen_tool

__all__ = ["BY_CLICKS", "HELP", "CineTool", "KeyTool", "MeasuringTool", "PointerTool", "chosen_tool"]

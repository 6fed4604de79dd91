"""Sizes that the controls have in common."""

from typing import Any

import ipywidgets as widgets

__all__ = ["PANEL_ROOM", "PANEL_WIDTH", "TOOLBAR_ROOM", "check", "control"]

PANEL_WIDTH = "240px"
#: What panel and toolbar take in the page: kept free until they are there.
PANEL_ROOM, TOOLBAR_ROOM = "262px", "30px"


def control(kind: Any, description: str, **options: Any) -> Any:
    """Make a control of the width of the panel with its name beside it."""
    return kind(
        description=description,
        style={"description_width": "62px"},
        layout=widgets.Layout(width=PANEL_WIDTH),
        **options,
    )


def check(description: str, **options: Any) -> Any:
    """Make a checkbox of half the width of the panel."""
    return widgets.Checkbox(
        description=description, indent=False, layout=widgets.Layout(width="112px", margin="0 2px"), **options
    )

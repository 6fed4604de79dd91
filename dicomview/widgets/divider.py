"""Divider: the line of a curtain over the panes of a viewer, dragged in the page."""

from pathlib import Path
from typing import Any

import anywidget
import traitlets

from dicomview.render import PanesRenderer
from dicomview.state import Pane

__all__ = ["Divider", "lanes_of"]

_CSS = """
.dicomview-dividers { position: absolute; left: 0; top: 0; pointer-events: none; z-index: 3; overflow: hidden; }
.dicomview-divider { position: absolute; transform: translateX(-50%); cursor: col-resize; touch-action: none;
  pointer-events: auto; }
.dicomview-divider::before { content: ""; position: absolute; left: 50%; top: 0; bottom: 0; width: 2px;
  margin-left: -1px; background: #33c1c9; }
.dicomview-divider::after { content: "\\2194"; position: absolute; left: 50%; top: 50%; width: 20px;
  height: 20px; margin: -10px; border-radius: 10px; background: #33c1c9; color: #000; text-align: center;
  font: 14px/20px sans-serif; }
"""  # noqa: E501


class Divider(anywidget.AnyWidget):  # type: ignore[misc]
    """Invisible itself; put it inside an element of class ``dicomview-compare`` that holds one viewer.

    Attributes
    ----------
    value : float
        Where the curtain is: part of the width of the volume in every pane.
    lanes : list of dict
        See :func:`lanes_of`.
    """

    # As text: anywidget would watch a path, and hold on to every widget meanwhile.
    _esm = Path(__file__).with_name("divider.js").read_text(encoding="utf-8")
    _css = _CSS
    value = traitlets.Float(0.5).tag(sync=True)
    lanes: Any = traitlets.List().tag(sync=True)


def lanes_of(renderer: PanesRenderer) -> list[dict[str, float]]:
    """Return where the line goes to and fro in every pane, as parts of the canvas from its upper left corner.

    Returns
    -------
    list of dict
        ``x0`` and ``x1``: where the volume begins and ends; ``left``, ``right``, ``top`` and ``bottom`` of
        the pane.
    """
    width, height = renderer.figure.bbox.size  # type: ignore[attr-defined]
    lanes = []
    for ax, pane, _ in renderer.shown():
        ax.apply_aspect()
        box = ax.bbox
        start, end = _ends(pane, pane.volume.geometry.shape)
        lanes.append(
            {
                "left": box.x0 / width,
                "right": box.x1 / width,
                "top": 1 - box.y1 / height,
                "bottom": 1 - box.y0 / height,
                "x0": (box.x0 + start * box.width) / width,
                "x1": (box.x0 + end * box.width) / width,
            }
        )
    return [{name: float(value) for name, value in lane.items()} for lane in lanes]


def _ends(pane: Pane, shape: Any) -> tuple[float, float]:
    """Return where the volume begins and ends on the screen, as parts of the pane from its left."""
    low, high = pane.box[:2]
    ends = ((-0.5 - low) / (high - low), (shape[pane.view.right] - 0.5 - low) / (high - low))
    return (1 - ends[1], 1 - ends[0]) if pane.view.flip_right else ends

"""Staging: a viewer whose slices the page paints; what changes on either side reaches the other."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from dicomview.display import Window
from dicomview.geometry import PLANES
from dicomview.state import Scene, ViewState
from dicomview.tools import PointerTool
from dicomview.widgets.cells import after_cell
from dicomview.widgets.page import PageLink
from dicomview.widgets.stage import Stage, described

__all__ = ["Staging"]

#: Seconds from the first word of the canvas in the page until our script must have said one too.
PATIENCE = 2.0
#: What the page may change.
_CHANGED = frozenset(("index", "frame", "window", "zoom", "center", "invert", "pointer", "playing"))
#: What changes nothing in the picture, but in what the page does.
_DONE_THERE = ("brush_mm", "cine", "cine_mode", "fps", "level_drag", "playing", "step_mm", "tool")


class Staging:
    """Leaves the slices to the page as soon as its script is there.

    Parameters
    ----------
    state : ViewState
    page : PageLink
    canvas : LiveCanvas or StillCanvas
    pointer : PointerTool
        Idle as long as the page does what it does.
    resolved : callable
        Returns the scene of the state.
    sliders : callable
        Returns the sliders that the page moves by itself, by what they move.
    on_raised : callable
        Called when the page takes over.
    on_missing : callable
        Called once where there is a page, but not our script in it.

    Attributes
    ----------
    is_on : bool
        Whether the page paints.
    """

    def __init__(
        self,
        state: ViewState,
        page: PageLink,
        canvas: Any,
        pointer: PointerTool,
        *,
        resolved: Callable[[], Scene],
        sliders: Callable[[], dict[str, Any]],
        on_raised: Callable[[], object],
        on_missing: Callable[[], object],
    ) -> None:
        self._state, self._canvas, self._pointer = state, canvas, pointer
        self._resolved, self._sliders = resolved, sliders
        self._on_raised, self._on_missing = on_raised, on_missing
        self._page, self._stage = page, Stage(state, page)
        self.is_on, self._page_speaks = False, False
        #: By view of the page and trait: the last message that was heard of it.
        self._heard: dict[str, dict[str, int]] = {}
        page.handlers.update(
            hello=self._raise,
            rotate=lambda turn: pointer.rotate(turn["plane"], turn["degrees"], drag=turn["drag"]),
            bye=lambda view: self._heard.pop(view, None),
            state=self._told,
        )
        state.observe(self.show, _DONE_THERE)
        state.observe(self._touched, "touched")
        canvas.may_overlay(True)
        self._deadline: asyncio.TimerHandle | None = None
        canvas.widget.on_msg(self._spoken)

    def close(self) -> None:
        """Stop following the state."""
        self._state.unobserve(self.show, _DONE_THERE)
        self._state.unobserve(self._touched, "touched")
        if self._deadline is not None:
            self._deadline.cancel()

    def _spoken(self, _: Any, content: Any, buffers: Any) -> None:
        """Follow the screen of the page; give our script some time, from the first word of the canvas on."""
        if "state" in content:
            self._told(content["state"])  # before a press
        if content.get("type") == "set_device_pixel_ratio":
            self.show()  # the canvas heard of it before
        if content.get("type") != "initialized" or self.is_on or self._deadline is not None:
            return
        with suppress(RuntimeError):  # without a loop there is no page
            self._deadline = asyncio.get_running_loop().call_later(PATIENCE, self._give_up)

    def _give_up(self) -> None:
        """Let the kernel draw for good, unless our script comes after all."""
        if not self.is_on:
            self._canvas.may_overlay(False)
            self._on_missing()

    def show(self, change: Any = None) -> None:
        """Send the page what it is to show; not what it has told itself."""
        if self.is_on and not (self._page_speaks and len(self._heard) == 1):
            self._send()

    def send_ahead(self) -> None:
        """Have the view ready for a page that comes: it need not ask and wait."""
        if self.is_on or self._state.volume.is_lazy:
            return  # slices that have to be read first must not keep the rest waiting
        self._page.later = None
        self._stage.begin(is_far=True)  # who knows
        with self._page.sending_ahead("ahead"):
            self._send(coarse=False)
        after_cell(self._send_coarse_ahead)

    def _send_coarse_ahead(self) -> None:
        """Let the page browse also if other cells keep the kernel from hearing of it."""
        if not self.is_on and self._page.later is None:
            with self._page.sending_ahead("later"):
                self._stage.send_coarse(self._state.frame)

    def _send(self, *, coarse: bool = True) -> None:
        with self._state.lock:
            scene = self._resolved()
            self._canvas.renderer.update(scene, self._state.volume)
            sliders = {name: slider.model_id for name, slider in self._sliders().items()}
            told = described(
                self._state,
                scene,
                self._canvas.renderer,
                volume=self._stage.volume_name,
                overlays=self._stage.overlays_name,
                canvas=self._canvas.widget.model_id,
                sliders=sliders,
                span=self._pointer.value_range,
            )
            self._stage.show(told, self._heard, coarse=coarse)

    def _touched(self, change: Any) -> None:
        if (self.is_on or self._page.ahead is not None) and change["new"] is not None:
            self._stage.touch(change["new"].box)

    def repaint(self) -> bool:
        """Send what was painted; returns whether anything is."""
        return self.is_on and self._stage.repaint()

    def _raise(self, hello: dict[str, Any]) -> None:
        """Leave the slices to the page, which is there now."""
        with self._state.lock:
            self._heard.setdefault(hello["view"], {})
            self._canvas.may_overlay(True)
            is_new = self._page.ahead is None or not hello["ahead"]
            self._stage.begin(is_far=hello["far"], is_new=is_new)
            self._page.ahead = self._page.later = None
            was_on, self.is_on = self.is_on, True
            self.show()
            self._stage.repaint()  # what was painted since the slices were sent ahead
            if not was_on:
                self._canvas.overlay()
                self._pointer.is_idle = True
                self._on_raised()

    def _told(self, told: dict[str, Any]) -> None:
        """Take over what was changed in the page, but for what a later message told already.

        Messages overtake each other: ipykernel brings them to the thread that spoke to the page last, so that
        some wait for a cell that runs and others do not.
        """
        changed, plane, sequence = told["changed"], told["plane"], told["sequence"]
        with self._state.lock:
            heard = self._heard.setdefault(told["view"], {})
            is_newest = sequence > max(heard.values(), default=0)
            new = {name for name in _CHANGED & set(changed) if sequence > heard.get(name, 0)}
            heard.update({name: sequence for name in new})
            self._page_speaks = True
            led = self._sliders().values()
            for slider in led:
                slider.is_led = True
            try:
                if is_newest and plane in PLANES:
                    self._pointer.plane = plane
                for name in new:
                    value = changed[name]
                    setattr(self._state, name, Window(*value) if name == "window" else value)
            finally:
                self._page_speaks = False
                for slider in led:
                    slider.is_led = False

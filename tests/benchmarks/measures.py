"""What is measured of a viewer in a page: first picture, single steps, bursts, drags, jumps."""

from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import psutil
from contestants import SETUP, Contestant
from notebook_page import NotebookPage

PROBE = Path(__file__).with_name("probe.js").read_text(encoding="utf-8")
#: Steps per second of a burst, and of moves of a drag.
RATE = 60
#: Slices of a jump: twice as far as a viewer fetches ahead, so that one back can fall between two others.
JUMP = 53
#: Where the second pane of dicomview is.
SECOND = (0.52, 0.4)
#: Seconds of a frame of the display.
FRAME = 1 / 60
#: Runs the cell that was added last.
RUN = """(seconds) => {
    const run = () => window.jupyterapp.commands.execute('notebook:run-cell');
    return window.bench.first(run, seconds);
}"""
APPEND = """(source) => {
    for (const widget of window.jupyterapp.shell.widgets('main')) {
        if (!widget.content?.model?.sharedModel) continue;
        const notebook = widget.content;
        const shared = notebook.model.sharedModel;
        shared.insertCell(shared.cells.length, {cell_type: 'code', source, metadata: {trusted: true}});
        notebook.deselectAll();
        notebook.activeCellIndex = notebook.widgets.length - 1;
        window.jupyterapp.shell.activateById(widget.id);
    }
}"""


@dataclass
class Results:
    """Figures of one viewer over one link."""

    steps: list[float] = field(default_factory=list)
    jumps: list[float] = field(default_factory=list)
    exact: list[float] = field(default_factory=list)
    drags: list[float] = field(default_factory=list)
    bursts: list[dict[str, float]] = field(default_factory=list)
    drag_bursts: list[dict[str, float]] = field(default_factory=list)
    lost: int = 0
    stale: int = 0
    cpu: list[float] = field(default_factory=list)
    first: dict[str, float] | None = None
    step_bytes: list[float] = field(default_factory=list)

    def row(self) -> dict[str, float]:
        """Return the figures that the table shows."""
        rows: dict[str, float] = {}
        for name, values in [
            ("step", self.steps),
            ("jump", self.jumps),
            ("exact", self.exact),
            ("drag", self.drags),
        ]:
            if values:
                rows[f"{name} median"] = median(values)
                rows[f"{name} p95"] = sorted(values)[max(round(0.95 * len(values)) - 1, 0)]
        for name, bursts in [("burst", self.bursts), ("drag burst", self.drag_bursts)]:
            if bursts:
                shown = sum(b["all"] for b in bursts)
                rows[f"{name} frames/s"] = median(b["shown"] / b["seconds"] for b in bursts)
                rows[f"{name} late"] = median(b["late"] for b in bursts)
                rows[f"{name} kB/frame"] = sum(b["bytes"] for b in bursts) / max(shown, 1) / 1e3
        if self.bursts:
            rows["burst stale"] = self.stale
            rows["burst steps lost"] = self.lost
            rows["burst CPU"] = median(b["cpu"] for b in self.bursts)
        if self.step_bytes:
            rows["step kB"] = median(self.step_bytes) / 1e3
        if self.cpu:
            rows["step CPU"] = median(self.cpu)
        if self.first:
            rows["first ms"] = self.first["ms"]
            rows["first MB"] = self.first["bytes"] / 1e6
        return rows


class Run:
    """One viewer in a page of its own.

    Parameters
    ----------
    book : NotebookPage
        On a page into which ``PROBE`` was injected.
    contestant : Contestant
    quiet : float
        ms without another frame after which a picture counts as at rest.
    """

    def __init__(self, book: NotebookPage, contestant: Contestant, *, quiet: float) -> None:
        self.book, self.contestant, self.quiet = book, contestant, quiet
        self.results = Results()
        self.page = book.page
        self._moments = Random(0)

    def start(self, timeout: float) -> None:
        """Open a notebook, make the viewer and wait for its first picture."""
        one = self.contestant
        self.book.open([SETUP])
        self.book.run_all()
        pid = int(self.book.value("__import__('os').getpid()"))
        self.kernel = psutil.Process(pid)
        self._aim(one.place)
        self.page.evaluate(APPEND, one.cell.strip())
        self.results.first = self.page.evaluate(RUN, timeout)
        assert self.results.first, f"{one.name}: no picture within {timeout:g} s"
        self._rest(3.0)
        self.page.locator(one.picture).last.scroll_into_view_if_needed()
        self.focus()

    def focus(self) -> None:
        """Give the viewer the keys, or the wheel."""
        if self.contestant.focus:
            handle = next(h for h in self.page.locator(self.contestant.focus).all() if h.is_visible())
            handle.scroll_into_view_if_needed()
            handle.focus()
        if self.contestant.wheel:
            self._to_picture()  # keys go to the plane under the pointer

    def go(self, k: int) -> None:
        """Move to a slice from Python."""
        if self.contestant.go:
            self.book.value(self.contestant.go.replace("K", str(k)))
            self._rest(0.7)

    def steps(self, count: int) -> None:
        """Press a key, wait until the picture rests, and again."""
        cpu, bytes_before = self._cpu(), self._bytes()
        for _ in range(count):
            seen = self._after("wheel" if not self.contestant.key else "keydown", self._step)
            if seen:
                self.results.steps.append(seen[0])
        self.results.cpu.append((self._cpu() - cpu) * 1e3 / count)
        self.results.step_bytes.append((self._bytes() - bytes_before) / count)

    def burst(self, seconds: float) -> None:
        """Send steps faster than most viewers draw; then look whether the picture at rest is right."""
        one = self.contestant
        start, cpu = self._index(), self._cpu()
        result = self._send("wheel" if one.wheel else "keydown", seconds)
        self._rest(1.0)
        sent = round(RATE * seconds)
        result |= {"seconds": seconds, "cpu": (self._cpu() - cpu) * 1e3 / sent}
        self.results.bursts.append(result)
        if one.index:
            self.results.lost += sent - (self._index() - start)
        shown = self.page.evaluate("() => window.bench.whole()")
        self._after("keydown" if one.key else "wheel", self._step)  # there and back: drawn afresh
        self._back()
        self._rest(0.5)
        self.results.stale += shown != self.page.evaluate("() => window.bench.whole()")

    def drag(self, count: int, seconds: float) -> None:
        """Change the window with the pointer: moves one at a time, then many."""
        x, y = self._to_picture()
        self.page.mouse.down()
        try:
            self.page.mouse.move(x, y + 8)
            self._rest(0.5)
            for i in range(count):
                seen = self._after("mousemove", lambda to=y + 20 + 8 * i: self.page.mouse.move(x, to))
                if seen:
                    self.results.drags.append(seen[0])
            self.results.drag_bursts.append(self._send("mousemove", seconds) | {"seconds": seconds})
        finally:
            self.page.mouse.up()
        self.focus()

    def jump(self, count: int) -> None:
        """Turn the wheel far at once over the second pane, to where nothing was fetched.

        Noted are the first picture of the new slice and the last one, at rest.
        """
        self._aim(SECOND)
        self._to_picture(SECOND)
        for i in range(count):
            far = -JUMP * 5 // 2 if i % 4 == 3 else JUMP
            seen = self._after("wheel", lambda far=far: self.page.mouse.wheel(0, -100 * far))
            if seen:
                self.results.jumps.append(seen[0])
                self.results.exact.append(seen[-1])
        self._aim(self.contestant.place)

    # -- parts --

    def _aim(self, place: tuple[float, float]) -> None:
        self.page.evaluate("([s, p]) => { window.bench.aim(s, p); }", [self.contestant.picture, place])

    def _to_picture(self, place: tuple[float, float] | None = None) -> tuple[float, float]:
        box = self.page.locator(self.contestant.picture).last.bounding_box()
        assert box is not None
        across, down = place or self.contestant.place
        x, y = box["x"] + across * box["width"], box["y"] + down * box["height"]
        self.page.mouse.move(x, y)
        return x, y

    def _send(self, event: str, seconds: float) -> dict[str, float]:
        one = self.contestant
        args = [event, one.wheel, one.place, one.key, RATE, seconds, max(self.quiet, 700)]
        return self.page.evaluate("args => window.bench.burst(...args)", args)

    def _step(self) -> None:
        if self.contestant.key:
            self.page.keyboard.press(self.contestant.key)
        else:
            self.page.mouse.wheel(0, -100)

    def _back(self) -> None:
        opposite = {"ArrowUp": "ArrowDown", "ArrowRight": "ArrowLeft"}
        if self.contestant.key:
            self._after("keydown", lambda: self.page.keyboard.press(opposite[self.contestant.key]))
        else:
            self._after("wheel", lambda: self.page.mouse.wheel(0, 100))

    def _after(self, event: str, act: Any) -> list[float]:
        """Act at any moment of a display frame, and return the times of the frames after the event."""
        self.page.evaluate("([e, q]) => { window.bench.arm(e, q); }", [event, self.quiet])
        self._rest(self._moments.uniform(0, FRAME))
        act()
        return self.page.evaluate("() => window.bench.armed")

    def _rest(self, seconds: float) -> None:
        self.page.wait_for_timeout(seconds * 1e3)

    def _index(self) -> int:
        return int(self.book.value(self.contestant.index)) if self.contestant.index else 0

    def _bytes(self) -> int:
        return self.page.evaluate("() => window.bench.bytes")

    def _cpu(self) -> float:
        """Return the seconds that the kernel has computed: to the nanosecond where the system tells."""
        try:
            tasks = Path(f"/proc/{self.kernel.pid}/task").glob("*/schedstat")
            return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9
        except OSError:
            times = self.kernel.cpu_times()
            return times.user + times.system

"""A notebook in a real front end, driven the way a person drives it: keys, clicks and visible pixels."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page
    from serving import JupyterServer

FrontEnd = Literal["lab", "notebook"]

DIALOG = ".jp-Dialog"
HANDLE = ".noUi-handle[role=slider]"
CANVAS = ".jupyter-matplotlib-canvas-container"

# Every script sees the application object that both front ends publish, and the one open notebook.
_FIND_PANEL = """
    const app = window.jupyterapp;
    let panel = null;
    if (app && app.shell) {
        for (const widget of app.shell.widgets('main')) {
            if (widget.sessionContext && widget.content && widget.content.model) { panel = widget; break; }
        }
    }
"""

_IS_READY = (
    "() => {"
    + _FIND_PANEL
    + """
    if (!panel || !panel.content.widgets.length) return 'no notebook yet';
    const session = panel.sessionContext;
    if (!session.isReady) return 'the session is not ready';
    const kernel = session.session && session.session.kernel;
    if (!kernel) return 'no kernel';
    if (kernel.connectionStatus !== 'connected') return 'kernel ' + kernel.connectionStatus;
    return kernel.status === 'idle' ? '' : 'kernel ' + kernel.status;
}"""
)

_CELLS = (
    "() => {"
    + _FIND_PANEL
    + """
    return panel.content.widgets.filter(cell => cell.model.type === 'code').map(cell => ({
        count: cell.model.executionCount,
        outputs: cell.model.outputs.toJSON(),
    }));
}"""
)

# Execution is started here and watched from outside, so that a dead kernel is a time-out, not a hang.
_RUN = (
    "(command) => {"
    + _FIND_PANEL
    + """
    app.shell.activateById(panel.id);
    const run = {done: false, error: ''};
    window.dicomviewRun = run;
    app.commands.execute(command).then(
        () => { run.done = true; },
        reason => { run.done = true; run.error = String(reason); },
    );
}"""
)

_APPEND_CELL = (
    "(source) => {"
    + _FIND_PANEL
    + """
    const notebook = panel.content;
    const shared = notebook.model.sharedModel;
    const last = shared.cells.length - 1;
    const reuse = last >= 0 && shared.cells[last].cell_type === 'code' && !shared.cells[last].source.trim();
    if (reuse) shared.cells[last].setSource(source);
    else shared.insertCell(last + 1, {cell_type: 'code', source, metadata: {trusted: true}});
    notebook.deselectAll();
    notebook.activeCellIndex = notebook.widgets.length - 1;
    return notebook.widgets.filter(cell => cell.model.type === 'code').length - 1;
}"""
)

# Cells keep their identity, by which a viewer knows that its cell runs again.
_PUT_CELLS = (
    "(sources) => {"
    + _FIND_PANEL
    + """
    const shared = panel.content.model.sharedModel;
    if (shared.cells.length > sources.length) shared.deleteCellRange(sources.length, shared.cells.length);
    sources.forEach((source, i) => {
        if (i < shared.cells.length) shared.cells[i].setSource(source);
        else shared.insertCell(i, {cell_type: 'code', source, metadata: {trusted: true}});
    });
}"""
)

# Closes the viewers that have a name, and forgets all names.
_FORGET = """
for one in list(globals().values()):
    if type(one).__module__.startswith("dicomview.widgets") and hasattr(one, "close"):
        one.close()
get_ipython().run_line_magic("reset", "-f")
"""

_REVEAL = (
    "async (index) => {"
    + _FIND_PANEL
    + """
    panel.content.activeCellIndex = index;
    await panel.content.scrollToItem(index);
}"""
)

_EVALUATE = (
    "async ([code, expression, timeout]) => {"
    + _FIND_PANEL
    + """
    const kernel = panel.sessionContext.session.kernel;
    const future = kernel.requestExecute(
        {code, store_history: false, user_expressions: {value: expression}});
    const late = new Promise(resolve => setTimeout(() => resolve(null), timeout));
    const reply = await Promise.race([future.done, late]);
    if (!reply) { future.dispose(); return {status: 'late'}; }
    return (reply.content.user_expressions || {}).value || reply.content;
}"""
)

# Whether the lowest canvas of an element has a pixel that is not transparent; true where there is no canvas.
_IS_DRAWN = """element => {
    const canvas = element.matches('canvas') ? element : element.querySelector('canvas');
    if (!canvas) return true;
    if (!canvas.width || !canvas.height) return false;
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    for (let alpha = 3; alpha < pixels.length; alpha += 4) if (pixels[alpha]) return true;
    return false;
}"""

# How much of an element is inside the window and inside every scrolling ancestor, from 0 to 1.
_VISIBLE_RATIO = """element => new Promise(resolve => {
    const observer = new IntersectionObserver(entries => {
        observer.disconnect();
        resolve(entries[entries.length - 1].intersectionRatio);
    });
    observer.observe(element);
})"""


class NotebookPage:
    """One notebook document in JupyterLab (``"lab"``) or in Notebook 7 (``"notebook"``)."""

    def __init__(
        self,
        page: Page,
        server: JupyterServer,
        front_end: FrontEnd,
        artifacts: Path,
        errors: list[str] | None = None,
    ) -> None:
        self.page = page
        self.server = server
        self.front_end = front_end
        self.artifacts = artifacts
        self.errors: list[str] = [] if errors is None else errors
        self.name = ""

    # -- opening and running ---------------------------------------------------------------------------

    def open(self, cells: list[str], windowing: str = "none", timeout: float = 90.0) -> None:
        """Write a notebook with these code cells and open it, alone on the page, with a living kernel.

        `windowing` is the notebook's own setting: "none" keeps every cell in the page, while
        "full", "defer" and "contentVisibility" leave out what is scrolled away.
        """
        self.end()
        self.server.write_settings("@jupyterlab/notebook-extension:tracker", {"windowingMode": windowing})
        self.name = f"test-{uuid.uuid4().hex[:8]}.ipynb"
        document = {
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"cell-{index}",
                    "execution_count": None,
                    "metadata": {},
                    "outputs": [],
                    "source": source,
                }
                for index, source in enumerate(cells)
            ],
            "metadata": {
                "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
                "language_info": {"name": "python"},
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        (self.server.root / self.name).write_text(json.dumps(document), encoding="utf-8")
        # A workspace of its own: no open tabs of an earlier test, no "workspace is in use" question.
        space = self.name.removesuffix(".ipynb")
        lab = self.front_end == "lab"
        path = f"doc/workspaces/{space}/tree/{self.name}" if lab else f"notebooks/{self.name}"
        self.page.goto(f"{self.server.url}/{path}?token={self.server.token}", wait_until="domcontentloaded")
        self._wait_ready(timeout)

    def show(self, cells: list[str]) -> None:
        """Run these code cells in the place of all others; the page and the kernel stay, if there are any."""
        if self.name:
            self.execute(_FORGET)
            self.page.evaluate(_PUT_CELLS, cells)
            self.errors.clear()
        else:
            self.open(cells)
        self.run_all()

    def begin(self, cells: list[str]) -> None:
        """Let these code cells run in the place of all others of the open notebook, and do not wait."""
        self.execute(_FORGET)
        self.page.evaluate(_PUT_CELLS, cells)
        self.errors.clear()
        self.page.evaluate(_RUN, "notebook:run-all-cells")

    def run_all(self, timeout: float = 120.0) -> None:
        """Run all cells through the front end's own command; a cell that raises fails the test."""
        self._run("notebook:run-all-cells", timeout)
        cells = self._poll(
            lambda: (found := self.page.evaluate(_CELLS)) and all(cell["count"] for cell in found) and found,
            timeout,
            lambda: (
                "some cells have no execution count: "
                + str([cell["count"] for cell in self.page.evaluate(_CELLS)])
            ),
        )
        assert cells

    def end(self) -> None:
        """End the kernel; what is shown next is a notebook of its own."""
        if self.name:
            self.server.shut_down_kernels(self.name)
        self.name = ""
        self.errors.clear()

    def run_cell(self, code: str, timeout: float = 60.0) -> str:
        """Run code in a cell at the end of the notebook and return what it printed and its result."""
        index = self.page.evaluate(_APPEND_CELL, code)
        self._run("notebook:run-cell", timeout, only=index)
        self._poll(
            lambda: self.page.evaluate(_CELLS)[index]["count"],
            timeout,
            f"the cell {code!r} has no execution count",
        )
        return self.cell_output(index)

    def cell_output(self, index: int) -> str:
        """Return standard output and plain-text results of the code cell `index` (negative: from the end)."""
        texts = []
        for output in self.page.evaluate(_CELLS)[index]["outputs"]:
            if output.get("name") == "stderr":
                continue
            texts.append(_joined(output.get("text") or output.get("data", {}).get("text/plain", "")))
        return "".join(texts).strip()

    def value(self, expression: str, timeout: float = 30.0) -> Any:
        """Evaluate a Python expression in the kernel without touching the notebook's cells.

        Literals come back as values, anything else as the text of its ``repr``.
        """
        text = self._asked("", expression, timeout)
        try:
            return ast.literal_eval(text)
        except (SyntaxError, ValueError):
            return text

    def execute(self, code: str, timeout: float = 30.0) -> None:
        """Execute Python code in the kernel without touching the notebook's cells."""
        self._asked(code, "None", timeout)

    def wait_for_value(self, expression: str, expected: Any, timeout: float = 20.0) -> None:
        """Wait until a Python expression has the expected value: widget messages may still be on the way."""
        seen: list[Any] = [None]

        def matches() -> bool:
            seen[0] = self.value(expression)
            return bool(seen[0] == expected)

        self._poll(matches, timeout, lambda: f"{expression!r} is {seen[0]!r}, not {expected!r}")

    # -- looking ---------------------------------------------------------------------------------------

    def wait_for(self, selector: str, timeout: float = 30.0) -> Locator:
        """Wait until an element is visible and return the first one that is."""
        found = self._poll(
            lambda: self._visible(selector),
            timeout,
            lambda: f"no visible element {selector!r} ({self.page.locator(selector).count()} hidden ones)",
        )
        return found[0]

    def reveal(self, index: int) -> Locator:
        """Scroll a cell into sight as the front end itself does, also one left out by `windowing`."""
        self.page.evaluate(_REVEAL, index)
        cell = self.cell(index)
        self._poll(cell.is_visible, 10.0, f"cell {index} did not come into sight")
        return cell

    def cell(self, index: int) -> Locator:
        """Return the element of the code cell `index`, input and output together."""
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(index)

    def canvases(self) -> list[Locator]:
        """Return the visible ipympl canvases in page order."""
        return self._visible(CANVAS)

    def sliders(self) -> list[Locator]:
        """Return the visible slider handles in page order."""
        return self._visible(HANDLE)

    def canvas_hash(self, target: str | Locator) -> str:
        """Return a hash of the pixels of an element as a person sees them, anything on top included.

        The element has to be in sight as a whole: a clipped one would look changed after a scroll.
        """
        return hashlib.sha256(self._pixels(target)).hexdigest()

    def wait_for_change(self, target: str | Locator, old_hash: str, timeout: float = 20.0) -> str:
        """Wait until an element looks different from `old_hash`; return the new hash."""
        new = self._poll(
            lambda: (seen := self.canvas_hash(target)) != old_hash and seen,
            timeout,
            f"the visible pixels of {target} did not change",
        )
        return str(new)

    def wait_until_stable(self, target: str | Locator, timeout: float = 20.0, quiet: float = 0.3) -> str:
        """Wait until an element looks the same for `quiet` seconds; return its hash.

        A canvas that nothing was drawn on yet is not stable, however long it stays empty.
        """
        last = ""
        since = time.monotonic()

        def unchanged() -> str | bool:
            nonlocal last, since
            seen = self.canvas_hash(target)
            if seen != last or not self._locator(target).evaluate(_IS_DRAWN):
                last, since = seen, time.monotonic()
                return False
            return time.monotonic() - since >= quiet and seen

        return str(
            self._poll(unchanged, timeout, f"the visible pixels of {target} keep changing or stay empty")
        )

    def screenshot(self, name: str) -> Path:
        """Save what the window shows as ``<name>.png`` among the artifacts; return the path."""
        path = self.artifacts / f"{name}.png"
        self.page.screenshot(path=path)
        return path

    # -- acting ----------------------------------------------------------------------------------------

    def press(self, handle: str | Locator, key: str) -> None:
        """Give an element the keyboard focus and press a key."""
        element = self._locator(handle)
        element.scroll_into_view_if_needed()
        element.focus()
        focused = element.evaluate("element => element === document.activeElement")
        assert focused, f"{handle} does not take the keyboard focus"
        self.page.keyboard.press(key)

    def give_keys_to(self, selector: str) -> None:
        """Mark elements so that the front end leaves the keys pressed on them alone.

        Notebook 7 runs its command-mode shortcuts (arrows and letters) before the focused widget hears the
        key; JupyterLab runs them after. Only a mark on the focused element itself, not around it, helps.
        A test that calls this no longer sees what a person with an unmarked widget sees.
        """
        marked = self.page.locator(selector).evaluate_all(
            "found => found.map(one => one.setAttribute('data-lm-suppress-shortcuts', 'true')).length"
        )
        assert marked, f"no element {selector!r} to give the keys to"

    def park_mouse(self) -> None:
        """Move the mouse to a corner: over a canvas it makes the figure's toolbar appear."""
        self.page.mouse.move(0, 0)

    # -- inside ----------------------------------------------------------------------------------------

    def _asked(self, code: str, expression: str, timeout: float) -> str:
        """Return the text of what the kernel gives for an expression after some code."""
        reply = self.page.evaluate(_EVALUATE, [code, expression, timeout * 1000])
        asked = code or expression
        if reply["status"] == "late":
            raise AssertionError(f"the kernel did not evaluate {asked!r} within {timeout:g} s")
        if reply["status"] != "ok":
            raise AssertionError(f"{asked!r} raised {reply.get('ename', '')}: {reply.get('evalue', '')}")
        return str(reply["data"]["text/plain"])

    def _locator(self, target: str | Locator) -> Locator:
        if not isinstance(target, str):
            return target
        found = self._visible(target)
        assert len(found) == 1, f"{len(found)} visible elements match {target!r}, not one"
        return found[0]

    def _visible(self, selector: str) -> list[Locator]:
        # Numbered among all matches, hidden ones too: a locator must not slide on to its neighbour when its
        # own element gets hidden.
        return [one for one in self.page.locator(selector).all() if one.is_visible()]

    def _pixels(self, target: str | Locator) -> bytes:
        element = self._locator(target)
        assert element.is_visible(), f"{target} is not visible"
        self._no_dialog()
        ratio = 0.0

        def in_sight() -> bool:  # cells that get their height only when they are drawn push others away
            nonlocal ratio
            element.scroll_into_view_if_needed()
            ratio = element.evaluate(_VISIBLE_RATIO)
            return ratio > 0.98

        self._poll(in_sight, 3.0, lambda: f"only {ratio:.0%} of {target} in sight: too large for the window?")
        return element.screenshot(animations="disabled", caret="hide", scale="css")

    def _no_dialog(self) -> None:
        dialog = self.page.locator(DIALOG)
        if dialog.count():
            raise AssertionError(f"a dialog is in the way: {dialog.first.inner_text()!r}")

    def _wait_ready(self, timeout: float) -> None:
        reason = ["the front end has not started"]

        def ready() -> bool:
            self._no_dialog()
            reason[0] = self.page.evaluate(_IS_READY)
            return not reason[0]

        self._poll(ready, timeout, lambda: f"{self.name} is not ready in {self.front_end}: {reason[0]}")

    def _run(self, command: str, timeout: float, only: int | None = None) -> None:
        start = time.monotonic()
        self._wait_ready(timeout)
        self.page.evaluate(_RUN, command)
        self._poll(
            lambda: self.page.evaluate("() => window.dicomviewRun.done"),
            timeout,
            lambda: f"{command} did not end; {self.page.evaluate(_IS_READY) or 'kernel idle'}",
        )
        for index, cell in enumerate(self.page.evaluate(_CELLS)):
            if only not in (None, index):
                continue
            for output in cell["outputs"]:
                if output["output_type"] == "error":
                    trace = "\n".join(output.get("traceback") or [f"{output['ename']}: {output['evalue']}"])
                    raise AssertionError(f"code cell {index} raised:\n{_plain(trace)}")
        failure = self.page.evaluate("() => window.dicomviewRun.error")
        assert not failure, f"{command} failed: {failure}"
        self._wait_ready(max(5.0, timeout - (time.monotonic() - start)))

    def _poll(self, check: Callable[[], Any], timeout: float, missing: str | Callable[[], str]) -> Any:
        """Return the first true answer of `check`; after `timeout` seconds say what was missing."""
        end = time.monotonic() + timeout
        while True:
            if answer := check():
                return answer
            if time.monotonic() >= end:
                text = missing if isinstance(missing, str) else missing()
                raise AssertionError(f"waited {timeout:g} s: {text}")
            self.page.wait_for_timeout(50)  # lets the page's events in, unlike time.sleep


def _joined(text: str | list[str]) -> str:
    """Return notebook text, which may be a list of lines, as one string."""
    return text if isinstance(text, str) else "".join(text)


def _plain(text: str) -> str:
    """Return text without the terminal's colour codes."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)

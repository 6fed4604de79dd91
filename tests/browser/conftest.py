"""Browser tests: one real Jupyter server, one real Chromium, a page per test or one that tests share."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser import serving
from browser.notebook_page import FrontEnd, NotebookPage
from browser.reader import CANVAS, HEAD, HEAD_VOLUME, START, Reader, opened
from browser.serving import JupyterServer

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

WINDOW_SIZE = {"width": 1500, "height": 1000}

# What Notebook 7.6 reports on any page, an empty notebook included.
KNOWN_NOISE = re.compile(
    r"uncaught: Cannot read properties of undefined \(reading 'schema'\)$"
    r"|uncaught: Command 'filebrowser:open-path' not registered\.$"
    r"|console: Failed to load resource: .* 403 .*/static/notebook/\w+\.woff2\)$"
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder and put them last.

    The browser's driver keeps an event loop running in the main thread, in which code that starts a loop of
    its own (running a notebook without a browser, for one) would fail.
    """
    for item in items:
        if _is_browser_test(item):
            item.add_marker(pytest.mark.browser)
    items.sort(key=_is_browser_test)


def _is_browser_test(item: pytest.Item) -> bool:
    return item.path.is_relative_to(HERE)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Save a picture of the page and its console when a test fails, before anything is closed."""
    report = yield
    used = getattr(item, "funcargs", {})
    pages = [used.get("page"), *(getattr(value, "page", None) for value in used.values())]
    page = next((page for page in pages if page is not None), None)
    if report.failed and page is not None and not page.is_closed():
        folder = _artifacts_folder()
        name = "failure-" + re.sub(r"[^\w.-]+", "-", item.name).strip("-")
        with suppress(Exception):  # the test's own failure is the one to show
            page.screenshot(path=folder / f"{name}.png")
            report.sections.append(("browser screenshot", str(folder / f"{name}.png")))
        if page.errors:
            report.sections.append(("browser console errors", "\n".join(page.errors)))
    if report.failed and "lab_page" in used and "head" not in used:
        used["lab_page"].end()  # the next test gets a kernel of its own
    return report


def _artifacts_folder() -> Path:
    folder = Path(os.environ.get("DICOMVIEW_ARTIFACTS") or ROOT / ".artifacts" / "browser").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """Return the folder for screenshots and logs."""
    return _artifacts_folder()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start the installed Chromium, without a window."""
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("browser tests need playwright: pip install playwright")
    executable = serving.find_chromium()
    if executable is None:
        message = (
            "browser tests need Chromium: install chromium or google-chrome from the system's packages, "
            "or set DICOMVIEW_CHROMIUM to its path"
        )
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)

    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=executable, args=serving.CHROMIUM_ARGS, headless=True
        )
        yield running
        running.close()


@contextmanager
def _opened_page(browser: Browser, ratio: float = 1.0) -> Iterator[Page]:
    """Open a fresh page; its attribute ``errors`` collects console errors and uncaught exceptions."""
    context = browser.new_context(viewport=WINDOW_SIZE, device_scale_factor=ratio)
    opened = context.new_page()
    opened.set_default_timeout(30_000)
    opened.set_default_navigation_timeout(60_000)
    errors: list[str] = []
    opened.errors = errors  # type: ignore[attr-defined]

    def collect(text: str) -> None:
        if not KNOWN_NOISE.match(text):
            errors.append(text)

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            collect(f"console: {message.text} ({message.location.get('url', '')})")

    opened.on("console", on_console)
    opened.on("pageerror", lambda error: collect(f"uncaught: {error}"))
    yield opened
    context.close()


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Open a fresh page; parametrized indirectly, of so many pixels of the screen to one of the page."""
    with _opened_page(browser, getattr(request, "param", 1.0)) as opened:
        yield opened


@pytest.fixture(scope="session")
def jupyter_server(tmp_path_factory: pytest.TempPathFactory, artifacts: Path) -> Iterator[JupyterServer]:
    """Start one Jupyter server for JupyterLab (/lab, /doc) and Notebook (/tree, /notebooks)."""
    missing = [
        name for name in ("jupyterlab", "notebook", "ipympl") if importlib.util.find_spec(name) is None
    ]
    if missing:
        pytest.skip(f"browser tests need {', '.join(missing)}: pip install {' '.join(missing)}")

    home = tmp_path_factory.mktemp("jupyter")
    with serving.running_server(home, artifacts / "jupyter-server.log") as server:
        yield server


@pytest.fixture
def notebook(
    page: Page, jupyter_server: JupyterServer, artifacts: Path
) -> Iterator[Callable[[FrontEnd], NotebookPage]]:
    """Return a factory: ``notebook("lab")`` or ``notebook("notebook")`` is a NotebookPage to open."""
    made = []

    def make(front_end: FrontEnd) -> NotebookPage:
        made.append(NotebookPage(page, jupyter_server, front_end, artifacts, page.errors))  # type: ignore
        return made[-1]

    yield make
    page.close()  # first, so that no "kernel died" dialog has a page to appear on
    for book in made:
        book.end()


@pytest.fixture(scope="session")
def lab_page(browser: Browser, jupyter_server: JupyterServer, artifacts: Path) -> Iterator[NotebookPage]:
    """Return one notebook in JupyterLab, with one kernel, for all tests to show their cells in."""
    with _opened_page(browser) as page:
        book = NotebookPage(page, jupyter_server, "lab", artifacts, page.errors)  # type: ignore[attr-defined]
        yield book
        page.close()
        book.end()


@pytest.fixture
def lab(lab_page: NotebookPage) -> NotebookPage:
    """Return the shared notebook, with the window and the pointer as at the start."""
    lab_page.page.set_viewport_size(WINDOW_SIZE)
    lab_page.park_mouse()
    return lab_page


@pytest.fixture
def open_viewer(lab: NotebookPage) -> Callable[..., NotebookPage]:
    """Return a function that shows a viewer, by default painted by the page: options, what makes ``vol``."""

    def open_viewer(options: str, code: str = HEAD_VOLUME) -> NotebookPage:
        lab.show([code, f"viewer = dv.SliceViewer(vol, {options})\nviewer"])
        lab.wait_for(CANVAS)
        lab.wait_for_value("viewer._is_staged", "draw='kernel'" not in options)
        lab.wait_until_stable(CANVAS)
        return lab

    return open_viewer


@pytest.fixture(scope="module", params=["browser", "kernel"])
def head(request: pytest.FixtureRequest, lab_page: NotebookPage) -> Reader:
    """Show the head to a reader, drawn by the page or by the kernel, for the tests of a module to share."""
    reader = opened(lab_page, HEAD.replace("DRAW", request.param))
    reader.draw = request.param
    return reader


@pytest.fixture
def reader(head: Reader) -> Iterator[Reader]:
    """Return a reader of the head, with the view as at the start."""
    head.page.set_viewport_size(WINDOW_SIZE)
    head.mouse.move(2, 2)
    head.page.locator(CANVAS).scroll_into_view_if_needed()
    head.value("begin_again()")
    head.book.wait_for_value("viewer.state.index", START)
    yield head
    assert not head.book.errors

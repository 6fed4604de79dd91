"""Voila: a notebook as a page of its own, with a viewer that answers and no code."""

from __future__ import annotations

import importlib.util
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress

import pytest
from browser import serving
from browser.reader import CANVAS

NOTEBOOK = serving.ROOT / "notebooks/01-browse-a-volume.ipynb"
# How many shades of grey the page has painted below the canvas.
SHADES = """() => {
    const canvas = document.querySelector('.dicomview-slices');
    if (!canvas || !canvas.width) return 0;
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return new Set(pixels.filter((_, i) => i % 4 === 0)).size;
}"""
SLICES = "() => document.querySelector('.dicomview-slices').toDataURL()"


@pytest.fixture
def voila(tmp_path, artifacts):
    """Serve the first notebook as `voila notebooks/01-browse-a-volume.ipynb` does; the address."""
    if importlib.util.find_spec("voila") is None:
        pytest.skip("needs voila: pip install voila")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = tmp_path / "home"
    home.mkdir()
    env = serving.environment(home) | {"JUPYTER_DATA_DIR": str(home / "data")}
    options = ["--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1"]
    with (artifacts / "voila.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "voila", NOTEBOOK, *options],
            cwd=tmp_path, env=env, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            _wait(f"http://127.0.0.1:{port}/voila/static/", process)
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()
            process.wait(20)


def _wait(url, process, timeout=60):
    """Wait until a server answers, be it with "not found": the page itself would run the notebook."""
    end = time.monotonic() + timeout
    while process.poll() is None and time.monotonic() < end:
        with suppress(urllib.error.URLError, OSError):
            try:
                urllib.request.urlopen(url, timeout=5).close()
            except urllib.error.HTTPError as error:
                error.close()
            return
        time.sleep(0.1)
    raise AssertionError(f"voila does not answer: {process.poll()}")


def test_a_viewer_in_voila(voila, page, artifacts):
    page.route("**/*", lambda one: one.continue_() if one.request.url.startswith(voila) else one.abort())
    page.goto(voila, timeout=240_000)
    canvas = page.locator(CANVAS).first
    canvas.wait_for(timeout=240_000)
    page.wait_for_function(f"({SHADES})() > 50", timeout=60_000)
    assert page.locator(".jp-CodeCell .jp-InputArea:visible").count() == 0
    # Nothing is left of the picture that a saved notebook keeps: the widget is there in its place.
    assert page.locator(".jp-Cell:has(.dicomview-slices) img:visible").count() == 0

    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 6, box["y"] + box["height"] / 2)
    page.wait_for_timeout(500)
    before, told = page.evaluate(SLICES), page.locator(".dicomview-status").first.inner_text()
    page.mouse.wheel(0, -100)
    page.wait_for_function(f"old => ({SLICES})() !== old", arg=before)
    page.wait_for_function(
        "old => document.querySelector('.dicomview-status').innerText !== old", arg=told, timeout=20_000
    )
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)
    page.screenshot(path=artifacts / "voila.png")
    # Voila's own template asks a CDN for icons, and finds that JupyterLab's extensions are not for it.
    assert not [
        error for error in page.errors if re.search("dicomview|anywidget|matplotlib|^uncaught", error)
    ]

"""The snippets of the README and of the guide pages run."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALL = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [page for page in ALL if "\n```python\n" in page.read_text(encoding="utf-8")]
#: What a reader of the README has: a study, a segmentation of it, a second image and dose, and a plot.
HAD = """
import shutil
import imageio as iio, matplotlib.pyplot as plt, numpy as np
import dicomview as dv
shutil.copytree(dv.samples.head_ct(), "study")
shutil.copy("study/IM0030.dcm", "chest-220.dcm")
before = after = pet = dose = dv.volread("study")
other = dv.SliceViewer(before)
other.overlays.paint(name="Liver")
other.state.paint([(27, -2, 34)], radius=9)
other.overlays.to_seg("liver-seg.dcm")
x = y = [100, 400]
"""


@pytest.fixture(scope="module")
def running(request, tmp_path_factory):
    """By page, its snippets as they run one after the other; two pages at a time."""
    for name in ("dicomweb_client", "distributed", "fsspec", "highdicom", "imageio_ffmpeg", "pandas", "zarr"):
        pytest.importorskip(name)
    chosen = [item.callspec.params["page"] for item in request.session.items if item.path == request.path]

    def run(page):
        folder = tmp_path_factory.mktemp(page.stem)
        text = page.read_text(encoding="utf-8")
        snippets = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        assert snippets
        before = [HAD] if page.stem == "README" else []
        (folder / "page.py").write_text("\n".join([*before, *snippets]), encoding="utf-8")
        return subprocess.run([sys.executable, "page.py"], cwd=folder, capture_output=True, text=True)

    with ThreadPoolExecutor(2) as pool:
        yield {page: pool.submit(run, page) for page in chosen}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_snippets_of_a_page_run_one_after_the_other(page, running):
    done = running[page].result()
    assert done.returncode == 0, done.stderr

"""Notebooks without a browser: they run, and what is left are pictures."""

import base64
import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).parents[1]
#: By notebook, how many pictures it leaves.
PICTURES = {"01-browse-a-volume": 9, "02-measure-and-compare": 9}
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
VOLUME = "import numpy as np, dicomview as dv\nvol = np.arange(6 * 7 * 8).reshape(6, 7, 8)"


def run(notebook):
    """Run a notebook with a real kernel; an error in a cell is an error here."""
    paths = filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute(env=env)
    return notebook


def outputs(notebook):
    """Return the data of all outputs."""
    return [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_the_notebook_runs_and_shows_pictures(path):
    notebook = run(nbformat.read(path, as_version=4))
    pictures = [data["image/png"] for data in outputs(notebook) if "image/png" in data]
    assert len(pictures) == PICTURES[path.stem]
    assert all(len(base64.b64decode(picture)) > 3000 for picture in pictures)


@pytest.mark.parametrize(
    "before", ["", "%matplotlib inline", "%matplotlib widget", "import sys; sys.modules['ipympl'] = None"]
)
def test_a_viewer_leaves_a_picture(before):
    notebook = run(
        new_notebook(cells=[new_code_cell(before), new_code_cell(f"{VOLUME}\ndv.SliceViewer(vol)")])
    )
    (data,) = outputs(notebook)
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    # Nobody can move a slider in what nbconvert makes: the picture must not hide behind a dead widget.
    assert "application/vnd.jupyter.widget-view+json" not in data


def test_html_made_by_nbconvert_has_the_picture():
    nbconvert = pytest.importorskip("nbconvert")
    notebook = run(new_notebook(cells=[new_code_cell(f"{VOLUME}\ndv.SliceViewer(vol)")]))
    html, _ = nbconvert.HTMLExporter().from_notebook_node(notebook)
    assert "<img" in html and "data:image/png;base64" in html


def test_comparing_and_choosing_leave_pictures():
    cells = [
        f"{VOLUME}\ndv.compare(vol, vol[::-1], mode='curtain')",
        "dv.compare(vol, vol[::-1])",
        "dv.gallery(dv.samples.head_ct())",
        "dv.SeriesBrowser(dv.samples.head_ct())",
    ]
    notebook = run(new_notebook(cells=[new_code_cell(cell) for cell in cells]))
    compared, side, gallery, browser = outputs(notebook)
    for data in (compared, side, gallery):
        assert len(base64.b64decode(data["image/png"])) > 3000
        assert "application/vnd.jupyter.widget-view+json" not in data
    assert "Head 2.5 mm" in browser["text/html"]

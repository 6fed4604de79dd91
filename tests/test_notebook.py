"""Notebooks without a browser: they run, and what is left are pictures."""

import ast
import asyncio
import base64
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

import dicomview as dv

ROOT = Path(__file__).parents[1]
#: By notebook, how many pictures it leaves.
PICTURES = {
    "01-browse-a-volume": 9,
    "02-measure-and-compare": 9,
    "03-4d-and-pet": 6,
    "04-large-data": 5,
    "05-pacs": 2,
}
#: And what it imports beyond what the package needs.
NEEDS = {"04-large-data": ("dask.array", "zarr"), "05-pacs": ("dicomweb_client", "fsspec", "pooch")}
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
VOLUME = "import numpy as np, dicomview as dv\nvol = np.arange(6 * 7 * 8).reshape(6, 7, 8)"


def run(notebook):
    """Run a notebook with a real kernel; an error in a cell is an error here."""
    paths = filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    client = NotebookClient(notebook, timeout=120, kernel_name="python3")
    asyncio.run(client.async_execute(env=env))  # which closes its loop, on any thread
    return notebook


def outputs(notebook):
    """Return the data of all outputs."""
    return [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]


#: What a viewer has to be a picture with.
BEFORE = ["", "%matplotlib inline", "%matplotlib widget", "import sys; sys.modules['ipympl'] = None"]
COMPARING = [
    f"{VOLUME}\ndv.compare(vol, vol[::-1], mode='curtain')",
    "dv.compare(vol, vol[::-1])",
    "dv.gallery(dv.samples.head_ct())",
    "dv.SeriesBrowser(dv.samples.head_ct())",
]


def missing(name):
    """Return the packages that a notebook lacks here."""
    return [package for package in NEEDS.get(name, ()) if find_spec(package.split(".")[0]) is None]


@pytest.fixture(scope="module")
def executed():
    """By name, the notebooks as they are run, two at a time."""
    notebooks = {path.stem: nbformat.read(path, as_version=4) for path in NOTEBOOKS if not missing(path.stem)}
    cells = {before: [before, f"{VOLUME}\ndv.SliceViewer(vol)"] for before in BEFORE} | {
        "comparing": COMPARING
    }
    for name, sources in cells.items():
        notebooks[name] = new_notebook(cells=[new_code_cell(source) for source in sources])
    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(run, notebook) for name, notebook in notebooks.items()}


@pytest.mark.parametrize("name", PICTURES)
def test_the_notebook_runs_and_shows_pictures(executed, name):
    if missing(name):
        pytest.skip(f"needs {', '.join(missing(name))}")
    notebook = executed[name].result()
    pictures = [data["image/png"] for data in outputs(notebook) if "image/png" in data]
    assert len(pictures) == PICTURES[name]
    assert all(len(base64.b64decode(picture)) > 3000 for picture in pictures)


def test_a_saved_notebook_is_read_without_a_kernel():
    saved = nbformat.read(ROOT / "notebooks" / "05-pacs.ipynb", as_version=4)
    assert sum("image/png" in data for data in outputs(saved)) == PICTURES["05-pacs"]
    assert "127.0.0.1" not in str(outputs(saved))
    assert [cell.execution_count for cell in saved.cells if cell.cell_type == "code"] == [*range(1, 12)]


def test_no_notebook_is_left_out():
    assert [path.stem for path in NOTEBOOKS] == [*PICTURES]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_saved_notebook_can_be_read_without_a_kernel(path):
    saved = nbformat.read(path, as_version=4)
    cells = [cell for cell in saved.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == [*range(1, len(cells) + 1)]
    pictures = [data["image/png"] for data in outputs(saved) if "image/png" in data]
    assert len(pictures) == PICTURES[path.stem]
    assert all(len(base64.b64decode(picture)) > 3000 for picture in pictures)
    assert "widgets" not in saved.metadata  # state that nothing can show
    text = path.read_text(encoding="utf-8")
    assert "widget-view" not in text and "Sample^" not in text  # a dead widget, the name of the patient
    assert "error" not in {output["output_type"] for cell in cells for output in cell.outputs}


class Pip:
    """Stands in for IPython: notes what would be installed, and dicomview is there from then on."""

    def __init__(self, namespace):
        self.namespace, self.asked = namespace, []

    def run_line_magic(self, name, line):
        assert name == "pip"
        self.asked.append(line.format(**self.namespace))
        sys.modules["dicomview"] = dv


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.parametrize("place", ["there", "checkout", "wheel", "nothing"])
def test_the_first_cell_installs_a_checkout_or_a_wheel_and_nothing_of_an_index(
    path, place, tmp_path, monkeypatch
):
    first = next(cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")
    # What stands behind the try statement is the notebook's own work.
    code = TransformerManager().transform_cell(first.source)
    tree = ast.parse(code)
    guarded = ast.unparse(tree.body[0])
    assert isinstance(tree.body[0], ast.Try) and "pip" not in ast.unparse(tree.body[1:])
    here = tmp_path / "notebooks"
    here.mkdir()
    if place == "checkout":
        (tmp_path / "pyproject.toml").touch()
    if place == "wheel":
        (here / "dicomview-0.1.0-py3-none-any.whl").touch()
    monkeypatch.chdir(here)
    monkeypatch.setitem(sys.modules, "dicomview", dv if place == "there" else None)
    namespace = {}
    pip = Pip(namespace)
    namespace["get_ipython"] = lambda: pip
    if place == "nothing":
        with pytest.raises(ModuleNotFoundError, match="wheel of dicomview beside this notebook"):
            exec(guarded, namespace)
    else:
        exec(guarded, namespace)
        assert namespace["dv"] is dv
    start = {"checkout": 'install -q "..', "wheel": 'install -q "dicomview-0.1.0-py3-none-any.whl'}.get(place)
    assert len(pip.asked) == (start is not None) and all(line.startswith(start) for line in pip.asked)


@pytest.mark.parametrize("before", BEFORE)
def test_a_viewer_leaves_a_picture(executed, before):
    (data,) = outputs(executed[before].result())
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    # Nobody can move a slider in what nbconvert makes: the picture must not hide behind a dead widget.
    assert "application/vnd.jupyter.widget-view+json" not in data


def test_html_made_by_nbconvert_has_the_picture(executed):
    nbconvert = pytest.importorskip("nbconvert")
    html, _ = nbconvert.HTMLExporter().from_notebook_node(executed[""].result())
    assert "<img" in html and "data:image/png;base64" in html


def test_comparing_and_choosing_leave_pictures(executed):
    compared, side, gallery, browser = outputs(executed["comparing"].result())
    for data in (compared, side, gallery):
        assert len(base64.b64decode(data["image/png"])) > 3000
        assert "application/vnd.jupyter.widget-view+json" not in data
    assert "68 × 512 × 512" in browser["text/html"] and "Head" not in browser["text/html"]

"""The progress bar: in a notebook kernel only, and only when a read takes long."""

import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from dicomview.io.progress import progress

CODE = """
import time
from dicomview.io import progress as module
module.DELAY = {delay}
for item in module.progress([1, 2, 3], "slices"):
    time.sleep(0.05)
"""


def test_only_a_long_read_shows_a_bar():
    """A loop with progress in a real kernel, first a short one, then a long one."""
    root = str(Path(__file__).parents[1])
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
    notebook = new_notebook(cells=[new_code_cell(CODE.format(delay=delay)) for delay in (60, 0)])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute(env=env)
    short, long = ([output.output_type for output in cell.outputs] for cell in notebook.cells)
    assert (short, long) == ([], ["display_data"])
    state = nbformat.from_dict(notebook).metadata.get("widgets", {})
    models = state.get("application/vnd.jupyter.widget-state+json", {}).get("state", {})
    assert "FloatProgressModel" in [model["model_name"] for model in models.values()]


def test_outside_a_notebook_there_is_no_bar():
    items = [1, 2]
    assert progress(items, "slices") is items

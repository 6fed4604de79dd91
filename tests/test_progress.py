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


def shown(delay):
    """Run a loop with progress in a real kernel and return the widgets that it made."""
    root = str(Path(__file__).parents[1])
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
    notebook = new_notebook(cells=[new_code_cell(CODE.format(delay=delay))])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute(env=env)
    assert not any(output.output_type == "stream" for output in notebook.cells[0].outputs)
    state = nbformat.from_dict(notebook).metadata.get("widgets", {})
    models = state.get("application/vnd.jupyter.widget-state+json", {}).get("state", {})
    displayed = [output for output in notebook.cells[0].outputs if output.output_type == "display_data"]
    return [model["model_name"] for model in models.values()], displayed


def test_a_long_read_shows_a_bar():
    models, displayed = shown(delay=0)
    assert "FloatProgressModel" in models and len(displayed) == 1


def test_a_short_read_shows_nothing():
    assert shown(delay=60)[1] == []


def test_outside_a_notebook_there_is_no_bar():
    items = [1, 2]
    assert progress(items, "slices") is items

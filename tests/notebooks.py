"""Runs notebooks in a kernel of any environment and watches its memory; `make notebooks` saves them so."""

from __future__ import annotations

import asyncio
import base64
import io
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import psutil
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
#: Seconds between two looks at the memory.
INTERVAL = 0.03


@dataclass
class Run:
    """A notebook as it was run, how long that took in s, and the most memory of the kernel in bytes."""

    notebook: Any
    seconds: float
    peak: int

    def outputs(self) -> list[Any]:
        """Return all outputs."""
        return [output for cell in self.notebook.cells for output in cell.get("outputs", [])]

    def print(self, name: str) -> None:
        """Print one line."""
        print(f"  {name:24s} {self.seconds:6.1f} s  {self.peak / 1e6:6.0f} MB", flush=True)


class Attended(NotebookClient):
    """A client that tells the kernel that somebody could answer, as every front end for people does."""

    async def async_start_new_kernel_client(self) -> Any:
        client = await super().async_start_new_kernel_client()
        client.allow_stdin = True
        return client


def run(
    notebook: Any,
    folder: Path,
    *,
    kernel: str = "python3",
    env: dict[str, str] | None = None,
    attended: bool = False,
) -> Run:
    """Run a notebook in a folder; an error in a cell is an error here."""
    client = (Attended if attended else NotebookClient)(
        notebook, timeout=300, kernel_name=kernel, resources={"metadata": {"path": str(folder)}}
    )
    ended, peaks = threading.Event(), [0]
    watcher = threading.Thread(target=_watch, args=(client, ended, peaks))
    start = time.perf_counter()
    watcher.start()
    try:
        asyncio.run(client.async_execute(env=env))
    finally:
        ended.set()
        watcher.join()
    return Run(notebook, time.perf_counter() - start, peaks[0])


def _watch(client: NotebookClient, ended: threading.Event, peaks: list[int]) -> None:
    """Note the resident memory of the kernel and of what it started, added up."""
    while not ended.wait(INTERVAL):
        process = getattr(getattr(client.km, "provisioner", None), "process", None)
        if process is None:
            continue
        try:
            kernel = psutil.Process(process.pid)
            family = [kernel, *kernel.children(recursive=True)]
            peaks[0] = max(peaks[0], sum(one.memory_info().rss for one in family))
        except psutil.NoSuchProcess:
            continue


def _small(picture: str) -> str:
    """Return a PNG with at most 256 colours, which greys and a colormap need."""
    from PIL import Image

    image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
    out = io.BytesIO()
    image.quantize(256, dither=Image.Dither.NONE).save(out, "png", optimize=True)
    return base64.b64encode(out.getvalue()).decode("ascii")


def save() -> None:
    """Run all notebooks and save them with their outputs."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.getenv("PYTHONPATH"))))}
    for path in NOTEBOOKS:
        done = run(nbformat.read(path, as_version=4), path.parent, env=env)
        for cell in done.notebook.cells:
            cell.metadata.pop("execution", None)  # times
        for output in done.outputs():
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = _small(output.data["image/png"])
        done.notebook.metadata.pop("widgets", None)  # their state is of no use without a kernel
        done.notebook.metadata["language_info"] = {"name": "python"}
        nbformat.write(done.notebook, path)
        done.print(path.stem)


if __name__ == "__main__":
    save()

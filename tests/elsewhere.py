"""Builds the environments of Binder and of Colab from their files alone, and runs all notebooks there.

    python tests/elsewhere.py binder
    python tests/elsewhere.py colab

Neither service is asked: Binder's image is what its files say, Colab's kernels are known by the versions in
tests/constraints-colab.txt and have a module google.colab, for which tests/colab has a stand-in.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell

from notebooks import NOTEBOOKS, ROOT, Run, run

#: Bytes that Binder guarantees to everyone.
LIMIT = 1_000_000_000
#: Tests of what depends on the versions of widgets and front end.
WIDGET_TESTS = "test_colab test_viewer test_panel test_browsing test_compare_viewer test_tutorial"
#: What the first cells install.
EXTRAS = "lazy,pacs,remote,datasets"
CALLS = "import google.colab.output\ngoogle.colab.output.calls"
VIEW = "application/vnd.jupyter.widget-view+json"


class Place:
    """An environment in an empty folder: a home, an interpreter, a kernel."""

    def __init__(self, folder: Path, python: str = sys.executable) -> None:
        self.home, venv = folder / "home", folder / "venv"
        self.home.mkdir()
        subprocess.run([python, "-m", "venv", venv], check=True)
        self.bin = venv / "bin"
        self.python = str(self.bin / "python")
        keep = {name: value for name, value in os.environ.items() if name in ("LANG", "CI", "TMPDIR")}
        proxies = {
            k: v for k, v in os.environ.items() if k.lower().endswith("_proxy") or k.startswith("PIP_")
        }
        self.env = {**keep, **proxies, "HOME": str(self.home), "PATH": f"{self.bin}{os.pathsep}{os.defpath}"}
        self._kernels = folder / "jupyter"

    def pip(self, *arguments: str) -> str:
        """Run pip with the settings and the cache of the user."""
        command = [self.python, "-m", "pip", "--disable-pip-version-check", *arguments]
        env = {**self.env, "HOME": os.environ.get("HOME", str(self.home))}
        done = subprocess.run(command, cwd=self.home, env=env, stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout

    def versions(self) -> dict[str, str]:
        """Return the version of every package, by its normalized name."""
        told = json.loads(self.pip("list", "--format=json"))
        return {normal(package["name"]): package["version"] for package in told}

    def add_kernel(self, *options: str) -> None:
        """Offer the kernel of this environment to the runner, under the name "there"."""
        folder = self._kernels / "kernels" / "there"
        folder.mkdir(parents=True)
        command = [self.python, "-m", "ipykernel_launcher", "-f", "{connection_file}", *options]
        spec = {"argv": command, "display_name": "there", "language": "python"}
        (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
        os.environ["JUPYTER_PATH"] = str(self._kernels)


def normal(name: str) -> str:
    """Return the name of a package as indices compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(path: Path) -> dict[str, str]:
    """Return the exact versions that a file names."""
    lines = [line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    return {normal(name): version for name, _, version in (line.partition("==") for line in lines) if version}


def copy_tracked(target: Path) -> None:
    """Copy the files that git tracks, and nothing else."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def binder(folder: Path) -> None:
    """Do what repo2docker does with binder/, without docker."""
    named = (ROOT / "binder" / "runtime.txt").read_text(encoding="utf-8").strip().replace("-", "")
    interpreter = shutil.which(named)
    if interpreter is None:
        raise SystemExit(f"binder/runtime.txt asks for {named}, which is not on the path")
    start = time.perf_counter()
    place = Place(folder, interpreter)
    copy_tracked(place.home)
    place.pip("install", "--quiet", "--requirement", "binder/requirements.txt")
    subprocess.run([place.home / "binder" / "postBuild"], cwd=place.home, env=place.env, check=True)
    print(f"  built in {time.perf_counter() - start:.0f} s", flush=True)
    unpinned = set(place.versions()) - set(pins(ROOT / "binder" / "requirements.txt"))
    assert unpinned <= {"dicomview", "pip", "setuptools"}, (
        f"not pinned in binder/requirements.txt: {unpinned}"
    )
    open_in_lab(place, NOTEBOOKS[0].relative_to(ROOT))
    place.add_kernel()
    for path in NOTEBOOKS:
        done = run(read(path), place.home / "notebooks", kernel="there", env=place.env)
        done.print(path.stem)
        assert done.peak < LIMIT, f"{path.stem} takes {done.peak / 1e6:.0f} MB"


def open_in_lab(place: Place, notebook: Path) -> None:
    """Ask the JupyterLab of the environment for the page that the link of Binder leads to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    options = [
        "--allow-root",
        "--no-browser",
        f"--ServerApp.port={port}",
        f"--IdentityProvider.token={token}",
    ]
    server = subprocess.Popen(
        [place.python, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1", *options],
        cwd=place.home, env=place.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for page in (f"lab/tree/{notebook}", f"api/contents/{notebook}?content=0"):
            text = fetched(f"http://127.0.0.1:{port}/{page}", token)
            assert notebook.name in text, f"{page} does not lead to {notebook}"
    finally:
        server.terminate()
        server.wait(20)


def fetched(url: str, token: str, timeout: float = 60.0) -> str:
    """Return a page of a server that may still be starting."""
    end = time.monotonic() + timeout
    while True:
        try:
            call = urllib.request.Request(url, headers={"Authorization": f"token {token}"})
            with urllib.request.urlopen(call, timeout=20) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, OSError):
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def read(path: Path) -> nbformat.NotebookNode:
    """Return a notebook without outputs."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def colab(folder: Path) -> None:
    """Run the notebooks as in Colab: the first cell installs the package into the running kernel."""
    constraints = ROOT / "tests" / "constraints-colab.txt"
    place = Place(folder)
    place.pip("install", "--quiet", "--requirement", str(constraints))
    place.pip("wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    (wheel,) = folder.glob("dicomview-*.whl")
    before = place.versions()
    assert {name: before[name] for name in pins(constraints)} == pins(constraints)
    report = place.pip(
        "install", "--dry-run", "--quiet", "--report", "-", f"dicomview[{EXTRAS}] @ {wheel.as_uri()}"
    )
    changed = {normal(item["metadata"]["name"]) for item in json.loads(report)["install"]} & before.keys()
    assert not changed, f"installing would change, and need a restart for, {changed}"

    shutil.copy(wheel, place.home)  # as it is uploaded: the first cell finds it beside the notebook
    env = {
        **place.env,
        "HOME": os.environ.get("HOME", str(place.home)),
        "XDG_CACHE_HOME": str(place.home / "cache"),
        "PIP_CACHE_DIR": place.pip("cache", "dir").strip(),
        "PYTHONPATH": str(ROOT / "tests" / "colab"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }
    place.add_kernel("--IPKernelApp.exec_lines=import google.colab.output")
    for path in NOTEBOOKS:
        place.pip("uninstall", "--quiet", "--yes", "dicomview")  # every notebook has a machine of its own
        notebook = read(path)
        notebook.cells.append(new_code_cell(CALLS))
        done = run(notebook, place.home, kernel="there", env=env, attended=True)
        done.print(path.stem)
        is_managed(done)
    after = place.versions()
    assert {name: after[name] for name in before} == before, "a first cell has changed what Colab has"

    place.pip("install", "--quiet", "--constraint", str(constraints), "pytest", "pytest-xdist", "hypothesis")
    tests = [str(ROOT / "tests" / f"{name}.py") for name in WIDGET_TESTS.split()]
    options = ["-q", "-n", "auto", "-m", "not browser and not long", "-o", "filterwarnings=default"]
    command = [place.python, "-m", "pytest", *options, "-p", "no:cacheprovider", *tests]
    subprocess.run(command, cwd=ROOT, env={**place.env, "XDG_CACHE_HOME": env["XDG_CACHE_HOME"]}, check=True)


def is_managed(done: Run) -> None:
    """Check that Colab was asked for its manager, and that all outputs with widgets name it."""
    *outputs, calls = done.outputs()
    assert int(calls["data"]["text/plain"]) > 0, "the manager for widgets of third parties was not enabled"
    shown = [output for output in outputs if VIEW in output.get("data", {})]
    assert shown, "there are no widgets"
    for output in shown:
        if not output.data[VIEW].get("model_id"):
            continue
        told = output.metadata.get(VIEW, {}).get("colab", {}).get("custom_widget_manager")
        assert told, f"no manager named for {output.data['text/plain'][:60]}"


if __name__ == "__main__":
    chosen = {"binder": binder, "colab": colab}[sys.argv[1]]
    with tempfile.TemporaryDirectory(prefix="dicomview-") as made:
        chosen(Path(made).resolve())

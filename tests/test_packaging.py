"""What is handed on: wheel and sdist are complete, hold nothing else, and come out the same twice."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
#: Of a checkout, what is no source.
NO_SOURCE = shutil.ignore_patterns(
    ".git", ".venv*", "build", "dist", "node_modules", "__pycache__", ".*_cache", ".hypothesis", ".artifacts"
)


def build(source, out):
    """Build sdist, and wheel from it, with what is installed: nothing is fetched."""
    env = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return {path.name: path for path in out.iterdir()}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    pytest.importorskip("build")
    pytest.importorskip("hatchling")
    return build(ROOT, tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def wheel(built):
    (path,) = (path for name, path in built.items() if name.endswith(".whl"))
    with zipfile.ZipFile(path) as archive:
        yield archive


@pytest.fixture(scope="module")
def sdist(built):
    (path,) = (path for name, path in built.items() if name.endswith(".tar.gz"))
    with tarfile.open(path) as archive:
        yield {member.name.partition("/")[2]: member for member in archive.getmembers() if member.isfile()}


def test_another_checkout_gives_the_same_bytes(built, tmp_path):
    copy = tmp_path / "elsewhere"
    shutil.copytree(ROOT, copy, ignore=NO_SOURCE)
    for path in copy.rglob("*"):
        os.utime(path, (1e9, 1e9))
    again = build(copy, tmp_path / "again")
    assert sorted(again) == sorted(built) and len(built) == 2
    assert [name for name in built if built[name].read_bytes() != again[name].read_bytes()] == []


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    files = (path for path in (ROOT / "dicomview").rglob("*") if path.is_file())
    ours = {str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts}
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == {name.replace(os.sep, "/") for name in ours}
    assert {"dicomview/py.typed", "dicomview/widgets/stage.js", "dicomview/widgets/stage.css"} <= held
    assert {Path(name).suffix for name in held} <= {".py", ".js", ".css", ".json", ".typed"}


def test_the_metadata_says_what_pyproject_says(wheel):
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = message_from_bytes(wheel.read(name))
    assert metadata["Name"] == "dicomview" and metadata["Requires-Python"] == PROJECT["requires-python"]
    assert metadata.get_all("Provides-Extra") == sorted(PROJECT["optional-dependencies"])
    assert metadata["License-Expression"] == PROJECT["license"]
    needed = [item for item in metadata.get_all("Requires-Dist") if "extra ==" not in item]
    assert len(needed) == len(PROJECT["dependencies"])


def test_the_sdist_holds_what_its_tests_need_and_no_data(sdist):
    for needed in ("pyproject.toml", "Makefile", "tests/conftest.py", "tests/javascript/package.json"):
        assert needed in sdist
    assert {"docs/conf.py", "docs/index.md", "notebooks/01-browse-a-volume.ipynb", "LICENSE"} <= set(sdist)
    assert {".ci/run", ".github/ISSUE_TEMPLATE/bug.yml", "binder/requirements.txt"} <= set(sdist)
    assert not [name for name in sdist if "node_modules" in name or "__pycache__" in name]
    code = {".py", ".pyi", ".js", ".mjs", ".json", ".txt", ".md", ".css", ".html", ".toml"}
    in_tests = {Path(name).suffix for name in sdist if name.startswith("tests/")}
    assert in_tests <= code, "tests make their data"


def test_the_lowest_versions_are_those_of_pyproject():
    text = (ROOT / "tests/constraints-lowest.txt").read_text(encoding="utf-8")
    pinned = dict(line.split("==") for line in text.splitlines() if line and not line.startswith("#"))
    lowest = dict(re.match(r"([\w-]+)>=([\d.]+)", item).groups() for item in PROJECT["dependencies"])
    assert {name: same(version) for name, version in pinned.items()} == {
        name: same(version) for name, version in lowest.items()
    }


def same(version):
    """Return a version without the zeros at its end."""
    return re.sub(r"(\.0)+$", "", version)

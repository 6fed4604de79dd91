"""What Binder installs is pinned, and fits what the package asks for."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
#: Extras whose packages the notebooks use.
EXTRAS = ("pacs", "remote", "datasets")


def test_every_dependency_is_pinned_within_its_bounds():
    text = (ROOT / "binder" / "requirements.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert lines[0] == "." and all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines[1:])
    pinned = {name.lower(): Version(version) for name, version in (line.split("==") for line in lines[1:])}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(one for e in EXTRAS for one in project["optional-dependencies"][e])]
    for requirement in map(Requirement, [*wanted, "jupyterlab>=4", "dask", "zarr>=3"]):
        assert requirement.name.lower() in pinned, f"{requirement.name} is not pinned for Binder"
        assert pinned[requirement.name.lower()] in requirement.specifier


def test_the_python_is_named_and_samples_are_written_or_the_build_fails():
    assert re.fullmatch(r"python-3\.\d+\n", (ROOT / "binder" / "runtime.txt").read_text(encoding="utf-8"))
    script = ROOT / "binder" / "postBuild"
    assert "\nset -euo pipefail\n" in script.read_text(encoding="utf-8") and script.stat().st_mode & 0o111

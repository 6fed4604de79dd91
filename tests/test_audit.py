"""The versions that are asked for are those without known holes, as far as our table of advisories goes."""

import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from packaging.version import Version

sys.path.insert(0, str(Path(__file__).parent))

import audit

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ROWS = audit.advisories()


def bounds():
    """Return every lower bound of a package, also those of extras."""
    asked = [
        *PROJECT["dependencies"],
        *(item for extra in PROJECT["optional-dependencies"].values() for item in extra),
    ]
    found = (re.match(r"([\w-]+)(?:\[[\w,]*\])?>=([\d.]+)", item) for item in asked)
    return [(match.group(1).lower(), Version(match.group(2))) for match in found if match]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['package']} {row['fixed']}")
def test_a_row_tells_all_of_it(row):
    assert set(row) == {"package", "fixed", "ids", "what", "source", "bound"}
    assert row["ids"] and all(
        re.fullmatch(r"(CVE|PYSEC)-\d{4}-\d+|GHSA(-\w{4}){3}", one) for one in row["ids"]
    )
    assert row["source"].startswith("https://") and row["what"]


@pytest.mark.parametrize("row", [row for row in ROWS if row["bound"]], ids=lambda row: row["package"])
def test_nothing_below_a_fixed_version_is_asked_for(row):
    own = [version for package, version in bounds() if package == row["package"]]
    assert own and min(own) >= Version(row["fixed"])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['package']} {row['fixed']}")
def test_what_others_bring_along_is_no_bound_of_ours(row):
    own = [version for package, version in bounds() if package == row["package"]]
    assert row["bound"] or not own or min(own) < Version(row["fixed"])


def test_what_binder_installs_is_in_no_row():
    text = (ROOT / "binder/requirements.txt").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)$", text, re.M))
    names = {name.lower().replace("_", "-"): version for name, version in pinned.items()}

    def installed(package):
        if package not in names:
            raise PackageNotFoundError(package)
        return names[package]

    assert audit.outdated(ROWS, installed) == []


def test_an_old_package_is_told_with_its_advisories():
    def installed(package):
        if package != "pydicom":
            raise PackageNotFoundError(package)
        return "3.0.1"

    (line,) = audit.outdated(ROWS, installed)
    assert (
        line.startswith("pydicom 3.0.1: ") and "CVE-2026-32711" in line and line.endswith("upgrade to 3.0.2")
    )

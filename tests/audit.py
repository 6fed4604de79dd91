"""Says which installed packages have known holes: by our own table, and by pip-audit where that answers.

    python tests/audit.py
    python tests/audit.py --offline     # by the table alone, the same on every day

The exit code is 1 where something is to be upgraded.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.version import Version

TABLE = Path(__file__).with_name("advisories.toml")


def advisories():
    """Return the rows of the table."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))["advisory"]


def outdated(rows, installed=version):
    """Return what is to be upgraded, one line for each row that an installed version is below."""
    lines = []
    for row in rows:
        try:
            found = installed(row["package"])
        except PackageNotFoundError:
            continue
        if Version(found) < Version(row["fixed"]):
            numbers = ", ".join(row["ids"])
            lines.append(f"{row['package']} {found}: {row['what']} ({numbers}); upgrade to {row['fixed']}")
    return lines


def told_by_service(report):
    """Return what the report of pip-audit (JSON) finds, line by line; None if its service knew no package."""
    looked_at = [one for one in report["dependencies"] if "skip_reason" not in one]
    if not looked_at:
        return None
    return [
        f"{one['name']} {one['version']}: {hole['id']}; upgrade to {' or '.join(hole['fix_versions']) or '?'}"
        for one in looked_at
        for hole in one["vulns"]
    ]


def service():
    """Ask the service of pip-audit about what is installed; None where it does not answer."""
    if importlib.util.find_spec("pip_audit") is None:
        return None
    command = [sys.executable, "-m", "pip_audit", "--skip-editable", "--progress-spinner", "off"]
    command += ["--format", "json", "--timeout", "15"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        return told_by_service(json.loads(done.stdout))
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--offline", action="store_true", help="do not ask pip-audit")
    is_offline = parser.parse_args().offline
    lines, more = outdated(advisories()), None if is_offline else service()
    if more is None and not is_offline:
        print("pip-audit is not there, or its service does not answer: only our own table was looked at")
    lines += more or []
    print(*lines or ["nothing that is installed has a hole that is known here"], sep="\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())

"""The scripts of the page under node's own test runner."""

import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "javascript"


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_scripts_of_the_page():
    done = subprocess.run(["node", "--test", str(FOLDER)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "\n# pass 0\n" not in done.stdout

"""What SECURITY.md promises: every test that it names is there, and local work stays local."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dicomview

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")

#: A process that ends at the first connection or look-up of a name beyond the machine, on whatever thread.
LOCAL = """
import os, sys
SENDING = ("socket.connect", "socket.sendto", "socket.sendmsg")
def watch(event, args):
    if event in (*SENDING, "socket.getaddrinfo", "socket.gethostbyname"):
        address = args[1] if event in SENDING else args[0]
        host = address[0] if isinstance(address, tuple) else address
        if host not in (None, "localhost", "127.0.0.1", "::1"):
            os.write(2, f"{event} {address!r}".encode())
            os._exit(3)
sys.addaudithook(watch)
"""
WORK = """
import matplotlib; matplotlib.use("Agg")
import dicomview as dv
folder = dv.samples.head_ct()
print(dv.find_series(folder))
vol = dv.volread(folder)
viewer = dv.SliceViewer(vol)
viewer.state.index = (10, 20, 30)
viewer.save("view.png")
viewer.to_html("view.html", budget=1e5)
viewer.close()
dv.montage(vol, [1, 2]).savefig("montage.png")
"""


def run(code, folder):
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)


def test_local_work_opens_no_connection(tmp_path):
    done = run(LOCAL + WORK, tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "view.html").is_file()


@pytest.mark.parametrize("place", ["main", "thread"])
def test_a_connection_would_be_noticed(place, tmp_path):
    code = """
import socket, threading
def connect():
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    except BaseException:
        pass
"""
    calls = {"main": "connect()", "thread": "one = threading.Thread(target=connect); one.start(); one.join()"}
    done = run(LOCAL + code + calls[place], tmp_path)
    assert done.returncode == 3 and "'192.0.2.1'" in done.stderr


NAMED = sorted(set(re.findall(r"`(tests/\w+\.py)::(\w+)`", TEXT)))


def test_every_promise_names_a_test():
    rows = [line for line in TEXT.splitlines() if line.startswith("| ") and "promise | test" not in line]
    assert len(rows) > 7 and all("`tests/" in row for row in rows)


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_the_test_of_a_promise_is_there(file, name):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_targets_of_promises_are_there():
    targets = set(re.findall(r"`make ([\w-]+)`", TEXT))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert targets >= {"fuzz", "torture", "audit"}
    assert targets <= set(re.findall(r"^([\w-]+):", makefile, re.M))


@pytest.mark.parametrize(
    "about", ["bad input", "isolation", "privacy", "injection", "budget", "supply chain"]
)
def test_every_kind_of_promise_is_made(about):
    assert f"\n| {about} | " in TEXT


def test_files_that_are_named_are_there():
    named = set(re.findall(r"`(tests/[\w/]+\.\w+)`", TEXT))
    assert named and all((ROOT / name).is_file() for name in named)


def test_the_citation_names_this_version():
    yaml = pytest.importorskip("yaml")
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["version"] == dicomview.__version__ and cited["license"] == "BSD-3-Clause"
    assert [author["name"] for author in cited["authors"]] == ["The dicomview developers"]


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_issue_forms_ask_for_no_patient_data(name):
    yaml = pytest.importorskip("yaml")
    form = yaml.safe_load((ROOT / f".github/ISSUE_TEMPLATE/{name}.yml").read_text(encoding="utf-8"))
    assert "no patient data" in form["body"][0]["attributes"]["value"].lower()
    kinds = {"markdown": set(), "textarea": {"id"}, "checkboxes": {"id"}}
    for item in form["body"]:
        assert kinds[item["type"]] <= set(item)
        assert "label" in item["attributes"] or item["type"] == "markdown"

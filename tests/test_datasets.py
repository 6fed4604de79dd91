"""Public data sets: the catalogue, and fetching from a local server that does everything wrong once."""

import hashlib
import json
import logging
import re
import socket
import threading
import traceback
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pydicom
import pytest
from conftest import make_voxels

import dicomview as dv
from dicomview.datasets import fetching
from dicomview.errors import PathError, ServerError


def test_the_catalogue_is_a_table_with_sizes_and_licences():
    table = dv.datasets.list()
    assert [*table] == sorted(table) and len(table) > 5
    text = repr(table)
    assert re.search(r"chest-cr +CR +4.3 MB +MIT", text) and "<td" in table._repr_html_()
    with pytest.raises(PathError, match="no data set 'nonsense': choose one of chest-cr, "):
        dv.datasets.fetch("nonsense")


def test_addresses_and_hashes_are_those_that_pydicom_publishes():
    folder = Path(pydicom.__file__).parent / "data"
    urls, hashes = (json.loads((folder / f"{name}.json").read_text()) for name in ("urls", "hashes"))
    for one in dv.datasets.list().values():
        assert (one.url, one.sha256) == (urls[one.file], hashes[one.file])
        assert one.size > 0 and one.license and one.citation and one.modality


@pytest.fixture
def truth(write, monkeypatch):
    """A data set of one slice; returns its bytes."""
    pytest.importorskip("pooch")
    (file,) = write("s", make_voxels((1, 8, 10)))
    data = file.read_bytes()
    one = dv.datasets.Dataset(
        "tiny", "tiny.dcm", "http://127.0.0.1:9/never.dcm", hashlib.sha256(data).hexdigest(), len(data),
        "CT", "one slice", "CC0", "nobody",
    )  # fmt: skip
    monkeypatch.setattr(fetching, "listed", lambda: dv.datasets.DatasetTable({"tiny": one}))
    monkeypatch.delenv("DICOMVIEW_DATASETS_URL", raising=False)
    return data


@contextmanager
def mirror(*answers):
    """Serve one answer after the other, the last one again and again; gives address and paths asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, data, length = answers[min(len(asked), len(answers) - 1)]
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://canary-user:canary-pass@127.0.0.1:{server.server_port}/sets", asked
        server.shutdown()
        thread.join()


def test_a_data_set_is_fetched_once_and_its_licence_printed(truth, tmp_path, capsys, caplog):
    caplog.set_level(logging.DEBUG, "pooch")
    with mirror((200, truth, len(truth))) as (url, asked):
        file = dv.datasets.fetch("tiny", base_url=url, folder=tmp_path / "kept")
        assert file == tmp_path / "kept" / "tiny.dcm" and file.read_bytes() == truth
        assert capsys.readouterr().out == "tiny: CC0; nobody\n"
        assert dv.datasets.fetch("tiny", base_url=url, folder=tmp_path / "kept") == file
        assert asked == ["/sets/tiny.dcm"] and capsys.readouterr().out == ""
        file.write_bytes(b"damaged")
        assert dv.datasets.fetch("tiny", base_url=url, folder=tmp_path / "kept").read_bytes() == truth
    assert "canary" not in caplog.text
    assert dv.volread(file).shape == (1, 8, 10)


def test_the_cache_and_the_mirror_of_the_environment(truth, monkeypatch):
    with mirror((200, truth, len(truth))) as (url, asked):
        monkeypatch.setenv("DICOMVIEW_DATASETS_URL", url + "/")
        file = dv.datasets.fetch("tiny")
    assert asked == ["/sets/tiny.dcm"] and file.parent.name == "datasets" and "dicomview" in str(file)
    file.unlink()


def test_it_is_tried_again(truth, tmp_path):
    with mirror((500, b"", 0), (200, truth, len(truth))) as (url, asked):
        assert dv.datasets.fetch("tiny", base_url=url, folder=tmp_path).read_bytes() == truth
    assert len(asked) == 2


@pytest.mark.parametrize("fault", ["wrong", "truncated", "none", "offline", "nothing"])
def test_what_did_not_come_right_is_told_and_not_kept(truth, tmp_path, fault):
    answers = {
        "wrong": ((200, truth[::-1], len(truth)), "another SHA-256 than .* thrown away"),
        "truncated": ((200, truth[:500], len(truth)), "cannot be fetched"),
        "none": ((404, b"", 0), "the server answers 404: give another mirror"),
        "offline": (None, r"cannot be fetched \(Connection refused\): check the network, or give a mirror"),
        "nothing": ((200, b"", 0), "another SHA-256"),
    }
    answer, message = answers[fault]
    with mirror(answer or (200, b"", 0)) as (url, _):
        if fault == "offline":
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                url = f"http://canary-user:canary-pass@127.0.0.1:{probe.getsockname()[1]}"
        with pytest.raises(ServerError, match=message) as told:
            dv.datasets.fetch("tiny", base_url=url, folder=tmp_path / "kept", retries=0)
    assert "'tiny' (tiny.dcm) from 127.0.0.1" in str(told.value)
    text = "".join(traceback.format_exception(told.value))
    assert "canary" not in text and told.value.__context__ is None
    assert not (tmp_path / "kept").exists() or not [*(tmp_path / "kept").iterdir()], "nothing half is left"


def test_a_mirror_must_be_on_the_web(truth, tmp_path):
    with pytest.raises(ServerError, match="begins with http"):
        dv.datasets.fetch("tiny", base_url="ftp://mirror", folder=tmp_path)


def test_without_the_package_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pooch", None)
    with pytest.raises(dv.errors.MissingPackageError, match=r"pip install 'dicomview\[datasets\]'"):
        dv.datasets.fetch("chest-cr")


def test_a_mirror_with_a_key(truth, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    with mirror((200, truth, len(truth))) as (url, asked):
        file = dv.datasets.fetch("tiny", base_url=f"{url}/?key=canary-query", folder=tmp_path)
    assert asked == ["/sets/tiny.dcm?key=canary-query"] and file.read_bytes() == truth
    assert "canary" not in caplog.text

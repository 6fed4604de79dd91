"""Folders elsewhere through fsspec: the same volume, few bytes for a table, errors without keys."""

import contextlib
import pickle
import re
import shutil
import socket
import threading
import traceback
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pydicom
import pytest
from conftest import make_affine, make_voxels

import dicomview as dv
from dicomview.errors import DecodeError, PathError, SeriesError, ServerError

fsspec = pytest.importorskip("fsspec")


def check(volume, shape=(6, 8, 10)):
    np.testing.assert_array_equal(volume.array, make_voxels(shape))
    np.testing.assert_allclose(volume.geometry.affine, make_affine(), atol=1e-6)
    assert volume.report.warnings == ()


@pytest.fixture
def memory(write):
    """A study in memory://, with another file beside it."""
    system = fsspec.filesystem("memory")
    for file in write("s"):
        system.pipe(f"/canary-bucket/study/{file.name}", file.read_bytes())
    system.pipe("/canary-bucket/study/notes.txt", b"nothing")
    yield "memory://canary-bucket/study"
    system.rm("/canary-bucket", recursive=True)


def test_a_folder_in_memory(memory):
    found = dv.find_series(memory)
    assert len(found) == 1 and found.others == 1
    check(found[0].read())
    vol = dv.volread(memory + "/")
    check(vol)
    assert vol.sources[0].path.name == "IM0000.dcm" and "canary-bucket" not in repr(vol.sources[0])
    check(dv.mvolread(memory)[0])
    check(dv.volread([f"{memory}/IM{k:04}.dcm" for k in range(6)]))
    assert dv.imread(f"{memory}/IM0003.dcm").shape == (8, 10)
    with pytest.raises(PathError, match="imread reads one file"):
        dv.imread(memory)


def test_slices_are_fetched_when_they_are_asked_for(memory):
    pytest.importorskip("dask")
    check(dv.volread(memory, lazy=True))


def test_files_go_to_other_processes(memory):
    file = dv.find_series(memory)[0].stack.present[0].path
    assert pickle.loads(pickle.dumps(file)).open().read() == file.open().read()


def test_a_compressed_series(write):
    system = fsspec.filesystem("memory")
    files = write("s", make_voxels((3, 64, 64)))
    for path in files:
        dataset = pydicom.dcmread(path)
        dataset.compress(pydicom.uid.JPEG2000Lossless)
        dataset.save_as(path)
        system.pipe(f"/packed/{path.name}", path.read_bytes())
    check(dv.volread("memory://packed/"), (3, 64, 64))
    system.rm("/packed", recursive=True)


def test_an_archive_elsewhere(write, tmp_path):
    with zipfile.ZipFile(tmp_path / "study.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in write("s"):
            archive.write(path, f"study/{path.name}")
    check(dv.volread(f"zip://study::{tmp_path / 'study.zip'}"))
    fsspec.filesystem("memory").pipe("/study.zip", (tmp_path / "study.zip").read_bytes())
    check(dv.volread("memory://study.zip"))
    fsspec.filesystem("memory").rm("/study.zip")


def test_long_headers_are_read_to_their_end(write):
    system = fsspec.filesystem("memory")
    for path in write("s", elements={"ImageComments": "x" * 9000}):
        dataset = pydicom.dcmread(path)
        dataset.add_new(0x00291010, "OB", bytes(200_000))
        dataset.save_as(path)
        system.pipe(f"/long/{path.name}", path.read_bytes())
    check(dv.volread("memory://long"))
    system.rm("/long", recursive=True)


class Ranged(SimpleHTTPRequestHandler):
    """Serves parts of files, and counts what it sends and how many requests are under way."""

    protocol_version = "HTTP/1.1"
    ranges = True
    sent = 0
    running = most = 0
    lock = threading.Lock()

    def do_GET(self):
        cls = type(self)
        with cls.lock:
            cls.running += 1
            cls.most = max(cls.most, cls.running)
        try:
            self._give()
        finally:
            with cls.lock:
                cls.running -= 1

    def _give(self):
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        path = Path(self.translate_path(self.path))
        if "private" in self.path:
            self.send_error(403)
            return
        if not (self.ranges and asked and path.is_file()):
            if path.is_file():
                type(self).sent += path.stat().st_size
            super().do_GET()
            return
        with path.open("rb") as file:
            file.seek(int(asked[1]))
            data = file.read(int(asked[2]) - int(asked[1]) + 1)
        type(self).sent += len(data)
        self.send_response(206)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


class Whole(Ranged):
    """Gives whole files only."""

    ranges = False


@contextlib.contextmanager
def web(handler, folder):
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=folder)) as server:
        server.daemon_threads = True
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        handler.sent = handler.most = 0
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("handler", [Ranged, Whole])
def test_a_folder_of_a_web_server(write, tmp_path, handler):
    pytest.importorskip("aiohttp")
    shutil.copytree(write("s")[0].parent, tmp_path / "web" / "study" / "a b")
    (tmp_path / "web" / "study" / "notes.txt").write_text("nothing")
    write("web/other")
    with web(handler, tmp_path / "web") as url:
        check(dv.volread(f"{url}/study/"))
        found = dv.find_series(f"{url}/study/")
        assert len(found) == 1 and found.others == 1
        assert dv.volread(f"{url}/study/a%20b/IM0000.dcm").shape == (1, 8, 10)
        assert len(dv.find_series(f"{url}/study/a%20b/IM0000.dcm")) == 1


def test_a_table_costs_the_beginning_of_each_file(tmp_path):
    pytest.importorskip("aiohttp")
    folder = dv.samples.head_ct()
    sizes = [file.stat().st_size for file in folder.iterdir()]
    with web(Ranged, folder) as url:
        found = dv.find_series(f"{url}/")
        table, most = Ranged.sent, Ranged.most
        vol = found[0].read()
        volume = Ranged.sent - table
    assert len(found[0].files) == 68
    assert table == 68 * (1 << 14), "16 KiB of each file"
    assert 0.99 * sum(sizes) < volume <= sum(sizes), "and the pixels once"
    assert most <= 8
    np.testing.assert_array_equal(vol.array, dv.volread(folder).array)


def test_a_single_slice_costs_that_slice(tmp_path):
    pytest.importorskip("aiohttp")
    pytest.importorskip("dask")
    folder = dv.samples.head_ct()
    with web(Ranged, folder) as url:
        vol = dv.volread(f"{url}/", lazy=True)
        before = Ranged.sent
        values = np.asarray(vol.array[30])
        assert Ranged.sent - before < 600_000
    np.testing.assert_array_equal(values, dv.volread(folder).array[30])


def test_a_file_that_vanishes_is_told(write, tmp_path):
    pytest.importorskip("aiohttp")
    files = write("web")
    with web(Ranged, tmp_path / "web") as url:
        found = dv.find_series(f"{url}/")
        files[2].unlink()
        vol = found[0].read()
    assert vol.report.missing == (2,)
    assert "IM0002.dcm" in vol.report.warnings[0] and "it is not there" in vol.report.warnings[0]


def test_errors_hold_no_key(tmp_path):
    pytest.importorskip("aiohttp")
    (tmp_path / "private").mkdir()
    with web(Ranged, tmp_path) as url:
        place = url.removeprefix("http://")
        keyed = f"http://canary-user:canary-pass@{place}"
        cases = {
            f"{keyed}/private/?key=canary-query": "'private' .* may not be seen",
            f"{keyed}/none/?key=canary-query": "there is nothing at 'none'",
            f"http://{place}/none.dcm?key=canary-query": "there is nothing at 'none.dcm'",
            "http://canary-user:canary-pass@127.0.0.1:9/study/?key=canary-query": "cannot be listed",
            "nonsense://canary-pass@x/study": "fsspec knows no nonsense://",
            "memory://canary-bucket/none": "there is nothing at 'none'",
        }
        for address, message in cases.items():
            with pytest.raises((PathError, ServerError), match=message) as told:
                dv.find_series(address, storage_options={})
            text = "".join(traceback.format_exception(told.value))
            assert "canary" not in text, address
            assert told.value.__context__ is None


def test_an_empty_folder_and_one_without_images(memory):
    system = fsspec.filesystem("memory")
    system.pipe("/canary-bucket/other/notes.txt", b"nothing")
    with pytest.raises(SeriesError, match="none of the 1 files is DICOM"):
        dv.volread("memory://canary-bucket/other")
    system.pipe("/canary-bucket/other/cut.dcm", b"")
    assert "not a DICOM file" in str(dv.find_series("memory://canary-bucket/other").dropped[0])
    with pytest.raises(DecodeError, match="not a DICOM file"):
        dv.imread("memory://canary-bucket/other/cut.dcm")


def test_without_the_package_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "fsspec.core", None)
    with pytest.raises(dv.errors.MissingPackageError, match=r"pip install 'dicomview\[remote\]'"):
        dv.find_series("s3://bucket/study/")


def check_bucket(scheme, files, options):
    """Put files into a bucket, and read them from there."""
    system = fsspec.filesystem(scheme, **options)
    system.mkdir("bucket")
    for file in files:
        system.pipe(f"bucket/study/{file.name}", file.read_bytes())
    check(dv.volread(f"{scheme}://bucket/study/", storage_options=options))
    assert len(dv.find_series(f"{scheme}://bucket", storage_options=options)[0].files) == 6
    with pytest.raises(PathError, match="there is nothing at 'none'"):
        dv.find_series(f"{scheme}://bucket/none/", storage_options=options)


def test_a_bucket_on_s3(write, monkeypatch):
    """Against moto's server; ``make stores``."""
    pytest.importorskip("s3fs")
    moto = pytest.importorskip("moto.server")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        options = {"key": "k", "secret": "canary-key", "endpoint_url": f"http://{host}:{port}"}
        check_bucket("s3", write("s"), options)
    finally:
        server.stop()


def test_a_bucket_on_gcs(write, monkeypatch):
    """Against an emulator; ``make stores``."""
    emulator = pytest.importorskip("gcp_storage_emulator.server")
    # Otherwise gcsfs asks over gRPC what kind of bucket it is, which the emulator does not speak.
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    pytest.importorskip("gcsfs")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = emulator.create_server("127.0.0.1", port, in_memory=True)
    server.start()
    try:
        options = {"token": "anon", "project": "canary", "endpoint_url": f"http://127.0.0.1:{port}"}
        check_bucket("gs", write("g"), options)
    finally:
        server.stop()


def test_names_with_signs_of_an_address_stay_apart(write):
    system = fsspec.filesystem("memory")
    for sign in "#?":
        for k, file in enumerate(write(f"s{ord(sign)}")):
            system.pipe(f"/signs{ord(sign)}/IM{sign}{k:03}.dcm", file.read_bytes())
        vol = dv.volread(f"memory://signs{ord(sign)}/")
        check(vol)
        assert vol.sources[1].path.name == f"IM{sign}001.dcm"
        system.rm(f"/signs{ord(sign)}", recursive=True)


def test_addresses_that_differ_in_their_query_stay_apart(write, tmp_path):
    """As of WADO-URI: all images have one path."""
    pytest.importorskip("aiohttp")
    write("web")

    class Asked(Ranged):
        def translate_path(self, path):
            return super().translate_path(path.partition("canary=")[2])

    with web(Asked, tmp_path / "web") as url:
        vol = dv.volread([f"{url}/wado?canary=IM{k:04}.dcm" for k in range(6)])
    check(vol)
    assert vol.sources[1].path.name == "wado" and "canary" not in str(vol.sources[1].path)


def test_a_folder_of_this_machine_by_its_address(write):
    folder = write("DOE^JANE")[0].parent
    check(dv.volread(f"file://{folder}"))
    with pytest.raises(PathError, match="imread reads one file"):
        dv.imread(f"file://{folder}")
    assert dv.imread(f"file://{folder}/IM0001.dcm").shape == (8, 10)


@pytest.mark.parametrize("read", [dv.volread, dv.imread])
def test_errors_of_single_files_hold_no_key(write, read):
    folder = write("canary-DOE")[0].parent
    (folder / "x.txt").write_text("nothing")
    cases = {
        "http://canary-user:canary-pass@127.0.0.1:9": "'127.0.0.1:9' cannot be fetched",
        "http://canary-user:canary-pass@127.0.0.1:9/x.dcm?key=canary": "'x.dcm' cannot be fetched",
        "http://127.0.0.1:9/x.dcm": "'x.dcm' cannot be fetched .Connection refused",
        f"file://{folder}/none.dcm": "'none.dcm' cannot be fetched .it is not there",
        f"file://{folder}/x.txt": "'x.txt' cannot be fetched .x.txt is not a DICOM file",
    }
    for address, message in cases.items():
        with pytest.raises(PathError, match=message) as told:
            read(address)
        text = "".join(traceback.format_exception_only(told.value))
        assert "canary" not in text and told.value.__context__ is None, address


def test_keys_are_passed_on_for_lists_and_images(write):
    made = []

    class Locked(type(fsspec.filesystem("memory"))):
        protocol = "locked"
        cachable = False

        @classmethod
        def _strip_protocol(cls, path):
            return path.removeprefix("locked://")

        def __init__(self, token=None, **options):
            super().__init__(**options)
            made.append(token)

    fsspec.register_implementation("locked", Locked, clobber=True)
    system = fsspec.filesystem("memory")
    for file in write("s"):
        system.pipe(f"/locked/{file.name}", file.read_bytes())
    options = {"token": "canary"}
    files = [f"locked:///locked/IM{k:04}.dcm" for k in range(6)]
    check(dv.volread(files, storage_options=options))
    assert dv.imread(files[0], storage_options=options).shape == (8, 10)
    assert made == ["canary"] * 7
    system.rm("/locked", recursive=True)

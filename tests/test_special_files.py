"""Pipes, sockets, devices and files without end: never opened, and told."""

import os
import socket
from pathlib import Path

import numpy as np
import pytest
from conftest import make_voxels
from test_sources import write_disk

import dicomview as dv
from dicomview.errors import DecodeError, PathError

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders here")


def make_socket(path, monkeypatch):
    monkeypatch.chdir(path.parent)  # a socket's name is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)


KINDS = ("a pipe", "a socket", "a device")


def make(kind, path, monkeypatch):
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a socket":
        make_socket(path, monkeypatch)
    else:
        path.symlink_to("/dev/zero")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["odd", "odd.dcm"])
def test_what_is_no_regular_file_costs_a_row_of_the_report(write, monkeypatch, kind, name):
    files = write("s")
    make(kind, files[0].parent / name, monkeypatch)
    found = dv.find_series(files[0].parent)
    assert f"{name}: not a regular file, but {kind}" in repr(found)
    volume = dv.volread(files[0].parent)
    np.testing.assert_array_equal(volume.array, make_voxels())
    (row,) = volume.report.dropped
    assert row.path.name == name and row.error.remedy


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["odd", "odd.dcm"])
@pytest.mark.parametrize("read", [dv.volread, dv.imread, dv.find_series, dv.mvolread, dv.segread])
def test_what_is_no_regular_file_is_refused_as_a_path(tmp_path, monkeypatch, kind, name, read):
    path = tmp_path / name
    make(kind, path, monkeypatch)
    for given in (path, str(path)):
        with pytest.raises(PathError, match=f"not a regular file, but {kind}") as caught:
            read(given)
        assert caught.value.path == path and "bytes" in caught.value.remedy
    if read not in (dv.imread, dv.segread):
        with pytest.raises(PathError, match="not a regular file"):
            read([path])


@pytest.mark.parametrize("path", ["/dev/urandom", "/dev/zero", "/dev/null"])
def test_devices_are_not_read(path):
    with pytest.raises(PathError, match="not a regular file, but a device"):
        dv.volread(path)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is no /proc")
@pytest.mark.parametrize("path", ["/proc/self/environ", "/proc/kmsg"])
def test_files_that_say_they_are_empty_are_not_read(path, tmp_path):
    with pytest.raises(DecodeError, match="0 bytes"):
        dv.volread(path)
    (tmp_path / "link.dcm").symlink_to(path)
    with pytest.raises(DecodeError, match="0 bytes"):
        dv.volread(tmp_path)


def test_links_and_open_pipes_are_read(write, tmp_path, monkeypatch):
    files = write("s")
    (tmp_path / "links").mkdir()
    for path in files:
        (tmp_path / "links" / path.name).symlink_to(path)
    np.testing.assert_array_equal(dv.volread(tmp_path / "links").array, make_voxels())
    image = dv.imread(tmp_path / "links" / files[0].name)
    reading, writing = os.pipe()
    with open(writing, "wb") as stream:  # noqa: PTH123 - it is a number
        stream.write(files[0].read_bytes())
    with open(reading, "rb") as stream:  # noqa: PTH123
        np.testing.assert_array_equal(dv.volread(stream).array[0], image)


def test_a_pipe_that_a_dicomdir_names_is_not_opened(write, tmp_path):
    disk = write_disk(write("s"), tmp_path / "disk")
    image = next(p for p in sorted((disk).rglob("*")) if p.is_file() and p.name != "DICOMDIR")
    image.unlink()
    os.mkfifo(image)
    assert "not there" in str(dv.volread(disk / "DICOMDIR").report)


def test_folders_nested_deeply_are_searched_at_once(write):
    files = write("s")
    deep = files[0].parent.joinpath(*["a"] * 400)
    for level in range(50, 401, 50):
        files[0].parent.joinpath(*["a"] * level).mkdir(parents=True, exist_ok=True)
    files[-1].rename(deep / "last.dcm")
    real = os.path.realpath
    asked = []
    os.path.realpath = lambda *args, **more: asked.append(args) or real(*args, **more)
    try:
        volume = dv.volread(files[0].parent)
    finally:
        os.path.realpath = real
    np.testing.assert_array_equal(volume.array, make_voxels())
    assert len(asked) < 30

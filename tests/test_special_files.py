"""Pipes, sockets, devices and files without end: never opened or read to an end, and told."""

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


# Files that are regular, and have no end --------------------------------------------------------


EMPTY_ITEM = b"\xfe\xff\x00\xe0\0\0\0\0"


@pytest.mark.parametrize("lazy", [False, True])
def test_zeros_behind_the_pixels_are_not_read(write, lazy):
    files = write("s")
    for path in files[::2]:
        os.truncate(path, 10 << 30)  # of which the disk keeps nothing
    volume = dv.volread(files[0].parent, lazy=lazy)
    np.testing.assert_array_equal(np.asarray(volume.array), make_voxels())
    assert volume.report.dropped == ()


def test_zeros_in_place_of_elements_end_the_header(write):
    files = write("s")
    odd = files[0].parent / "odd"
    odd.write_bytes(bytes(128) + b"DICM")
    os.truncate(odd, 10 << 30)
    cut = files[0].parent / "cut"
    cut.write_bytes(files[0].read_bytes()[:700])
    os.truncate(cut, 10 << 30)
    volume = dv.volread(files[0].parent)
    np.testing.assert_array_equal(volume.array, make_voxels())
    assert {row.path.name for row in volume.report.dropped} == {"odd", "cut"}
    with pytest.raises(DecodeError, match="zeros are where elements should be"):
        dv.imread(odd)


def insert(path, element):
    """Put an element before PatientName."""
    data = path.read_bytes()
    at = data.index(b"\x10\0\x10\0PN")
    path.write_bytes(data[:at] + element + data[at:])


def sequence(items, undefined):
    length = b"\xff\xff\xff\xff" if undefined else len(items).to_bytes(4, "little")
    end = b"\xfe\xff\xdd\xe0\0\0\0\0" * undefined
    return b"\x08\0\x40\x11SQ\0\0" + length + items + end


def test_items_without_number_are_not_served(write):
    files = write("s")
    insert(files[0], sequence(EMPTY_ITEM * 300_000, undefined=False))
    volume = dv.volread(files[0].parent)
    np.testing.assert_array_equal(volume.array, make_voxels())
    assert "ReferencedImageSequence" not in volume.meta


def test_empty_items_to_no_end_are_refused(write):
    files = write("s")
    insert(files[0], sequence(EMPTY_ITEM * 300_000, undefined=True))
    with pytest.raises(DecodeError, match="more than 20000 empty items"):
        dv.imread(files[0])


def test_elements_to_no_end_are_refused(write):
    files = write("s")
    insert(
        files[0], b"".join(b"\x09\0" + k.to_bytes(2, "little") + b"LO\2\0ab" for k in range(0x1000, 0xFFFF))
    )
    with pytest.raises(DecodeError, match="more than 50000 elements"):
        dv.imread(files[0])

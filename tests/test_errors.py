"""Errors: the tree, what each carries, its one text, and what becomes of files that cannot be read."""

import ast
import copy
import pickle
import struct
import traceback
from pathlib import Path

import numpy as np
import pytest
from conftest import edit, make_voxels

import dicomview as dv
from dicomview import errors
from dicomview.errors import DecodeError, DicomviewError, PathError, UnsupportedError, file_name
from dicomview.io import grouping
from dicomview.io.failures import failure, reader, words_of

ROOT = Path(dv.__file__).parent
TREE = {name: thing for name in errors.__all__ if isinstance(thing := getattr(errors, name), type)}
#: Modules whose errors may be without a path, and why.
PATHLESS = {
    "geometry": "numpy only: whoever reads a file adds its path",
    "volume": "a volume need not come from a file",
    "io/dicomweb.py": "a server, or what is asked of it",
    "io/web.py": "a server",
    "io/remote.py": "an address, which may hold a key",
    "io/ranged.py": "the folder for temporary files",
    "io/segwrite.py": "what is asked for: nothing is read",
    "io/lazy.py:dask_array": "a package is missing",
    "io/omezarr.py:_opened": "a package is missing",
    "io/foreign.py:_problem": "an address, which may hold a key",
    "io/functional.py:_number": "read_headers adds it",
    "io/inflate.py": "whoever opens a file adds its path",
    "io/headers.py:_exactly": "read_headers adds it",
    "io/realworld.py:real_world_of": "read_headers adds it",
    "io/structures.py:_contour": "read_structures adds it",
    "io/read.py:imread": "an address, which may hold a key",
    "io/read.py:dataset": "there is no file",
}


def calls():
    """Give each error of the tree that is made in the package: module, function, line and keywords."""
    for module in sorted(ROOT.rglob("*.py")):
        name = module.relative_to(ROOT).as_posix()
        tree = ast.parse(module.read_text(encoding="utf-8"))
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef):
                for node in ast.walk(function):
                    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in TREE:
                        yield name, function.name, node.lineno, {keyword.arg for keyword in node.keywords}


def test_every_error_of_the_package_has_a_remedy():
    missing = {f"{name}:{line}" for name, _, line, keywords in calls() if "remedy" not in keywords}
    assert missing == set()


def test_every_error_of_reading_has_a_path():
    missing = {
        f"{name}:{function}:{line}"
        for name, function, line, keywords in calls()
        if name.split("/")[0] in ("io", "volume", "geometry")
        and "path" not in keywords
        and not {name, name.split("/")[0], f"{name}:{function}"} & set(PATHLESS)
    }
    assert missing == set()


@pytest.mark.parametrize("name", TREE)
def test_errors_come_back_from_pickle_and_copy(name):
    error = TREE[name]("Rows is 0", path="study/a.dcm", tag="Rows", remedy="copy it again")
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(other) is TREE[name] and isinstance(other, DicomviewError)
        assert (other.path, other.tag, other.remedy) == (Path("study/a.dcm"), "Rows", "copy it again")
        assert str(other) == "a.dcm: Rows (0028,0010) is 0: copy it again"


@pytest.mark.parametrize("name", TREE)
def test_errors_are_made_without_their_arguments_too(name):
    """As other packages do that take errors from process to process."""
    assert isinstance(TREE[name].__new__(TREE[name], "x"), TREE[name])


def test_a_bare_error_is_its_message():
    error = DecodeError("nothing to see")
    assert (str(error), error.path, error.tag, error.remedy) == ("nothing to see", None, None, None)
    assert str(DecodeError()) == ""


@pytest.mark.parametrize(
    ("message", "tag", "text"),
    [
        ("Rows is 0", "Rows", "Rows (0028,0010) is 0"),
        ("Rows (0028,0010) is 0", "Rows", "Rows (0028,0010) is 0"),
        ("the image is empty", "Rows", "Rows (0028,0010): the image is empty"),
        ("no factor", "(7053,1000)", "(7053,1000): no factor"),
        ("two are here\na table", None, "two are here"),
    ],
)
def test_the_tag_is_said_once(message, tag, text):
    told = str(DecodeError(message, tag=tag, remedy="do it"))
    assert told.split("\n")[0] == f"{text}: do it"
    assert told.split("\n")[1:] == message.split("\n")[1:]


def test_texts_name_files_without_folders(tmp_path):
    assert str(DecodeError("bad", path="DOE^JOHN/a.dcm")) == "a.dcm: bad"
    assert str(DecodeError("bad", path=tmp_path)) == "bad"  # a folder is not named at all
    assert file_name("x/\x1b[31m\u202ered.dcm") == "?[31m?red.dcm"


def test_unsupported_is_caught_with_the_damaged():
    assert issubclass(UnsupportedError, DecodeError)


def test_redaction(write, monkeypatch):
    files = write("s")
    files[2].write_bytes(files[2].read_bytes()[:200])
    monkeypatch.setattr(dv.options, "redact_paths", True)
    with pytest.raises(DecodeError) as caught:
        dv.imread(files[2])
    vol = dv.volread(files[0].parent)
    told = str(caught.value) + str(vol.report) + repr(vol.report.dropped) + repr(vol.sources) + repr(vol)
    assert caught.value.path == files[2] and str(caught.value).startswith("a file: ")
    assert "IM0" not in told


#: What is made of a good file, by kind.
SPOILED = {
    "empty": lambda data: b"",
    "cut in the header": lambda data: data[:200],
    "text": lambda data: b"hello " * 100,
    "zeros": lambda data: bytes(len(data)),
    "preamble alone": lambda data: data[:132],
    "cut in the meta information": lambda data: data[:180],
    "random": lambda data: data[:132] + np.random.RandomState(0).bytes(3000),
    "another element in place of the class": lambda data: data.replace(b"\2\0\2\0UI", b"\2\0\3\0UI").replace(
        b"\x08\0\x16\0UI", b"\x08\0\x17\0UI"
    ),
}


def test_a_folder_with_bad_files_loads_the_rest_and_reports_each(write):
    files = write("s", make_voxels((20, 8, 10)))
    bad = dict(zip(SPOILED, files[10:]))
    for kind, path in bad.items():
        path.write_bytes(SPOILED[kind](path.read_bytes()))
    edit(files[18], RescaleSlope="")
    data = files[18].read_bytes()
    files[18].write_bytes(data.replace(struct.pack("<HH2sH", 0x28, 0x10, b"US", 2), b"\x28\0\x10\0UT\0\0"))
    files[19].unlink()
    files[19].symlink_to(files[19])
    renamed = [path.rename(path.with_name(f"{path.stem}.dcm")) for path in (*bad.values(), *files[18:])]
    found = dv.find_series(files[0].parent)
    assert {row.path for row in found.dropped} == set(renamed)
    for row in found.dropped:
        assert row.error is not None and row.error.path == row.path and row.error.remedy in row.reason
    vol = dv.volread(files[0].parent)
    np.testing.assert_array_equal(vol.array, make_voxels((20, 8, 10))[:10])
    assert {row.path for row in vol.report.dropped} == set(renamed)
    assert any("not readable" in warning for warning in vol.report.warnings)


def test_a_file_alone_tells_itself_what_is_wrong(write):
    path = write("s")[0]
    path.write_bytes(path.read_bytes()[:200])
    for read in (dv.volread, dv.mvolread, dv.imread):
        with pytest.raises(DecodeError) as caught:
            read(path)
        assert caught.value.path == path and caught.value.remedy and str(caught.value).count(path.name) == 1


@pytest.mark.parametrize("place", ["nowhere", "\0", "~nobody-of-this-name/x"])
def test_a_path_that_cannot_be(place):
    for read in (dv.find_series, dv.volread, dv.imread, dv.segread):
        with pytest.raises(PathError) as caught:
            read(place)
        assert caught.value.path == Path(place) and caught.value.remedy


@pytest.mark.parametrize("read", [dv.find_series, dv.volread, dv.mvolread, dv.imread, dv.segread])
def test_errors_of_arguments_stay_type_errors(read):
    with pytest.raises(TypeError):
        read(3)
    with pytest.raises(TypeError):
        read()
    with pytest.raises(TypeError):
        read("x", nonsense=1)


class PanicException(BaseException):
    """As decoders in Rust raise it."""


RAISED = [
    RecursionError("maximum recursion depth exceeded"), OverflowError("too large"), struct.error("unpack"),
    PermissionError(13, "Permission denied", "/home/DOE^JOHN/a.dcm"), IsADirectoryError(21, "Is a directory"),
    UnicodeDecodeError("utf-8", b"DOE^JOHN", 0, 1, "invalid start byte"), MemoryError(), KeyError("DOE^JOHN"),
    ValueError("could not convert string to float: 'DOE^JOHN'"), PanicException("index out of bounds"),
    OSError(5, "Input/output error", "/home/DOE^JOHN/a.dcm"), ZeroDivisionError("division by zero"),
]  # fmt: skip


@pytest.mark.parametrize("raised", RAISED, ids=lambda error: type(error).__name__)
def test_whatever_is_raised_while_reading_becomes_one_of_the_tree(raised):
    @reader
    def read(path):
        raise raised

    with pytest.raises(DicomviewError) as caught:
        read("/home/DOE^JOHN/a.dcm")
    shown = "".join(traceback.format_exception(caught.value))
    assert caught.value.path == Path("/home/DOE^JOHN/a.dcm") and caught.value.remedy
    assert str(caught.value).startswith("a.dcm: cannot be read (") and caught.value.__context__ is None
    assert "DOE^JOHN" not in str(caught.value) and type(raised).__name__ + ":" not in shown


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_is_no_failure(ending):
    assert failure("a.dcm", ending(), "cannot be read") is None


def test_what_others_say_quotes_no_header(monkeypatch):
    error = ValueError("Invalid value for VR DA in PatientBirthDate: b'19700101' \"x\"\n in /home/doe/a.dcm")
    assert words_of(error) == "Invalid value for VR DA in PatientBirthDate: '...' '...' in a.dcm"
    monkeypatch.setattr(dv.options, "show_patient", True)
    assert "19700101" in words_of(error)


@pytest.mark.parametrize(
    "name",
    [
        "O'DOE^JOHN",
        'O\'DOE^"JOHN"',
        "DOE^JOHN\\",
        "DOE^JOHN'",
        "it's DOE^JOHN",
        "DOE^JOHN " * 300,
        b"O'DOE^\"JOHN",
    ],
)
def test_names_with_quotes_or_without_end_are_not_told(name):
    """As Python writes them, and as pydicom does, which puts them between quotes as they are."""
    written = [f"PatientName can't be {name!r} for Rows", f"pydicom's Rows is not {name!r}"]
    if isinstance(name, str) and not name.endswith("\\"):
        written.append(f"Rows can't be '{name}'")
    for text in written:
        told = words_of(ValueError(text))
        assert "JOHN" not in told and "DOE" not in told and "'...'" in told
        assert "Rows" in told or len(name) > 2000


def test_elements_to_blame_are_named(write):
    for keyword, value in {
        "Rows": ("UT", "many"),
        "NumberOfFrames": ("UT", "x"),
        "BitsAllocated": ("UT", "y"),
    }.items():
        path = write("s")[0]
        edit(path, **{keyword: value})
        with pytest.raises(DecodeError) as caught:
            dv.imread(path)
        assert caught.value.tag == keyword and str(caught.value).count(keyword) == 1


def test_an_object_without_pixels_is_unsupported_not_damaged(write):
    path = write("s")[0]
    dataset = dv.io.read.pydicom.dcmread(path)
    del dataset.PixelData
    del dataset.Rows
    dataset.SOPClassUID, dataset.Modality = "1.2.840.10008.5.1.4.1.1.88.11", "SR"
    dataset.save_as(path)
    with pytest.raises(UnsupportedError, match=r"holds no PixelData \(7FE0,0010\) \(SR\)"):
        dv.imread(path)


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (AttributeError("'NoneType' object has no attribute 'x'"), "a value is absent or of another kind"),
        (AttributeError("'FileDataset' object has no attribute 'Rows'"), "Rows is absent"),
        (struct.error("unpack requires a buffer of 4 bytes"), "it ends too early"),
        (struct.error("unpack_from requires a buffer of at least 8 bytes for unpacking 4 bytes at offset 4 "
                      "(actual buffer size is 4)"), "it ends too early"),
        (ValueError("could not broadcast input array from shape (192,) into shape (160,)"),
         "it has values of shape (192,) in place of (160,)"),
        (ValueError("cannot reshape array of size 5 into shape (2,3)"),
         "it has 5 values, which do not fill a shape of (2,3)"),
        (RecursionError("maximum recursion depth exceeded while calling a Python object"),
         "sequences are nested too deeply"),
        (TypeError("'NoneType' object is not subscriptable"), "a value is absent or of another kind"),
        (TypeError("int() argument must be a string, a bytes-like object or a real number, not 'NoneType'"),
         "a value is absent or of another kind"),
        (TypeError("unsupported operand type(s) for *: 'int' and 'NoneType'"),
         "a value is absent or of another kind"),
        (IndexError("list index out of range"), "it ends too early"),
        (KeyError("DOE^JOHN"), "a part of it is not there"),
        (EOFError("Compressed file ended before the end-of-stream marker was reached"), "it ends too early"),
        (AssertionError(), "it is not as it should be"),
        (OSError("odd"), "it cannot be read to its end"),
        (OverflowError("Python int too large to convert to C long"), "a number is too large"),
        (ValueError("none: one: 'NoneType' object has no attribute 'x'; two: maximum recursion depth "
                    "exceeded; three: unpack requires a buffer of 4 bytes"),
         "none: one: a value is absent or of another kind; two: sequences are nested too deeply; "
         "three: it ends too early"),
    ],
)  # fmt: skip
def test_causes_are_told_in_plain_words(raised, words):
    assert words_of(raised) == words


def test_a_series_that_cannot_be_put_together_costs_only_itself(write, monkeypatch):
    good, bad = write("good"), write("bad")
    for path in bad:
        edit(path, SeriesInstanceUID="1.2.3.99", SeriesNumber=9)
    whole = grouping._separate_kinds

    def separate(group):
        if group[0].series_number == 9:
            raise ZeroDivisionError("float division by zero")
        return whole(group)

    monkeypatch.setattr(grouping, "_separate_kinds", separate)
    found = dv.find_series(good[0].parent.parent)
    (row,) = found.dropped
    assert len(found) == 1 and row.path == bad[0] and "of its series" in row.reason and row.error.remedy
    volume = dv.volread(good[0].parent.parent)
    np.testing.assert_array_equal(volume.array, make_voxels())
    assert row in volume.report.dropped
    with pytest.raises(DecodeError, match="its series cannot be put together"):
        dv.volread(bad[0].parent)

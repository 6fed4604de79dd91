"""Isolation: a decoder that dies costs one error; nothing is left behind, and the values are the same."""

import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import codestreams as made
import dying
import numpy as np
import pydicom
import pytest
from conftest import make_voxels
from pixelfiles import rle, save, write_film
from pydicom import uid
from pydicom.encaps import encapsulate
from test_syntaxes import STREAMS

import dicomview as dv
from dicomview.errors import DecodeError
from dicomview.io import (
    compressed,
    decode,
    eager,
    header,
    isolation,
    pipes,
    pixels,
    processes,
    syntaxes,
    tasks,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ways to die are those of POSIX")
LETHAL = 2
#: Seconds that a decoder may take where it never ends: enough for those that do.
PATIENCE = 2.0


@pytest.fixture
def workers(monkeypatch):
    """Return a pool, empty before and after."""
    pool = isolation._Pool()
    monkeypatch.setattr(isolation, "_POOL", pool)
    monkeypatch.setattr(isolation, "_HUNG", {})
    monkeypatch.setattr(isolation, "_OBSTACLE", isolation._Obstacle())
    yield pool
    pool.close()


@pytest.fixture
def die(monkeypatch):
    """Have decoders die in a way, at slices with the mark; workers that are left are used again."""
    monkeypatch.setattr(isolation, "_HUNG", {})

    def die(way):
        monkeypatch.setattr(compressed, "TASK", f"dying.{way}_frames")
        monkeypatch.setattr(pixels, "TASK", f"dying.{way}_parts")
        monkeypatch.setattr(isolation, "PATIENCE", PATIENCE if way in ("hang", "spin") else 60.0)
        monkeypatch.setattr(processes, "ALLOWANCE", 64 << 20)

    return die


def marked(array):
    """Return values that contain the mark when they are encoded byte by byte."""
    array = array.copy()
    array.reshape(-1)[: len(dying.MARK)] = np.frombuffer(dying.MARK, np.uint8)
    return array


def write_rle(files, array):
    """Rewrite a series, run length encoded."""
    for path, image in zip(files, array):
        dataset = pydicom.dcmread(path)
        save(dataset, path, uid.RLELossless, encapsulate([rle(image)]), "OB")
    return files


@pytest.fixture
def series(write):
    """Return a series of run lengths, one of its slices with the mark, and its values."""
    array = make_voxels((6, 8, 10))
    array[LETHAL] = marked(array[LETHAL])
    return write_rle(write("s", array), array), array


def pids():
    return {int(array[0]) for array in isolation.run("dying.pids", [0], [8])}


def gone(pid):
    """Return whether a process is gone soon; one that only waits to be noticed is."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


SAID = {
    "segfault": "crashed: SIGSEGV",
    "panic": "index out of bounds",
    "hang": "did not answer within 2 s",
    "bomb": "too much memory",
    "leave": "3",
    "vanish": "ended its process with status 0",
    "babble": "destroyed its process",
    "flood": "destroyed its process",
}


@pytest.mark.parametrize("way", SAID)
def test_a_decoder_that_dies_costs_one_error(series, die, way):
    files, array = series
    path = files[LETHAL]
    die(way)
    with pytest.raises(DecodeError) as caught:
        dv.imread(path)
    told = str(caught.value)
    assert SAID[way] in told and path.name in told and "copy it again" in told
    np.testing.assert_array_equal(dv.imread(files[0]), array[0])


@pytest.mark.parametrize("way", ["segfault", pytest.param("hang", marks=pytest.mark.long), "bomb"])
def test_in_a_folder_it_costs_one_slice(series, die, way):
    files, array = series
    die(way)
    vol = dv.volread(files[0].parent)
    assert vol.report.missing == (LETHAL,)
    (warning,) = [text for text in vol.report.warnings if files[LETHAL].name in text]
    assert SAID[way] in warning
    others = [k for k in range(len(array)) if k != LETHAL]
    np.testing.assert_array_equal(vol.array[others], array[others])


def test_in_a_lazy_volume_it_costs_one_slice(series, die):
    pytest.importorskip("dask")
    files, array = series
    die("segfault")
    vol = dv.volread(files[0].parent, lazy=True)
    np.testing.assert_array_equal(vol[LETHAL + 1], array[LETHAL + 1])
    with pytest.raises(DecodeError, match=files[LETHAL].name):
        np.asarray(vol[LETHAL])
    np.testing.assert_array_equal(vol[LETHAL - 1], array[LETHAL - 1])


def test_among_frames_it_costs_one(write, die):
    array = make_voxels((4, 8, 8))
    array[LETHAL] = marked(array[LETHAL])
    path = write_film(*write("film", array[:1]), array, uid.RLELossless, encapsulate([rle(a) for a in array]))
    die("segfault")
    vol = dv.volread(path)
    assert len(vol.report.missing) == 1
    others = [k for k in range(len(array)) if k != LETHAL]
    np.testing.assert_array_equal(vol.array.reshape(array.shape)[others], array[others])


@pytest.fixture
def film(write, monkeypatch):
    """Return what writes a film for the general path, its values, and how much is asked for at a time."""
    array = make_voxels((40, 8, 8))
    (path,) = write("film", array[:1])

    def written(streams):
        return write_film(path, array, uid.RLELossless, encapsulate(streams, has_bot=False))

    monkeypatch.setattr(eager, "read_slices", lambda *_: None)
    asked, run = [], compressed.run
    monkeypatch.setattr(compressed, "run", lambda *a, **k: asked.append(len(a[1])) or run(*a, **k))
    return written, array, asked


def test_several_frames_are_asked_for_at_once(film):
    written, array, asked = film
    path = written([rle(image) for image in array])
    np.testing.assert_array_equal(dv.volread(path).array.reshape(array.shape), array)
    assert asked == [16, 16, 8]


def test_single_frames_are_asked_for_alone(film):
    written, array, asked = film
    path = written([rle(image) for image in array])
    file = decode.PixelFile(path)
    for k in (3, 20, 3):
        np.testing.assert_array_equal(file.stored(header.Header(path, frame=k)), array[k])
    assert asked == [1, 1, 1]


@pytest.mark.parametrize("damage", ["header", "mark"])
def test_among_several_frames_one_costs_itself(film, die, damage):
    written, array, asked = film
    streams = [rle(marked(a) if k == 5 and damage == "mark" else a) for k, a in enumerate(array)]
    if damage == "header":
        streams[5] = b"\3" + streams[5][1:]
    die("segfault")
    vol = dv.volread(written(streams))
    assert len(vol.report.missing) == 1
    found = vol.array.reshape(array.shape)
    others = [k for k in range(len(array)) if k != 5]
    np.testing.assert_array_equal(found[others], array[others])
    assert sum(asked) <= len(array) + 32


def test_frames_before_one_that_hung_are_decoded(workers):
    keys = [(k,) for k in range(4)]
    isolation._HUNG[keys[2]] = "it hung", time.monotonic()
    found = isolation.run("dying.echo", [5, 6, 7, 8], [8] * 4, keys=keys)
    assert [int(next(found)[0]), int(next(found)[0])] == [5, 6]
    with pytest.raises(isolation.WorkerError, match="it hung"):
        next(found)


def test_what_hung_is_not_tried_again(series, die):
    files, array = series
    for way in ("hang", "segfault"):
        die(way)
        with pytest.raises(DecodeError, match="did not answer within 2 s"):
            dv.imread(files[LETHAL])
    write_rle(files, np.zeros_like(array))  # another file is
    assert not np.any(dv.imread(files[LETHAL]))


def test_what_hung_is_tried_again_after_a_while(series, workers, monkeypatch, die):
    files, array = series
    die("hang")
    with pytest.raises(DecodeError, match="did not answer within 2 s"):
        dv.imread(files[LETHAL])
    monkeypatch.setattr(isolation, "FORGIVEN", 0.0)
    monkeypatch.setattr(compressed, "TASK", "dicomview.io.general.decode_frames")
    np.testing.assert_array_equal(dv.imread(files[LETHAL]), array[LETHAL])


def test_importing_does_not_count_into_the_time_of_an_item(workers, monkeypatch):
    monkeypatch.setattr(isolation, "PATIENCE", 0.5)
    (array,) = [np.array(found) for found in isolation.run("slow_to_import.task", [7], [8])]
    assert array == [7]


@pytest.mark.parametrize("name", {stream[0]: name for name, stream in STREAMS.items()}.values())
def test_all_is_imported_before_an_item_begins(write, workers, monkeypatch, name):
    syntax, stream, truth, elements, _ = STREAMS[name]
    path = write_film(
        *write("film", np.zeros((1, 8, 8), np.int16)), truth[None], syntax, encapsulate([stream]), **elements
    )
    monkeypatch.setattr(compressed, "TASK", "dying.imported_late")
    assert bytes(compressed.CompressedFrames(pydicom.dcmread(path), path).decoded(0)) == b""


@pytest.mark.parametrize("name", STREAMS)
def test_the_values_are_those_of_decoding_in_process(write, monkeypatch, name):
    syntax, stream, truth, elements, _ = STREAMS[name]
    files = write("film", np.zeros((1, 8, 8), np.int16))
    path = write_film(*files, truth[None], syntax, encapsulate([stream]), **elements)
    found = dv.volread(path).array
    assert isolation._POOL._idle
    monkeypatch.setattr(dv.options, "isolate", False)
    alone = dv.volread(path).array
    np.testing.assert_array_equal(found, alone)
    assert (found.dtype, found.shape) == (alone.dtype, alone.shape) and found.flags.writeable


def test_without_isolation_nothing_is_started(series, workers, monkeypatch):
    files, array = series
    monkeypatch.setattr(dv.options, "isolate", False)
    np.testing.assert_array_equal(dv.volread(files).array, array)
    assert not workers._idle


def test_uncompressed_files_need_no_worker(write, workers):
    dv.volread(write("s"))
    assert not workers._idle


def test_workers_are_used_again(series, workers):
    files, _ = series
    first = pids()
    for _ in range(3):
        dv.imread(files[0])
    assert pids() == first and len(workers._idle) == 1


def test_what_decoders_print_goes_nowhere(series, workers, monkeypatch, capfd):
    files, array = series
    monkeypatch.setattr(compressed, "TASK", "dying.printing")
    np.testing.assert_array_equal(dv.imread(files[0]), array[0])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("write", [pipes.write, pipes._write_there])
def test_writing_to_one_that_does_not_read_ends(write):
    data = bytes(1 << 20)
    with subprocess.Popen(["sleep", "60"], stdin=subprocess.PIPE) as process:
        number = process.stdin.fileno()
        assert not write(number, data, 0.5, process.kill)
        process.kill()
        process.wait()
        with pytest.raises(BrokenPipeError):
            write(number, data, 0.5, process.kill)
    with subprocess.Popen(["wc", "-c"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert write(process.stdin.fileno(), data, 60, process.kill)
        assert int(process.communicate()[0]) == len(data)


@pytest.mark.parametrize("task", ["large", "objects"])
def test_what_has_no_room_is_refused(workers, task):
    with pytest.raises((ValueError, isolation.WorkerError)):
        list(isolation.run(f"dying.{task}", [0], [999]))
    assert pids()


def test_one_that_was_killed_is_replaced(series, workers, monkeypatch):
    files, array = series
    (pid,) = pids()
    os.kill(pid, signal.SIGKILL)
    np.testing.assert_array_equal(dv.imread(files[0]), array[0])
    assert pids() != {pid}


def test_killing_in_the_middle_of_a_series_costs_nothing(write, workers, monkeypatch):
    pytest.importorskip("imagecodecs")
    array = make_voxels((40, 8, 10))
    files = write_rle(write("s", array), array)
    monkeypatch.setattr(pixels, "TASK", "dying.slow_parts")
    killed = []

    def kill():
        while not workers._busy:
            time.sleep(0.01)
        time.sleep(0.3)
        killed.append(workers._busy[0].process.pid)
        os.kill(killed[0], signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    vol = dv.volread(files)
    thread.join()
    np.testing.assert_array_equal(vol.array, array)
    assert killed and gone(killed[0])


def test_one_without_work_ends_itself(monkeypatch, workers):
    monkeypatch.setattr(processes, "IDLE", 0.3)
    (pid,) = pids()
    assert gone(pid)
    assert pids() != {pid}


def test_nothing_is_kept_of_those_without_work(monkeypatch, workers):
    monkeypatch.setattr(processes, "IDLE", 1.0)
    (pid,) = pids()
    (worker,) = workers._idle
    until = time.monotonic() + 10
    while workers._idle and time.monotonic() < until:
        time.sleep(0.05)
    assert not workers._idle and not Path(f"/proc/{pid}").exists()
    assert worker._memory is None and worker._file is None


@pytest.mark.parametrize(
    "ending",
    [
        "pass",
        pytest.param("os.kill(os.getpid(), 9)", marks=pytest.mark.long),
        pytest.param("raise KeyboardInterrupt", marks=pytest.mark.long),
    ],
)
def test_none_is_left_behind(series, tmp_path, ending):
    code = f"""
import os, sys
import dicomview as dv
from dicomview.io import isolation
dv.volread(sys.argv[1]), dv.imread(sys.argv[2])
print(*[worker.process.pid for worker in isolation._POOL._idle], flush=True)
{ending}
"""
    files, _ = series
    command = [sys.executable, "-c", code, str(files[0].parent), str(files[0])]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    found = [int(pid) for pid in done.stdout.split()]
    assert found and all(gone(pid) for pid in found)


def test_a_forked_process_has_its_own(series, workers):
    files, array = series
    own = pids()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of forking beside threads
        os_forked = os.fork()
    if not os_forked:
        workers.forget()
        fine = bool(pids() - own) and np.array_equal(dv.imread(files[0]), array[0])
        workers.close()
        os._exit(0 if fine else 1)
    assert os.waitpid(os_forked, 0)[1] == 0
    assert pids() == own


def test_a_script_is_not_run_again(series, tmp_path):
    """It has no guard against being imported; its folder holds what must not be taken for packages."""
    files, _ = series
    for name in ("pydicom", "imagecodecs", "json", "struct"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong one')")
    (tmp_path / "once").mkdir()
    script = tmp_path / "once" / "script.py"
    script.write_text("import sys, dicomview as dv; print(dv.imread(sys.argv[1]).shape)")
    done = subprocess.run(
        [sys.executable, str(script), str(files[0])], capture_output=True, text=True, cwd=tmp_path, timeout=60
    )
    assert done.stdout == "(8, 10)\n" and not done.stderr


def test_workers_import_what_this_process_has(workers, monkeypatch, tmp_path):
    (tmp_path / "imagecodecs.py").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    modules = [np, pydicom, tasks]
    places = isolation.run("dying.origins", [module.__name__ for module in modules], [999] * 3)
    assert [bytes(place).decode() for place in places] == [module.__file__ for module in modules]


def test_workers_start_without_pydicom():
    """It takes most of the time to start."""
    code = """
import runpy, sys
light = runpy.run_path(sys.argv[1])
light["_light_package"]("dicomview", light["Path"](sys.argv[1]).parents[1])
light["_light_package"]("dicomview.io", light["Path"](sys.argv[1]).parent)
import dicomview.io.tasks
print([name for name in ("pydicom", "dicomview.io.sources") if name in sys.modules])
"""
    worker = Path(processes.__file__).with_name("worker.py")
    done = subprocess.run(
        [sys.executable, "-c", code, str(worker)], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "[]\n" and not done.stderr


def test_syntaxes_are_those_of_pydicom():
    told = {
        syntaxes.NATIVE: (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian),
        syntaxes.JPEG_LOSSLESS: (uid.JPEGLossless, uid.JPEGLosslessSV1),
        syntaxes.JPEG_LS_LOSSLESS: uid.JPEGLSLossless,
        syntaxes.JPEG_LS_NEAR_LOSSLESS: uid.JPEGLSNearLossless,
        syntaxes.JPEG_2000_LOSSLESS: uid.JPEG2000Lossless,
        syntaxes.JPEG_2000: uid.JPEG2000,
        syntaxes.RLE: uid.RLELossless,
        syntaxes.ALL_JPEG: frozenset((*uid.JPEGTransferSyntaxes, *uid.JPEGLSTransferSyntaxes)),
        syntaxes.ALL_JPEG_2000: frozenset(uid.JPEG2000TransferSyntaxes),
    }
    assert all(ours == theirs for ours, theirs in told.items()) and len(told) == len(syntaxes.__all__)


def test_where_nothing_can_be_started_it_is_said_once(series, workers, monkeypatch):
    files, array = series
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.warns(RuntimeWarning, match="decoded in this process") as caught:
        np.testing.assert_array_equal(dv.imread(files[0]), array[0])
    np.testing.assert_array_equal(dv.volread(files).array, array)
    assert len(caught) == 1


@pytest.mark.parametrize("does", ["true", "sleep 60", "cat", "echo a program; sleep 60"])
def test_an_executable_that_is_no_python(series, workers, monkeypatch, tmp_path, does):
    files, array = series
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{does.split(';')[0]}\n{'exec sleep 60' * (';' in does)}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(processes, "HELLO", 1.0)
    start = time.monotonic()
    with pytest.warns(RuntimeWarning, match="does not answer"):
        np.testing.assert_array_equal(dv.imread(files[0]), array[0])
    assert time.monotonic() - start < 10 and not workers._busy


def test_what_was_in_the_way_once_is_tried_again(series, workers, monkeypatch):
    files, array = series
    python, clock = sys.executable, [0.0]
    monkeypatch.setattr(isolation, "monotonic", lambda: clock[0])
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.warns(RuntimeWarning, match="decoded in this process"):
        dv.imread(files[0])
    clock[0] += isolation.PAUSE + 1
    np.testing.assert_array_equal(dv.imread(files[0]), array[0])  # and is not said again
    monkeypatch.setattr(sys, "executable", python)
    clock[0] += isolation.PAUSE + 1
    dv.imread(files[0])
    assert not workers._idle, "the pause becomes longer each time"
    clock[0] += isolation.PAUSE + 1
    np.testing.assert_array_equal(dv.imread(files[0]), array[0])
    assert len(workers._idle) == 1


def test_a_worker_that_reads_nothing_is_given_up(workers, monkeypatch):
    (pid,) = pids()
    os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(processes, "START", 1.0)
    start = time.monotonic()
    with pytest.raises(isolation.WorkerError, match="did not answer within 1 s"):
        list(isolation.run("dying.origins", ["x" * (1 << 20)], [8]))
    assert time.monotonic() - start < 10 and gone(pid) and not workers._busy


def test_a_moving_working_directory(series, workers, monkeypatch, tmp_path):
    files, array = series
    pids()
    monkeypatch.chdir(files[0].parent)
    np.testing.assert_array_equal(dv.volread(".").array, array)


def test_an_interrupt_in_the_middle(series, workers, monkeypatch):
    files, array = series
    monkeypatch.setattr(compressed, "TASK", "dying.hang_frames")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a shell does without it
    threading.Timer(1.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        dv.imread(files[LETHAL])
    signal.signal(signal.SIGINT, before)
    assert not workers._busy and not workers._idle
    monkeypatch.undo()
    np.testing.assert_array_equal(dv.imread(files[LETHAL]), array[LETHAL])


def test_an_interrupt_in_the_middle_of_a_series(write, tmp_path):
    """Other threads wait for decoders that hang: nobody waits for these."""
    pytest.importorskip("imagecodecs")
    array = make_voxels((40, 8, 10))
    array[0], array[20] = marked(array[0]), marked(array[20])
    files = write_rle(write("s", array), array)
    code = """
import os, signal, sys, threading, time
import dicomview as dv
from dicomview.io import compressed, isolation, pixels
pixels.TASK, compressed.TASK = "dying.hang_parts", "dying.hang_frames"
signal.signal(signal.SIGINT, signal.default_int_handler)
def interrupt():
    while not isolation._POOL._busy:
        time.sleep(0.01)
    time.sleep(2)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt).start()
try:
    dv.volread(sys.argv[1])
except KeyboardInterrupt:
    print(threading.active_count(), flush=True)
"""
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(dying.__file__).parent), *sys.path])}
    command = [sys.executable, "-c", code, str(files[0].parent)]
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=paths)
    assert done.stdout and time.monotonic() - start < 10, done.stderr


def test_codestreams_that_contradict_their_header(write, workers):
    """More rows than the header tells are an error, not an overflow."""
    path = write_film(*write("film", np.zeros((1, 8, 8), np.int16)), made.TWELVE[None], uid.JPEGLosslessSV1,
                      encapsulate([made.LOSSLESS_12]), Rows=2, BitsStored=12)  # fmt: skip
    with pytest.raises(DecodeError, match=path.name):
        dv.imread(path)


def test_who_waits_comes_before_who_has_had_a_worker(workers, monkeypatch):
    monkeypatch.setattr(isolation, "WORKERS", 1)
    order = []

    def wait():
        with workers.lease("a task"):
            order.append("who waited")

    with workers.lease("a task"):
        waiting = threading.Thread(target=wait)
        waiting.start()
        deadline = time.monotonic() + 30
        while not workers._queue and time.monotonic() < deadline:
            time.sleep(0.01)
    with workers.lease("a task"):
        order.append("who had one")
    waiting.join(30)
    assert order == ["who waited", "who had one"]

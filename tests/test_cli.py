"""The command line: results, exit codes, what is said where, completion, and every command of its page."""

import doctest
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import imageio.v3 as iio
import pydicom
import pytest
from conftest import make_affine, make_voxels
from PIL import Image

import dicomview as dv
from dicomview.cli import main
from dicomview.cli.run import _Bar
from dicomview.errors import SeriesError

ROOT = Path(__file__).parents[1]
NAMED = {"PatientName": "Planted^Name", "PatientID": "PLANTED-ID"}


@pytest.fixture
def study(write, tmp_path):
    """Write a CT of 6 slices, a report and a file that is damaged, and go where output may lie."""
    files = write("study", make_voxels((6, 40, 32)), make_affine(), modality="CT", elements=NAMED)
    folder = files[0].parent
    (folder / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\1" * 40)
    (folder / "notes.txt").write_text("nothing")
    (tmp_path / "out").mkdir()
    here = Path.cwd()
    os.chdir(tmp_path / "out")
    yield folder
    os.chdir(here)


@pytest.fixture
def run(capsys):
    """Run the command line in this process: run(...) -> code, stdout, stderr."""

    def run(*argv):
        code = main([str(text) for text in argv])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def process(*argv, **options):
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "dicomview", *map(str, argv)], capture_output=True, text=True, **options
    )


def opened(path):
    """Return how many frames a picture has, and its width."""
    with Image.open(path) as image:
        return getattr(image, "n_frames", 1), image.width


def test_info_is_the_table_and_the_same_as_data(study, run):
    code, out, err = run("info", study)
    assert (code, err) == (0, "")
    assert out.rstrip("\n") == repr(dv.find_series(study))
    assert "6 × 40 × 32" in out and "broken.dcm" in out and "1 other files" in out
    code, out, err = run("info", study, "--json")
    told = json.loads(out)
    assert (code, err) == (0, "") and told["other_files"] == 1
    (series,) = told["series"]
    assert series["shape"] == [6, 40, 32] and series["spacing"] == pytest.approx([2.5, 0.8, 0.6])
    assert series["is_volume"] is True and series["reason"] is None and series["files"] == 6
    assert series["title"] == "series 1 axial" and series["uid"] is series["description"] is None
    (series,) = json.loads(run("info", study, "--json", "--show-patient")[1])["series"]
    (one,) = dv.find_series(study)
    assert (series["uid"], series["description"]) == (one.uid, one.description)
    assert [one["file"] for one in told["not_readable"]] == ["broken.dcm"]
    assert run("info", study, "--strict")[0] == 3 and run("info", study / "IM0001.dcm", "--strict")[0] == 0


def test_who_it_is_comes_only_when_asked_for(study, run):
    for command in (["info"], ["info", "--json"], ["montage"], ["html"], ["gif"]):
        assert "planted" not in "".join(map(str, run(*command, study))).lower()
    written = [path.read_bytes() for path in Path().iterdir()]
    assert len(written) == 3 and not any(b"planted" in data.lower() for data in written)
    assert "Planted^Name, PLANTED-ID" in run("info", study, "--show-patient")[1]
    assert json.loads(run("info", study, "--show-patient", "--json")[1])["series"][0]["patient"] == (
        "Planted^Name, PLANTED-ID"
    )
    assert run("montage", study, "--show-patient", "-o", "named.svg")[0] == 0
    assert b"Planted^Name" in Path("named.svg").read_bytes()
    assert dv.options.show_patient is False


def test_montage_draws_the_slices_that_are_named(study, run, monkeypatch):
    asked = []
    real = dv.montage
    monkeypatch.setattr("dicomview.export.montage", lambda *a, **k: asked.append((a[1:], k)) or real(*a, **k))
    code, out, err = run(
        "montage",
        study,
        "--slices",
        "1:6:2",
        "--columns",
        "2",
        "--window",
        "-600,1500",
        "-o",
        "m.png",
        "--dpi",
        50,
    )
    assert (code, out) == (0, "m.png\n") and opened("m.png")[1] == 500
    assert err.startswith("remark: ") and "broken.dcm" in err
    (((picks,), options),) = asked
    assert list(picks) == [1, 3, 5] and options["columns"] == 2 and options["window"] == (-600, 1500)
    assert run("montage", study, "--slices=-1,0", "--plane", "coronal", "-o", "m.pdf")[0] == 0
    assert asked[1][0] == ([-1, 0],) and asked[1][1]["plane"] == "coronal"
    assert Path("m.pdf").read_bytes()[:5] == b"%PDF-"
    assert (
        run("montage", study, "--slices", ":2", "--plane", "sagittal", "--window", "LUNG", "-o", "m.svg")[0]
        == 0
    )
    assert list(asked[2][0][0]) == [0, 1] and asked[2][1]["window"] == dv.Window(-600, 1500)
    assert run("montage", study, "--window", "auto", "-o", "m.png")[0] == 0
    assert asked[3][1]["window"] == dv.volread(study).auto_window()


def test_gif_is_what_animate_makes(study, run):
    code, out, _ = run(
        "gif", study, "-q", "--slices", "4:1:-1", "--fps", 20, "--size", 128, "--window", "lung"
    )
    assert (code, out) == (0, "movie.gif\n")
    made = dv.animate(dv.volread(study), steps=[4, 3, 2], fps=20, size=128, window=dv.Window(-600, 1500))
    assert Path("movie.gif").read_bytes() == made.data
    code, _, err = run(
        "gif", study, "--along", "rotation", "--count", 3, "--size", 64, "-o", "turn.gif", "--slab", 9
    )
    assert code == 0 and opened("turn.gif") == (3, 64)
    code, _, err = run("gif", study, "--along", "time", "-o", "t.gif")
    assert code == 1 and "does not go along 'time': take one of slices, rotation" in err
    assert run("gif", study, "--along", "rotation", "--slices", "1:2", "-o", "x.gif")[0] == 1


def test_gif_along_a_dimension_counts_its_values(write, tmp_path, run, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def time(t):
        return lambda k: {"TemporalPositionIdentifier": t + 1, "SOPInstanceUID": f"1.2.3.{t}.{k}"}

    files = []
    for t in range(4):
        files += write(f"t{t}", make_voxels((3, 16, 16), t), series_uid="1.2.3", elements=time(t))
    assert run("gif", *files, "--along", "time", "--slices", "1:", "-o", "t.gif")[0] == 0
    assert opened("t.gif")[0] == 3
    assert run("gif", *files, "--slices", "1:", "-o", "s.gif")[0] == 0
    assert opened("s.gif")[0] == 2


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # of imageio's reader
def test_mp4_by_the_name_of_the_output(study, run):
    pytest.importorskip("imageio_ffmpeg")
    assert run("gif", study, "-o", "movie.MP4", "--size", 64)[:2] == (0, "movie.MP4\n")
    assert iio.imread("movie.MP4", plugin="FFMPEG", extension=".mp4").shape[0] == 6


def test_html_and_view_write_the_same_page(study, run, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    assert run("html", study, "--plane", "axial", "--colormap", "magma")[:2] == (0, "view.html\n")
    code, out, _ = run("view", study, "--plane", "axial", "--colormap", "magma")
    page = Path(out.strip())
    assert code == 0 and opened == [page.as_uri()] and page.stat().st_size > 1000
    assert page.read_text(encoding="utf-8") == Path("view.html").read_text(encoding="utf-8")
    assert "planted" not in out.lower() and (os.name == "nt" or page.parent.stat().st_mode & 0o77 == 0)
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    code, again, err = run("view", study)
    assert code == 0 and "open the page yourself" in err
    for text in (out, again):
        shutil.rmtree(Path(text.strip()).parent)


def test_view_starts_jupyter_on_a_notebook_that_runs(study, run, monkeypatch):
    pytest.importorskip("jupyterlab")
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    started = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: started.append(command))
    code, out, err = run("view", study, "--jupyter", "--window", "lung", "--series", "0", "--plane", "axial")
    assert (code, err) == (0, "")
    file = Path(out.strip())
    assert started == [[sys.executable, "-m", "jupyterlab", str(file)]]
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    monkeypatch.undo()
    assert "window=dv.Window(center=-600, width=1500)" in notebook.cells[0].source
    nbclient.execute(notebook)
    assert notebook.cells[0].outputs[0].output_type in ("display_data", "execute_result")
    shutil.rmtree(file.parent)


def test_the_notebook_takes_a_table_of_the_file(write, run, monkeypatch):
    pytest.importorskip("jupyterlab")
    item = pydicom.Dataset()
    item.add_new("LUTDescriptor", "US", [4, 0, 8])
    item.add_new("LUTData", "OW", bytes(range(4)))
    item.LUTExplanation = "SOFT"
    folder = write("table", elements={"VOILUTSequence": [item]})[0].parent
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "run", lambda *_, **__: None)
        code, out, err = run("view", folder, "--jupyter", "--window", "soft")
    assert (code, err) == (0, "")
    file = Path(out.strip())
    (cell,) = json.loads(file.read_text(encoding="utf-8"))["cells"]
    shutil.rmtree(file.parent)
    names = {}
    exec(cell["source"], names)
    assert names["viewer"].state.window == dv.volread(folder).windows["SOFT"]
    names["viewer"].close()


def test_a_view_that_fails_leaves_nothing_behind(study, run, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "out"))
    assert run("view", "nosuch")[0] == 1
    assert run("view", study, "--colormap", "magam")[0] == 1
    assert run("view", study, "--jupyter", "--window", "lngu")[0] == 1
    monkeypatch.setattr("dicomview.cli.commands.find_spec", lambda name: None)
    assert run("view", study, "--jupyter")[0] == 1
    assert list((tmp_path / "out").iterdir()) == []


def test_without_jupyterlab_it_is_said_what_to_install(study, run, monkeypatch):
    monkeypatch.setattr("dicomview.cli.commands.find_spec", lambda name: None)
    code, out, err = run("view", study, "--jupyter")
    assert (code, out) == (1, "") and "pip install 'dicomview[notebook]'" in err


def test_sample_prints_a_folder_that_can_be_read(tmp_path, run):
    code, out, _ = run("sample")
    assert code == 0 and Path(out.strip()) == dv.samples.head_ct()
    code, out, _ = run("sample", "knee-mr", "-o", tmp_path / "knee")
    assert code == 0 and dv.find_series(out.strip())[0].modality == "MR"
    code, out, _ = run("sample", "head-pet")
    assert code == 0 and dv.find_series(out.strip())[0].modality == "PT"
    code, _, err = run("sample", "-o", tmp_path / "knee")
    assert code == 1 and "'knee' is there already and not empty" in err


def test_errors_are_a_message_with_the_remedy_and_no_traceback(study, run, write):
    for argv, said in [
        (["info", "no-such-folder"], "no-such-folder"),
        (["montage", study, "--series", "9"], "choose with --series a number"),
        (["montage", study, "--series", "none"], "--series 'none' fits 0 series"),
        (["montage", study, "--window", "lngu"], "no window 'lngu' here: by name there are 'brain'"),
        (["html", study, "--colormap", "magam"], "others are magma"),
        (["montage", study, "--slices", "9"], "no axial slice 9"),
        (["montage", study, "-o", "m.xyz"], "montage does not write '.xyz': name .png, .pdf or .svg"),
        (["montage", study, "-o", "m.pgf"], "does not write '.pgf'"),
        (["html", study, "-o", "m.dcm"], "does not write '.dcm': name .html or .htm"),
        (["montage", study, "-o", "nowhere/m.png"], "m.png: there is no folder for it"),
        (["gif", study, "-o", "m.avi"], "does not write '.avi'"),
        (["gif", study, "-o", "."], "."),
        (["info", study / "notes.txt"], "notes.txt"),
    ]:
        code, out, err = run(*argv)
        assert (code, out) == (1, "") and err.startswith("dicomview: ") and said in err, (argv, err)
        assert "Traceback" not in err
    assert list(Path().iterdir()) == []
    done = process("montage", study, "--slices", "9")
    assert done.returncode == 1 and done.stderr.count("\n") == 1


def test_what_is_odd_in_a_file_is_not_quoted(write, tmp_path):
    uid, other = b"1.2.826.0.1.4", b"Planted name."
    files = write("study", make_voxels((3, 8, 8)), series_uid=uid.decode())
    for path in files:
        path.write_bytes(path.read_bytes().replace(uid, other))
    done = process("html", files[0].parent, "-o", tmp_path / "x.html")
    assert done.returncode == 0 and "Planted" not in done.stderr and "Warning" not in done.stderr


def test_a_long_table_of_series_is_cut(run, monkeypatch):
    def refuse(*_, **__):
        raise SeriesError("40 volumes are here; choose with series= a number:\n" + "row\n" * 40)

    monkeypatch.setattr("dicomview.cli.commands.volread", refuse)
    code, _, err = run("html", "folder", "-o", "x.html")
    assert code == 1 and err.count("\n") == 13 and err.endswith("... `dicomview info` shows all 42 lines\n")


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["dance"],
        ["info"],
        ["montage", "x", "--window", "40,wide"],
        ["montage", "x", "--slices", "1:2:0"],
        ["montage", "x", "--slices", "a"],
        ["montage", "x", "--columns", "0"],
        ["gif", "x", "--fps", "-3"],
        ["gif", "x", "--plane", "frontal"],
        ["html", "x", "--show-patient"],
        ["html", "x", "-o", ""],
        ["sample", "-o", ""],
        ["montage", "x", "--dpi", "1e9"],
        ["montage", "x", "--dpi", "0.001"],
        ["montage", "x", "--win", "40,80"],
    ],
    ids=" ".join,
)
def test_what_is_written_wrongly_exits_with_2(argv, capsys):
    with pytest.raises(SystemExit) as ended:
        main(argv)
    out, err = capsys.readouterr()
    assert ended.value.code == 2 and out == "" and err.startswith("usage: dicomview")


def test_an_unnamed_file_is_never_replaced(study, run):
    Path("montage.png").write_bytes(b"mine")
    code, out, err = run("montage", study)
    assert (code, out) == (1, "") and "montage.png: the file is there already: name a file with -o" in err
    assert Path("montage.png").read_bytes() == b"mine"
    assert run("montage", study, "-o", "montage.png")[0] == 0
    assert Path("montage.png").read_bytes() != b"mine"


def test_what_is_read_is_never_written_over(study, run, tmp_path):
    scan = study / "IM0000.dcm"
    before = {path.name: path.read_bytes() for path in study.iterdir()}
    page = tmp_path / "out" / "IM0001.html"
    shutil.copy(study / "IM0001.dcm", page)
    Path("link.html").symlink_to(page)
    scans = page.read_bytes()
    for argv, said in [
        (["html", study, "-o", scan], "does not write '.dcm'"),
        (["html", page, "-o", page], "IM0001.html: this is what is read"),
        (["html", "link.html", "-o", page], "IM0001.html: this is what is read"),
        (["html", page, "-o", "link.html"], "link.html: this is what is read"),
        (["montage", study, "-o", study / "m.png"], "m.png: it would lie in the folder that is read"),
        (["gif", scan, study, "-o", study / "deep" / "m.gif"], "m.gif: it would lie in the folder"),
        (["html", study, "-o", study.parent / "out" / ".." / "study" / "v.html"], "v.html: it would lie"),
    ]:
        (study / "deep").mkdir(exist_ok=True)
        code, out, err = run(*argv)
        (study / "deep").rmdir()
        assert (code, out) == (1, "") and said in err and str(tmp_path) not in err, (argv, err)
    assert {path.name: path.read_bytes() for path in study.iterdir()} == before
    assert page.read_bytes() == scans
    assert run("html", scan, "-o", study / "v.htm", "-q")[0] == 0  # of one file its neighbours are not read


def test_an_empty_name_is_no_name(study, run, capsys):
    Path("view.html").write_bytes(b"mine")
    with pytest.raises(SystemExit):
        main(["html", str(study), "-o", ""])
    assert "name a file" in capsys.readouterr().err and Path("view.html").read_bytes() == b"mine"


def test_what_nobody_thought_of_names_neither_folder_nor_patient(study, run, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError(
            f"cannot use {study / 'IM0000.dcm'} of 'Planted^Name' at {study}: xelatex is missing"
        )

    monkeypatch.setattr("dicomview.cli.commands.volread", fail)
    code, out, err = run("montage", study, "-o", "m.png")
    assert (code, out) == (1, "") and err.startswith("dicomview: RuntimeError: cannot use IM0000.dcm of ")
    assert err.endswith("xelatex is missing\n") and "Traceback" not in err
    assert str(study.parent) not in err and "Planted" not in err


def test_progress_goes_to_a_terminal_only(study, run, monkeypatch):
    assert "pictures" not in run("gif", study)[2]
    monkeypatch.setattr("dicomview.cli.run.DELAY", 0)
    monkeypatch.setattr(sys.stderr.__class__, "isatty", lambda self: True)
    code, out, err = run("gif", study, "-o", "b.gif")
    assert code == 0 and out == "b.gif\n" and "pictures" in err and "headers" in err
    assert "pictures" not in run("gif", study, "-q", "-o", "b.gif")[2]


def test_the_bar_follows_what_is_read(capsys, monkeypatch):
    monkeypatch.setattr("dicomview.cli.run.DELAY", 0)
    bar = _Bar()
    bar.tell("headers", 0, 2)
    bar.tell("headers", 1, 2)
    bar.tell("slices", 0, 5)
    bar.close()
    err = capsys.readouterr().err
    assert "headers" in err and "0/2" in err and "0/5" in err


def test_help_and_info_load_nothing_that_takes_long(study):
    heavy = ("matplotlib", "ipywidgets", "IPython", "ipympl", "scipy", "anywidget", "shtab")
    for argv in (["--help"], ["info", str(study)], ["sample"]):
        code = f"""
import sys
from dicomview.cli import main
try:
    main({argv!r})
except SystemExit:
    pass
print([m for m in {heavy} if m in sys.modules], file=sys.stderr)
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stderr == "[]\n" and done.stdout


def test_a_reader_that_goes_away_is_no_error(study):
    command = f"{sys.executable} -m dicomview info {study}; echo $? >&2"
    done = subprocess.run(
        ["bash", "-c", f"({command}) | true"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert done.stderr in ("141\n", "0\n")  # it may have written before the reader went
    code = f"""
import os, sys
from dicomview.cli import main
read, write = os.pipe()
os.close(read)
os.dup2(write, 1)
code = main(["info", {str(study)!r}])
print(code, file=sys.stderr)
sys.exit(code)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (141, "141\n")


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
def test_ctrl_c_ends_without_a_traceback(study):
    code = f"""
import os, signal, sys, threading
from dicomview.cli import main
from dicomview.export import movie
signal.signal(signal.SIGINT, signal.default_int_handler)  # which processes in the background ignore
add = movie.GifWriter.add
def slow(self, picture):
    add(self, picture)
    os.kill(os.getpid(), signal.SIGINT)
movie.GifWriter.add = slow
sys.exit(main(["gif", {str(study)!r}]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
    assert list(Path().iterdir()) == []


def test_the_entry_point_is_main():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    point = importlib.metadata.EntryPoint("dicomview", scripts["dicomview"], "console_scripts")
    assert list(scripts) == ["dicomview"] and point.load() is main
    assert process("--version").stdout == f"dicomview {dv.__version__}\n"


def completed(script, words):
    """Return what bash offers for the last word."""
    last = len(words) - 1
    text = f"source {script}\n" + (
        f"COMP_WORDS=({' '.join(repr(w) for w in words)}); COMP_CWORD={last}\n"
        f"$(complete -p dicomview | sed 's/.*-F \\([^ ]*\\).*/echo \\1/') >/dev/null\n"
        "f=$(complete -p dicomview | sed 's/.*-F \\([^ ]*\\) .*/\\1/')\n"
        f"$f dicomview {words[-1]!r} {words[-2]!r}\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(["bash", "--norc", "-c", text], capture_output=True, text=True)
    assert done.stderr == "", done.stderr
    return [line.strip() for line in done.stdout.splitlines()]


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_commands_options_choices_and_files(study, run):
    code, out, err = run("completion", "bash")
    assert (code, err) == (0, "")
    Path("script.bash").write_text(out)
    Path("scan.zip").write_bytes(b"")
    script = "script.bash"
    assert completed(script, ["dicomview", "mon"]) == ["montage"]
    assert set(completed(script, ["dicomview", ""])) >= {"info", "view", "montage", "gif", "html", "sample"}
    assert set(completed(script, ["dicomview", "gif", "--sl"])) == {"--slices", "--slab", "--slab-mode"}
    assert completed(script, ["dicomview", "gif", "--plane", "cor"]) == ["coronal"]
    assert completed(script, ["dicomview", "info", "sca"]) == ["scan.zip"]
    assert completed(script, ["dicomview", "sample", "kn"]) == ["knee-mr"]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed (apt install zsh)")
def test_zsh_takes_the_script(tmp_path, run):
    file = tmp_path / "_dicomview"
    file.write_text(run("completion", "zsh")[1])
    start = f"autoload -U compinit; compinit -u -d {tmp_path}/dump"
    text = f'{start}; eval "$(<{file})"; print -r -- $_comps[dicomview]'
    done = subprocess.run(["zsh", "-f", "-c", text], capture_output=True, text=True)
    assert done.stderr == "" and done.stdout.strip().startswith("_shtab_dicomview")


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_every_command_of_the_page_runs_and_prints_what_it_says(tmp_path):
    pytest.importorskip("imageio_ffmpeg")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "dicomview"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dicomview "$@"\n')
    program.chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    environment = os.environ | {
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "BROWSER": "true",
        "TMPDIR": str(tmp_path),
    }
    page = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 6
    compare, flags = doctest.OutputChecker().check_output, doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    for block in blocks:
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, expected = step.partition("\n")
            done = subprocess.run(
                ["bash", "-c", command], cwd=work, env=environment, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            assert compare(expected, done.stdout, flags), (command, expected, done.stdout)
            assert (done.returncode == 0) != expected.startswith("dicomview: "), (command, done.stdout)

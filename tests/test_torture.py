"""Bad and odd input: never a wrong volume without a word, never an error that does not tell what to do."""

import gc
import time
import warnings

import numpy as np
import pytest
from torture.corpus import all_cases, build
from torture.readers import with_dicomview
from torture.run import run, table
from torture.truth import BAD, RIGHT, Case, Truth, is_clear, judge, load, save

from dicomview.errors import DicomviewError

pytest.importorskip("imagecodecs")  # by which codestreams are made
CATEGORIES = sorted({case.category for case in all_cases()})


def outcome_of(made):
    """Return how dicomview does, in this process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return judge(made, with_dicomview(made.path))
        except DicomviewError as error:
            why = is_clear(error, made.path, base=DicomviewError)
            return ("obscure error", f"{why}: {error}") if why else ("clear error", str(error))
        except Exception as error:
            return "obscure error", f"{type(error).__name__}: {error}"


def bad_among(made):
    """Return what is bad of inputs, in words."""
    bad = []
    for one in made:
        outcome, message = outcome_of(one)
        is_refused = one.expected == RIGHT and not outcome.startswith("right")
        if outcome in BAD or is_refused:
            bad.append(f"{one.name}: {outcome}: {message[:300]}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()  # imageio leaves files open that it cannot read
    return bad


#: One of so many inputs is read by the plain tests.
PART = 8


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_part_of_the_corpus_is_not_read_wrong(tmp_path, category):
    cases = [c for c in all_cases() if c.category == category and not c.is_dangerous]
    bad = bad_among(build(tmp_path, cases[::PART]))
    assert not bad, f"{len(bad)} bad:\n" + "\n".join(bad)


@pytest.mark.long
def test_the_whole_corpus_is_not_read_wrong(tmp_path):
    bad = bad_among(build(tmp_path, [c for c in all_cases() if not c.is_dangerous]))
    assert not bad, f"{len(bad)} bad:\n" + "\n".join(bad)


@pytest.mark.long
def test_dangerous_input_costs_an_error_not_the_process(tmp_path):
    cases = build(tmp_path, [c for c in all_cases() if c.is_dangerous])
    bad = [
        f"{r.made.name}: {r.outcome}: {r.message}"
        for r in run(tmp_path, "dicomview", cases, jobs=2)
        if r.is_bad
    ]
    assert not bad, f"{len(bad)} bad:\n" + "\n".join(bad)


# The harness itself --------------------------------------------------------------------------------

FAKE = """
import ctypes, os, sys, time
import numpy as np
from torture.truth import Answer, Given

TRUE, SPACING, AFFINE = np.arange(24).reshape(2, 3, 4), (3.0, 2.0, 1.0), np.diag([1.0, 2, 3, 1])[[0, 1, 2, 3]]
AFFINE = np.array([[0, 0, 1, 0], [0, 2, 0, 0], [3, 0, 0, 0], [0, 0, 0, 1.0]])

EMPTY = TRUE * [[[1]], [[0]]]

def given(array=TRUE, spacing=SPACING, affine=AFFINE, warnings=(), missing=()):
    return Given((Answer(np.asarray(array), spacing, affine, missing),), warnings)

def fake(path):
    name = path.name
    if name == "sleeps": time.sleep(60)
    if name == "dies": ctypes.string_at(0)
    if name == "leaves": os._exit(3)
    if name == "panics": raise BaseException("panic")
    if name == "eats": bytearray(2**34)
    if name == "is bare": raise KeyError("x")
    if name == "names nothing": raise ValueError("the file is damaged and cannot be read")
    if name == "tells no cause": raise ValueError(name)
    if name == "is clear": raise ValueError("is clear: the pixel data is cut short")
    if name == "changes a value": return given(TRUE + (TRUE == 5))
    if name == "changes a value and says so": return given(TRUE + (TRUE == 5), warnings=("odd",))
    if name == "reverses": return given(TRUE[::-1])
    if name == "drops": return given(TRUE[:1])
    if name == "drops and says so": return given(TRUE[:1], warnings=("a slice is missing",))
    if name == "leaves empty and says so": return given(EMPTY, warnings=("empty",), missing=(1,))
    if name == "has another spacing": return given(spacing=(1.0, 2.0, 1.0))
    if name == "has another affine": return given(affine=AFFINE @ np.diag([-1, 1, 1, 1]))
    if name == "is of another shape": return given(TRUE.reshape(2, 4, 3))
    if name == "warns": return given(warnings=("odd",))
    return given()
"""

BECOMES = {
    "reads": "right",
    "warns": "right with warning",
    "drops and says so": "right with warning",
    "leaves empty and says so": "right with warning",
    "is clear": "clear error",
    "is bare": "obscure error",
    "names nothing": "obscure error",
    "tells no cause": "obscure error",
    "changes a value": "silent wrong",
    "changes a value and says so": "wrong with warning",
    "reverses": "silent wrong",
    "drops": "silent wrong",
    "has another spacing": "silent wrong",
    "has another affine": "silent wrong",
    "is of another shape": "silent wrong",
    "sleeps": "hang",
    "dies": "crash",
    "leaves": "crash",
    "panics": "crash",
    "eats": "memory",
    "reads again": "right",
}


def test_the_harness_tells_every_way_to_fail(tmp_path):
    (tmp_path / "fake.py").write_text(FAKE)
    affine = np.array([[0, 0, 1, 0], [0, 2, 0, 0], [3, 0, 0, 0], [0, 0, 0, 1.0]])

    def make(folder):
        folder.mkdir(parents=True)
        path = folder / folder.parent.name
        path.write_bytes(b"")
        return path, [Truth.of(np.arange(24).reshape(2, 3, 4), affine)]

    def named(name):
        return lambda folder: make(folder.parent / name / name)

    corpus = tmp_path / "corpus"
    cases = [Case(name, "fake", "must not be wrong", named(name)) for name in BECOMES]
    made = build(corpus, cases)
    start = time.monotonic()
    results = list(run(corpus, f"{tmp_path / 'fake.py'}:fake", made, seconds=2))
    assert {r.made.path.name: r.outcome for r in results} == BECOMES, [r.message for r in results]
    assert time.monotonic() - start < 60
    assert table(results).splitlines()[-1].split()[:4] == ["total", str(len(BECOMES)), "2", "3"]


def test_a_legal_input_must_be_right(tmp_path):
    case = next(c for c in all_cases() if c.expected == RIGHT)
    (made,) = build(tmp_path, [case])
    (again,) = load(tmp_path)
    assert (again.name, again.expected, again.path) == (made.name, made.expected, made.path)
    np.testing.assert_array_equal(again.truths[0].array, made.truths[0].array)
    save([made], tmp_path)


def test_another_corpus_is_run_without_knowing_its_contents(tmp_path):
    (tmp_path / "bombs@").mkdir()
    (tmp_path / "bombs@" / "one.dcm").write_bytes(b"")
    (tmp_path / "two.dcm").write_bytes(b"")
    assert [(m.category, m.path.name) for m in load(tmp_path)] == [
        ("bombs", "one.dcm"),
        ("foreign", "two.dcm"),
    ]

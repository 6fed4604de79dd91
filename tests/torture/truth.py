"""What an input holds, what is expected of its readers, and how their answers are judged."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np

OUTCOMES = (
    "right", "right with warning", "clear error", "obscure error", "silent wrong", "hang", "crash", "memory",
)  # fmt: skip
#: A reader need not give these; an input of unknown contents can only be answered, or not.
UNJUDGED = "unjudged"
BAD = OUTCOMES[3:]

#: The true array, nothing else.
RIGHT = "right"
#: The true array, with or without a warning, or the true remaining part with one.
WARNED = "right or warned"
#: Any clear error, or as above.
NOT_WRONG = "must not be wrong"
#: Contents that nobody can know: no bad way to fail.
SURVIVE = "must survive"


@dataclass(frozen=True)
class Truth:
    """One volume, known from what its files were made of.

    Attributes
    ----------
    array : ndarray of shape (..., slices, rows, columns) or (..., slices, rows, columns, 3)
    spacing : tuple of float or None
        Between slices, rows and columns; None where the files do not tell.
    affine : ndarray of shape (4, 4) or None
        Index (slice, row, column, 1) to LPS mm.
    is_color : bool
    """

    array: np.ndarray
    spacing: tuple[float | None, ...] = (None, None, None)
    affine: np.ndarray | None = None
    is_color: bool = False

    @classmethod
    def of(cls, array: np.ndarray, affine: np.ndarray, **options: Any) -> Truth:
        lengths = np.linalg.norm(affine[:3, :3], axis=0)
        return cls(array, tuple(float(n) for n in lengths), affine, **options)


@dataclass(frozen=True)
class Case:
    """An input: ``make(folder)`` writes it and returns its path and what it holds.

    ``also`` are other contents that are right where a warning comes with them, or a function that makes them.
    """

    name: str
    category: str
    expected: str
    make: Callable[[Path], tuple[Path, list[Truth]]]
    also: tuple[tuple[Truth, ...], ...] = ()
    is_dangerous: bool = False


@dataclass(frozen=True)
class Made:
    """An input on disk."""

    name: str
    category: str
    expected: str
    path: Path
    truths: tuple[Truth, ...] = ()
    also: tuple[tuple[Truth, ...], ...] = ()
    is_dangerous: bool = False


@dataclass(frozen=True)
class Answer:
    """One volume that a reader gave; None for what it does not claim to know.

    ``missing`` are the places of slices that are said to be empty, counted over all frames.
    """

    array: np.ndarray
    spacing: tuple[float | None, ...] | None = None
    affine: np.ndarray | None = None
    missing: tuple[int, ...] = ()


@dataclass(frozen=True)
class Given:
    """All that a reader gave for an input, and what it warned of."""

    answers: tuple[Answer, ...]
    warnings: tuple[str, ...] = field(default=())


def judge(made: Made, given: Given) -> tuple[str, str]:
    """Return outcome and what is the matter."""
    if made.expected == SURVIVE:
        return UNJUDGED, ""
    worse = ""
    for truths in (made.truths, *made.also):
        exact, worse_here = fits(truths, given.answers, is_warned=False)
        if exact and truths is made.truths:
            return ("right with warning" if given.warnings else "right"), "; ".join(given.warnings)[:300]
        if given.warnings and fits(truths, given.answers, is_warned=True)[0]:
            if made.expected == RIGHT:
                return "silent wrong", f"only a part of a legal input: {'; '.join(given.warnings)[:300]}"
            return "right with warning", "; ".join(given.warnings)[:300]
        worse = worse or worse_here
    told = f" (warned: {'; '.join(given.warnings)[:300]})" if given.warnings else ""
    return "silent wrong", worse + told


def fits(truths: Sequence[Truth], answers: Sequence[Answer], *, is_warned: bool) -> tuple[bool, str]:
    """Return whether each answer is another one of the truths; all of them without a warning."""
    if len(answers) > len(truths) or (not is_warned and len(answers) < len(truths)) or not answers:
        return False, f"{len(answers)} volumes in place of {len(truths)}"
    worse = ""
    for chosen in permutations(truths, len(answers)):
        worse = next((w for t, a in zip(chosen, answers) if (w := differs(t, a, is_warned=is_warned))), "")
        if not worse:
            return True, ""
        if len(truths) > 4:  # too many to try all
            break
    return False, worse


def differs(truth: Truth, answer: Answer, *, is_warned: bool) -> str:
    """Say in what an answer differs from the truth, which may also be stacked the other way round."""
    worse = _differs(truth, answer, is_warned=is_warned)
    if worse and truth.affine is not None and answer.affine is not None:
        axis = truth.array.ndim - (4 if truth.is_color else 3)
        turned = truth.affine.copy()
        turned[:3, 3] += (truth.array.shape[axis] - 1) * turned[:3, 0]
        turned[:3, 0] *= -1
        other = Truth(np.flip(truth.array, axis), truth.spacing, turned, truth.is_color)
        return worse and _differs(other, answer, is_warned=is_warned) and worse
    return worse


def _differs(truth: Truth, answer: Answer, *, is_warned: bool) -> str:
    """Say in what an answer differs; with a warning slices may be missing."""
    ndim = 4 if truth.is_color else 3
    true = truth.array.reshape(-1, *truth.array.shape[1 - ndim :])
    if answer.array.shape[1 - ndim :] != true.shape[1:] or answer.array.ndim < ndim - 1:
        return f"shape {answer.array.shape} in place of {truth.array.shape}"
    given = answer.array.reshape(-1, *true.shape[1:])
    extra = truth.array.shape[:-ndim]
    if not is_warned and given.shape != true.shape:
        return f"shape {answer.array.shape} in place of {truth.array.shape}"
    if given.shape == true.shape and not (is_warned and answer.missing):
        if not same(given, true):
            return wrong_values(given, true)
        return "" if is_warned and given.shape[0] == 1 else geometry_differs(truth, answer, is_warned)
    kept = [k for k in range(len(given)) if k not in answer.missing]
    if not kept:
        return "nothing but empty slices"
    places = placed(truth, answer, kept, given, true, is_stack=not extra)
    if places is None:
        return "slices that are not there, or in another order"
    return geometry_differs(truth, answer, is_warned, first=places[0] - kept[0])


def placed(
    truth: Truth, answer: Answer, kept: list[int], given: np.ndarray, true: np.ndarray, *, is_stack: bool
) -> list[int] | None:
    """Return which true slice each slice is, in order; None where one is not."""
    places: list[int] = []
    for k in kept:
        start = places[-1] + 1 if places else 0
        found = next((i for i in range(start, len(true)) if same(given[k], true[i])), None)
        if found is None:
            return None
        places.append(found)
    if is_stack and truth.affine is not None and answer.affine is not None:
        for k, i in zip(kept, places):
            here, there = answer.affine @ [k, 0, 0, 1], truth.affine @ [i, 0, 0, 1]
            if not np.allclose(here, there, atol=0.05):
                return None
    return places


def geometry_differs(truth: Truth, answer: Answer, is_warned: bool, first: int = 0) -> str:
    """Say in what spacing or affine differ; with a warning they may be unknown."""
    if answer.spacing is not None:
        for n, (a, b) in enumerate(zip(answer.spacing, truth.spacing)):
            if a is None and (b is None or is_warned):
                continue
            if (
                n == 0
                and is_warned
                and b is not None
                and a is not None
                and first >= 0
                and answer.missing == ()
            ):
                continue  # fewer slices may lie further apart; their places were compared
            if a is None or b is None or abs(a - b) > 0.01 * max(abs(b), 1e-9):
                return f"spacing {answer.spacing} in place of {truth.spacing}"
    if truth.affine is None:
        return "" if answer.affine is None else "an affine that the files do not tell"
    if answer.affine is None:
        return "" if is_warned or answer.spacing is None else "no affine"
    columns = [1, 2] if is_warned and (first or answer.missing == ()) else [0, 1, 2, 3]
    if truth.array.shape[-4 if truth.is_color else -3] == 1:
        columns = [c for c in columns if c]
    if not np.allclose(answer.affine[:, columns], truth.affine[:, columns], atol=0.02):
        return f"affine {answer.affine.round(3).tolist()} in place of {truth.affine.round(3).tolist()}"
    return ""


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Return whether values are the same; of floats up to their rounding."""
    a, b = np.ma.getdata(a), np.ma.getdata(b)
    if a.dtype.kind == "f" or b.dtype.kind == "f":
        a, b = a.astype(float), b.astype(float)
        return bool(np.allclose(a, b, rtol=1e-5, atol=1e-6, equal_nan=True))
    return bool(
        np.array_equal(a.astype(object), b.astype(object)) if "u8" in (a.dtype.str[1:],) else (a == b).all()
    )


def wrong_values(given: np.ndarray, true: np.ndarray) -> str:
    off = np.argwhere(np.ma.getdata(given) != true)
    if not len(off):
        return "other values"
    at = tuple(off[0])
    return f"{len(off)} other values, first at {tuple(map(int, at))}: {given[at]} in place of {true[at]}"


#: These say nothing to whoever does not know the program.
_BARE = (
    KeyError, AttributeError, IndexError, AssertionError, TypeError, struct.error, RecursionError,
    UnicodeError, ZeroDivisionError, OverflowError, StopIteration, NameError, EOFError,
)  # fmt: skip


def is_clear(error: BaseException, path: Path, *, base: type | None = None) -> str:
    """Say why an error is not clear: it must name the file or folder, and the cause; ours also the remedy."""
    text = str(error)
    if isinstance(error, _BARE) and (base is None or not isinstance(error, base)):
        return f"a bare {type(error).__name__}"
    names = {path.name, path.stem} | ({p.name for p in path.rglob("*")} if path.is_dir() else set())
    told = getattr(error, "path", None)
    if not any(name in text for name in names if name) and not (base and told):
        return "no file is named"
    words = re.findall(r"[A-Za-z]{2,}", text.replace(str(path), " ").replace(path.name, " "))
    if len(words) < 3:
        return "no cause"
    if base is not None:
        if not isinstance(error, base):
            return f"{type(error).__name__} is none of ours"
        if not getattr(error, "remedy", None):
            return "no remedy"
    return ""


def save(cases: Sequence[Made], folder: Path) -> None:
    """Write what the inputs hold next to them, so that they can be run without what made them."""
    told = []
    for number, made in enumerate(cases):
        arrays: dict[str, np.ndarray] = {}
        groups = []
        for g, truths in enumerate((made.truths, *made.also)):
            groups.append([truth.is_color for truth in truths])
            for i, truth in enumerate(truths):
                arrays[f"{g}.{i}.array"] = truth.array
                arrays[f"{g}.{i}.spacing"] = np.array([np.nan if s is None else s for s in truth.spacing])
                if truth.affine is not None:
                    arrays[f"{g}.{i}.affine"] = truth.affine
        np.savez(folder / f"truth-{number}.npz", **arrays)
        told.append({
            "name": made.name, "category": made.category, "expected": made.expected, "groups": groups,
            "path": str(made.path.relative_to(folder)), "truth": f"truth-{number}.npz",
            "is_dangerous": made.is_dangerous,
        })  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(told, indent=1))


def load(folder: Path) -> list[Made]:
    """Read inputs that were saved; of a folder without a manifest all that is in it, contents unknown."""
    if not (folder / "manifest.json").exists():
        return foreign(folder)
    cases = []
    for told in json.loads((folder / "manifest.json").read_text()):
        with np.load(folder / told["truth"]) as arrays:
            groups = [
                tuple(_loaded(arrays, f"{g}.{i}.", color) for i, color in enumerate(colors))
                for g, colors in enumerate(told["groups"])
            ]
        cases.append(
            Made(
                told["name"],
                told["category"],
                told["expected"],
                folder / told["path"],
                groups[0],
                tuple(groups[1:]),
                told["is_dangerous"],
            )
        )
    return cases


def _loaded(arrays: Any, start: str, is_color: bool) -> Truth:
    spacing = tuple(None if np.isnan(s) else float(s) for s in arrays[start + "spacing"])
    affine = arrays.get(start + "affine", None)
    return Truth(arrays[start + "array"], spacing, affine, is_color)


def foreign(folder: Path) -> list[Made]:
    """Take every entry of a folder for an input; a folder whose name ends in ``@`` is a category of inputs."""
    cases = []
    for entry in sorted(folder.iterdir()):
        inner = sorted(entry.iterdir()) if entry.name.endswith("@") and entry.is_dir() else [entry]
        category = entry.name.removesuffix("@") if inner != [entry] else "foreign"
        cases += [Made(p.name, category, SURVIVE, p) for p in inner]
    return cases

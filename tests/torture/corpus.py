"""The corpus of bad, odd and legal input."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[k]) for k in (1, 2)]  # the tests, and what they test

from torture import contradictions, damage, legal, mixed, paths, pixelmodule, streams, values
from torture.truth import Case, Made, save

MODULES = (damage, pixelmodule, values, streams, contradictions, legal, mixed, paths)


def all_cases() -> list[Case]:
    """Return all inputs, not yet written."""
    cases = [case for module in MODULES for case in module.cases()]
    names = [(case.category, case.name) for case in cases]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, twice
    return cases


def build(folder: Path, cases: Sequence[Case] | None = None) -> list[Made]:
    """Write inputs below a folder, with what they hold."""
    made = []
    for number, case in enumerate(all_cases() if cases is None else cases):
        place = folder / f"case-{number:04d}"
        place.mkdir(parents=True)
        path, truths = case.make(place / "input")
        made.append(
            Made(
                f"{case.category}: {case.name}",
                case.category,
                case.expected,
                path,
                tuple(truths),
                case.also,
                case.is_dangerous,
            )
        )
    save(made, folder)
    return made

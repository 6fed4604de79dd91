"""Runs one reader on inputs that are named on standard input, in a process that may die of it."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[k]) for k in (1, 2)]  # the tests, and what they test

from torture.readers import read, reader_of
from torture.truth import Made, is_clear, judge, load


def outcome(reader, base, made: Made, noise) -> tuple[str, str]:  # type: ignore[no-untyped-def]
    """Return how a reader does on an input, and its message."""
    start = os.fstat(noise).st_size
    try:
        given = read(reader, made.path)
        os.lseek(noise, start, os.SEEK_SET)
        shouted = os.read(noise, 2000).decode(errors="replace").strip()
        if "warning" in shouted.lower():  # libraries in C warn on standard error
            given = type(given)(given.answers, (*given.warnings, shouted))
        return judge(made, given)
    except BaseException as error:
        told = f"{type(error).__name__}: {error}"[:600]
        if not isinstance(error, Exception):
            return "crash", told
        is_ours = base is not None and isinstance(error, base)
        if isinstance(error, MemoryError) and not is_ours:
            return "memory", told
        if "std::bad_alloc" in told or "Failed to allocate memory" in told:
            return "memory", told
        if made.expected == "right":
            return "clear error", f"a legal input was refused: {told}"
        why = is_clear(error, made.path, base=base)
        return ("obscure error", f"{why}: {told}") if why else ("clear error", told)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=Path)
    parser.add_argument("reader")
    parser.add_argument("answers", type=int, help="file descriptor that takes the answers")
    parser.add_argument("noise", type=int, help="file descriptor that standard error goes to")
    parser.add_argument("--memory", type=float, default=4.0)
    options = parser.parse_args()
    cases = {made.name: made for made in load(options.corpus)}
    reader, base = reader_of(options.reader)
    with contextlib.suppress(Exception):
        read(reader, options.corpus / "absent")  # imports what it needs
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limit = used + int(options.memory * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    answers = os.fdopen(options.answers, "w")
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        result = outcome(reader, base, cases[line.strip()], options.noise)
        print(json.dumps([*result, time.perf_counter() - start]), file=answers, flush=True)


if __name__ == "__main__":
    main()

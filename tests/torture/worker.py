"""Runs one reader on inputs that are named on standard input, in a process that may die of it."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import resource
import sys
import time
import traceback
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[k]) for k in (1, 2)]  # the tests, and what they test

from torture.readers import read, reader_of
from torture.truth import BARE, Made, is_clear, judge, load_one


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
        last = traceback.extract_tb(error.__traceback__)[-1]
        told = f"{type(error).__name__}: {error}"[:600] + f" [{Path(last.filename).name}:{last.lineno}]"
        if not isinstance(error, Exception):
            return "crash", told
        is_ours = base is not None and isinstance(error, base)
        if isinstance(error, MemoryError) and not is_ours:
            return "memory", told
        if "std::bad_alloc" in told or "Failed to allocate memory" in told:
            return "memory", told
        if made.expected == "right" and not isinstance(error, BARE):
            return "clear error", f"a legal input was refused: {told}"
        why = is_clear(error, made.path, base=base)
        return ("obscure error", f"{why}: {told}") if why else ("clear error", told)


def give_up_rights() -> None:
    """Let root open only what its owner may: else no file is closed to it."""
    libc = ctypes.CDLL(None)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # the version of the structure, this process
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; twice
    if libc.capget(header, sets) == 0:
        sets[0] &= ~0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        sets[1] &= ~0b110
        libc.capset(header, sets)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=Path)
    parser.add_argument("reader")
    parser.add_argument("answers", type=int, help="file descriptor that takes the answers")
    parser.add_argument("noise", type=int, help="file descriptor that standard error goes to")
    parser.add_argument("--memory", type=float, default=4.0)
    options = parser.parse_args()
    give_up_rights()
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
        result = outcome(reader, base, load_one(options.corpus, line.strip()), options.noise)
        print(json.dumps([*result, time.perf_counter() - start]), file=answers, flush=True)


if __name__ == "__main__":
    main()

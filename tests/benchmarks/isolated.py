"""Decoding in workers against decoding in process: the same series in turns, in one process."""

import json
import os
import sys
import time
from pathlib import Path
from statistics import median


def processor_time():
    """Return the seconds of this process and of its workers."""
    from dicomview.io import isolation

    spent = sum(os.times()[:2])
    for worker in isolation._POOL._idle:
        fields = Path(f"/proc/{worker.process.pid}/stat").read_text().rpartition(")")[2].split()
        spent += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return spent


def main():
    """Print, as JSON, the seconds of the first read, and medians of both ways: by clock and processor."""
    import dicomview as dv

    folder, rounds = sys.argv[1], int(sys.argv[2])
    start = time.perf_counter()
    dv.volread(folder)
    first = time.perf_counter() - start
    found = {True: [], False: []}
    for turn in range(rounds):
        for isolated in (True, False) if turn % 2 else (False, True):
            dv.options.isolate = isolated
            start, before = time.perf_counter(), processor_time()
            dv.volread(folder)
            found[isolated].append((time.perf_counter() - start, processor_time() - before))
    print(json.dumps([first, *([median(column) for column in zip(*found[k])] for k in (True, False))]))


if __name__ == "__main__":
    main()

"""Decoding in workers against decoding in process: the same series in turns, in one process."""

import json
import sys
import time
from pathlib import Path
from statistics import median


def processor_time():
    """Return the seconds of this process and of its workers, which have one thread each."""
    from dicomview.io import isolation

    spent = time.process_time()
    for worker in isolation._POOL._idle:
        spent += int(Path(f"/proc/{worker.process.pid}/schedstat").read_text().split()[0]) / 1e9
    return spent


def main():
    """Print, as JSON, the seconds of the first read, and those of both ways, by clock and processor.

    Of each the least and the median.
    """
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
    ways = [[(min(column), median(column)) for column in zip(*found[way])] for way in (True, False)]
    print(json.dumps([first, *ways]))


if __name__ == "__main__":
    main()

"""What a series of 200 MB from an Orthanc on this machine costs: seconds, and memory beside the array.

Needs Orthanc (apt install orthanc orthanc-dicomweb) and ``dicomview[pacs]``; ``make bench-pacs``.
"""

import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

import dicomview as dv
from dicomview.samples import write_series

sys.path.insert(0, str(Path(__file__).parents[1]))
import orthanc


def anonymous():
    """Return the memory of this process that is no file, in MB."""
    (line,) = (t for t in Path("/proc/self/status").read_text().splitlines() if t.startswith("RssAnon"))
    return int(line.split()[1]) / 1024


def measured(read):
    """Return the volume, seconds and the highest memory above that before."""
    before, highest, done = anonymous(), [0.0], threading.Event()

    def watch():
        while not done.wait(0.005):
            highest[0] = max(highest[0], anonymous() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    volume = read()
    seconds = time.perf_counter() - start
    done.set()
    watcher.join()
    return volume, seconds, highest[0]


def main():
    with tempfile.TemporaryDirectory() as folder:
        values = np.random.RandomState(0).randint(0, 4000, (400, 512, 512)).astype(np.int16)
        write_series(Path(folder) / "s", values, np.diag([0.5, 0.5, 2.5, 1])[:, [2, 1, 0, 3]])
        server = orthanc.Orthanc(Path(folder) / "orthanc", [Path(folder) / "s"])
        try:
            for encoding in ("gzip", "identity"):
                pacs = dv.dicomweb(
                    server.url,
                    auth=(orthanc.USER, orthanc.PASSWORD),
                    headers={"Accept-Encoding": encoding},
                )
                (series,) = pacs.find()
                volume, seconds, memory = measured(lambda pacs=pacs, series=series: pacs.read(series))
                assert np.array_equal(volume.array, values)
                size = volume.array.nbytes / 2**20
                print(f"{encoding:9} {seconds:5.1f} s, {memory:4.0f} MB for an array of {size:.0f} MB")
                del volume
        finally:
            server.stop()
        _, seconds, memory = measured(lambda: dv.volread(Path(folder) / "s"))
        print(f"{'files':9} {seconds:5.1f} s, {memory:4.0f} MB")


if __name__ == "__main__":
    main()

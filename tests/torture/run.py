"""Bad input against readers of DICOM: a table of what becomes of it."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[k]) for k in (1, 2)]  # the tests, and what they test

from torture.readers import READERS
from torture.truth import BAD, OUTCOMES, RIGHT, UNJUDGED, Made, load

SECONDS, GIGABYTES = 20.0, 4.0


@dataclass(frozen=True)
class Result:
    """What became of one input."""

    made: Made
    outcome: str
    message: str = ""
    seconds: float = 0.0

    @property
    def is_bad(self) -> bool:
        return self.outcome in BAD or (self.made.expected == RIGHT and not self.outcome.startswith("right"))


class Worker:
    """A process that reads; when it dies or hangs the next input gets another one."""

    def __init__(
        self, corpus: Path, reader: str, *, seconds: float = SECONDS, memory: float = GIGABYTES
    ) -> None:
        self._command = [sys.executable, str(Path(__file__).with_name("worker.py")), str(corpus), reader]
        self._seconds, self._memory = seconds, memory
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, made: Made) -> Result:
        """Return how the reader does on an input."""
        if self._process is None:
            self._start()
        assert self._process and self._process.stdin
        start = time.perf_counter()
        try:
            self._process.stdin.write(made.name.encode() + b"\n")
            self._process.stdin.flush()
            line = self._line(self._seconds)
        except BrokenPipeError:
            line = b""
        seconds = time.perf_counter() - start
        if line:
            outcome, message, seconds = json.loads(line)
            return Result(made, outcome, message, seconds)
        if line is None:
            self.stop()
            return Result(made, "hang", f"no answer in {self._seconds:.0f} s", seconds)
        code = self._process.wait()
        self.stop()
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return Result(
            made, "memory" if code == -signal.SIGKILL else "crash", f"the process ended: {name}", seconds
        )

    def stop(self) -> None:
        """End the process and all that it started."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        assert self._process.stdin
        self._process.stdin.close()
        self._answers.close()
        self._noise.close()
        self._process = None

    def _start(self) -> None:
        out, into = os.pipe()
        self._noise = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        self._process = subprocess.Popen(
            [*self._command, str(into), str(self._noise.fileno()), "--memory", str(self._memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._noise,
            pass_fds=(into, self._noise.fileno()),
            start_new_session=True,
        )
        os.close(into)
        self._answers = os.fdopen(out, "rb", buffering=0)
        if self._line(120) != b"ready\n":
            self._noise.seek(0)
            raise RuntimeError(
                f"the worker does not start: {self._noise.read().decode(errors='replace')[-2000:]}"
            )

    def _line(self, seconds: float) -> bytes | None:
        """Return a line, nothing when the process ended, None when it does not come in time."""
        end, line = time.monotonic() + seconds, b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(max(0.0, end - time.monotonic())):
                    return None
                part = os.read(self._answers.fileno(), 65536)
                if not part:
                    return b""
                line += part
        return line


def run(corpus: Path, reader: str, cases: Sequence[Made], *, seconds: float = SECONDS) -> Iterator[Result]:
    """Read inputs with one reader."""
    worker = Worker(corpus, reader, seconds=seconds)
    try:
        for made in cases:
            yield worker.ask(made)
    finally:
        worker.stop()


def table(results: Sequence[Result]) -> str:
    """Return a table of categories by outcomes."""
    columns = [*OUTCOMES, *([UNJUDGED] if any(r.outcome == UNJUDGED for r in results) else [])]
    categories = list(dict.fromkeys(r.made.category for r in results))
    width = max([8, *map(len, categories)])
    lines = [" " * width + "  inputs" + "".join(f"{name.replace(' with ', '+'):>15}" for name in columns)]
    for category in [*categories, "total"]:
        rows = [r for r in results if category in ("total", r.made.category)]
        counts = Counter(r.outcome for r in rows)
        lines.append(
            f"{category:<{width}}{len(rows):>8}" + "".join(f"{counts[c] or '.':>15}" for c in columns)
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--reader", action="append", help=f"one of {', '.join(READERS)}, dicomview-lazy; or file.py:function"
    )
    parser.add_argument(
        "--category", action="append", help="only inputs of this category; a part of its name"
    )
    parser.add_argument("--name", action="append", help="only inputs with this in their name")
    parser.add_argument("--corpus", type=Path, help="a folder of other inputs; see load()")
    parser.add_argument("--keep", type=Path, help="where the corpus is written, and stays")
    parser.add_argument("--list", action="store_true", help="tell what is bad, with its message")
    parser.add_argument("--all", action="store_true", help="tell everything, with its message")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.corpus
        if folder is None:
            from torture.corpus import build

            folder = options.keep or Path(temporary)
            build(folder)
        cases = [
            made
            for made in load(folder)
            if (not options.category or any(c in made.category for c in options.category))
            and (not options.name or any(n in made.name for n in options.name))
        ]
        readers = options.reader or READERS

        def one(reader: str) -> list[Result]:
            return list(run(folder, reader, cases, seconds=options.seconds))

        is_bad = False
        with ThreadPoolExecutor(2) as pool:
            for reader, results in zip(readers, pool.map(one, readers)):
                print(f"\n{reader}\n{table(results)}\n", flush=True)
                refused = sum(r.made.expected == RIGHT and not r.outcome.startswith("right") for r in results)
                print(f"legal inputs that were not read right: {refused}")
                for result in results:
                    if options.all or (options.list and result.is_bad):
                        print(
                            f"  {result.made.category} / {result.made.name}: {result.outcome}: {result.message}"
                        )
                is_bad |= reader.startswith("dicomview") and any(r.is_bad for r in results)
    return int(is_bad)


if __name__ == "__main__":
    sys.exit(main())

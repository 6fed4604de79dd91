"""The fuzzer: spoils small series for as long as it is told, reads them in a worker, keeps what goes wrong.

python tests/fuzz/fuzz.py --seconds 60 --seed 1
python tests/fuzz/fuzz.py --case 1/377          # one case again, with its traceback
"""

import argparse
import base64
import contextlib
import itertools
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import seeds
from mutations import applied, case

HERE = Path(__file__).parent
FINDINGS = HERE / "findings"
#: So long may one folder take, seconds; a machine that is busy gets as much again.
PATIENCE = 10.0


class Worker:
    """A process that reads folders; it is made anew where one ended."""

    def __init__(self):
        self._process = None
        self._place = Path(tempfile.mkdtemp(prefix="fuzz-"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._end()
        shutil.rmtree(self._place, ignore_errors=True)

    def _start(self):
        with (self._place / "errors").open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, str(HERE / "worker.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=errors, start_new_session=True,
            )  # fmt: skip
        if self._line(60) != b"ready":
            raise RuntimeError((self._place / "errors").read_text(errors="replace")[-2000:])

    def _end(self):
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)  # and what it started
            self._process.wait()
            self._process.stdin.close()
            self._process.stdout.close()
            self._process = None

    def _line(self, seconds):
        """Return the next answer; empty if the process ended, None if there is none in time."""
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        return self._process.stdout.readline().strip() if ready else None

    def read(self, files):
        """Return what the worker says of files: a dictionary whose "wrong" is empty if all is well."""
        if self._process is None:
            self._start()
        folder = self._place / "case"
        shutil.rmtree(folder, ignore_errors=True)
        for name, data in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        self._process.stdin.write(json.dumps(str(folder)).encode() + b"\n")
        self._process.stdin.flush()
        answer = self._line(PATIENCE) or self._line(PATIENCE)
        if answer:
            return json.loads(answer)
        code = None if answer is None else self._process.wait()
        self._end()
        said = (self._place / "errors").read_text(errors="replace")[-2000:]
        return {"wrong": "Hang" if code is None else f"Crash: {code}", "trace": said}


def kind_of(wrong):
    """Return what findings of one cause have in common."""
    if wrong.startswith(("Wrong", "Crash", "Hang", "Memory")):
        return re.sub(r"\S*[\d.]\S*", "", wrong)[:60].strip(": ")
    return wrong.split(": ")[0]


def minimised(worker, files, steps, kind, seconds=30.0):
    """Leave out steps and files that do not matter for a finding, as far as time allows."""
    end = time.monotonic() + seconds

    def still(files, steps):
        return time.monotonic() < end and kind_of(worker.read(applied(files, steps))["wrong"]) == kind

    changed = True
    while changed:
        changed = False
        for k in range(len(steps)):
            if still(files, fewer := steps[:k] + steps[k + 1 :]):
                steps, changed = fewer, True
                break
        for name in sorted(files):
            fewer_files = {other: data for other, data in files.items() if other != name}
            if fewer_files and still(fewer_files, steps):
                files, changed = fewer_files, True
                break
    return files, steps


def told(step):
    note, name, at, length, new = step
    return f"{note}: in {name} at {at}, {length} bytes become {len(new)} {new[:24].hex(' ')}".strip()


def keep(name, seed, files, steps, wrong, folder=FINDINGS):
    """Write a finding: what was done, in words, and the files."""
    content = {
        "what": wrong[:300], "seed": seed, "steps": [told(step) for step in steps],
        "files": {
            path: base64.b85encode(zlib.compress(data, 9)).decode()
            for path, data in applied(files, steps).items()
        },
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(content, indent=1, ensure_ascii=True) + "\n")


def files_of(finding):
    """Return the files of a finding."""
    content = json.loads(finding.read_text(encoding="utf-8"))
    return {name: zlib.decompress(base64.b85decode(data)) for name, data in content["files"].items()}


def fuzz(seconds, cases, seed, folder, names):
    """Run cases until time is over, or all of them; return how many kinds of findings there were."""
    end, total, kinds = time.monotonic() + seconds, Counter(), {}
    print(f"seed {seed}, {len(names)} kinds of series", flush=True)
    with Worker() as worker:
        for number in itertools.islice(itertools.count(), cases):
            if time.monotonic() > end:
                break
            name, steps = case(seed, number, names, seeds.seed)
            answer = worker.read(applied(seeds.seed(name), steps))
            wrong = answer.pop("wrong")
            if wrong and (kind := kind_of(wrong)) not in kinds:
                kinds[kind] = f"{seed}/{number}"
                files, steps = minimised(worker, seeds.seed(name), steps, kind)
                slug = "-".join("".join(c if c.isalnum() else " " for c in kind).split())[:60]
                keep(slug, name, files, steps, wrong, folder)
                print(f"case {seed}/{number} ({name}): {wrong}", *map(told, steps), sep="\n    ", flush=True)
            total.update(
                {k: v for k, v in answer.items() if isinstance(v, int)}, findings=bool(wrong), cases=1
            )
    print(", ".join(f"{count} {what}" for what, count in sorted(total.items())), flush=True)
    return len(kinds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--cases", type=int, help="end after so many, if there is time for them")
    parser.add_argument("--seed", default="1", help="the same seed gives the same cases")
    parser.add_argument("--only", default="", help="kinds of series, by a part of their names")
    parser.add_argument("--case", help="seed/number: one case again")
    parser.add_argument("--keep", type=Path, default=Path(".artifacts/fuzz"), help="where findings go")
    parser.add_argument("--file", type=Path, help="a finding to be read again")
    args = parser.parse_args()
    names = [name for name in seeds.names() if args.only in name]
    if args.case or args.file:
        if args.file:
            files, steps = files_of(args.file), []
        else:
            name, steps = case(*args.case.rsplit("/", 1), names, seeds.seed)
            files = applied(seeds.seed(name), steps)
        with Worker() as worker:
            answer = worker.read(files)
        print(*map(told, steps), answer.get("trace", ""), answer["wrong"] or "nothing is wrong", sep="\n")
        return bool(answer["wrong"])
    return min(1, fuzz(args.seconds, args.cases, args.seed, args.keep, names))


if __name__ == "__main__":
    sys.exit(main())

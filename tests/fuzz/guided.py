"""Headers under a fuzzer that follows coverage (atheris): short cuts must say what the general reader says.

python tests/fuzz/guided.py --seconds 60
python tests/fuzz/guided.py --target frames --file .artifacts/fuzz/frames-crash-...   # a finding again
"""

import argparse
import subprocess
import sys
import tempfile
import warnings
from dataclasses import fields
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

#: What is fuzzed, and the kinds of files to begin with.
TARGETS = {
    "layouts": ("ct", "diffusion", "sequences", "implicit", "rle", "mosaic", "luts"),
    "frames": ("frames", "frames undefined", "parametric", "seg binary"),
}


def said(file):
    """Return what the general reader says of a file; nothing if it refuses."""
    from dicomview.errors import DicomviewError
    from dicomview.io.headers import read_headers

    try:
        return read_headers(file)
    except DicomviewError:
        return []


def contents(header):
    return {f.name: repr(getattr(header, f.name)) for f in fields(header) if f.name != "scanned"}


def check_meta(header):
    """The elements behind a header can be asked for."""
    from dicomview.io.elements import SliceElements

    if header.scanned is not None:
        elements = SliceElements(1)
        elements.add(0, header.scanned, header.frame)
        elements.meta()


def layouts(files):
    """What is told from a known layout, header and places of pixels, is what the general reader says."""
    from dicomview.io.likeness import Likenesses
    from dicomview.io.spans import places_of, places_of_scanned

    learned = Likenesses()
    for file in files:
        learned._credit = 9
        learned.learn(file, said(file))
    known, amount = list(learned._known), learned._amount

    def check(file):
        likenesses = Likenesses()
        likenesses._known, likenesses._amount = list(known), amount
        header = likenesses.header(file)
        expected = said(file)
        if header is None:
            return
        assert [contents(header)] == [contents(other) for other in expected]
        check_meta(header)
        places = places_of_scanned(file, header.scanned, {})
        if places is not None and places.frames:
            slowly = places_of(file).frames
            assert slowly is None or [(s.start, s.length) for s in places.frames] == [
                (s.start, s.length) for s in slowly
            ]

    return check


def frames(files):
    """Headers of frames that are told from ones alike are those that pydicom gives."""
    from dicomview.io import headers

    scan = headers.scan_frames

    def check(file):
        quickly = said(file)
        headers.scan_frames = lambda path: None
        try:
            slowly = said(file)
        finally:
            headers.scan_frames = scan
        assert [contents(header) for header in quickly] == [contents(header) for header in slowly]
        for header in quickly[:1]:
            check_meta(header)

    return check


def checker(target):
    """Return a function of the bytes of a file, which raises where something is wrong."""
    import seeds

    from dicomview.io.discover import looks_like_dicom
    from dicomview.io.sources import MemoryFile

    known = [MemoryFile.of(next(iter(seeds.seed(name).values())), name) for name in TARGETS[target]]
    check = {"layouts": layouts, "frames": frames}[target](known)

    def of_bytes(data):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file = MemoryFile.of(data, "fuzzed")
            if looks_like_dicom(file):
                check(file)

    return of_bytes


def run(target, seconds, seed, keep):
    """Fuzz until time is over or something goes wrong; this ends the process."""
    import atheris

    with atheris.instrument_imports(include=["dicomview.io"], enable_loader_override=False):
        import dicomview.io.read  # noqa: F401
    import seeds

    with tempfile.TemporaryDirectory() as corpus:
        for name in TARGETS[target]:
            for k, data in enumerate(seeds.seed(name).values()):
                Path(corpus, f"{name}-{k}").write_bytes(data)
        options = [
            f"-max_total_time={seconds:.0f}", f"-seed={seed}", "-timeout=10", "-rss_limit_mb=2048",
            f"-artifact_prefix={keep}/{target}-", "-max_len=8192", "-verbosity=0", "-print_final_stats=1",
        ]  # fmt: skip
        atheris.Setup([sys.argv[0], *options, corpus], checker(target))
        atheris.Fuzz()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", choices=TARGETS, help="by default all, one after the other")
    parser.add_argument("--keep", type=Path, default=Path(".artifacts/fuzz"), help="where findings go")
    parser.add_argument("--file", type=Path, help="a finding to be read again")
    args = parser.parse_args()
    args.keep.mkdir(parents=True, exist_ok=True)
    if args.file:
        checker(args.target)(args.file.read_bytes())
        return 0
    if args.target:
        return run(args.target, args.seconds, args.seed, args.keep)
    worst = 0
    for target in TARGETS:  # atheris ends its process
        told = ["--seconds", str(args.seconds / len(TARGETS)), "--seed", str(args.seed), "--target", target]
        print(f"{target}, seed {args.seed}", flush=True)
        done = subprocess.run([sys.executable, __file__, *told, "--keep", str(args.keep)])
        worst = max(worst, abs(done.returncode))
    return worst


if __name__ == "__main__":
    sys.exit(main())

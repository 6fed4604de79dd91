"""Viewers side by side in a real notebook page: latency, frames per second, first picture; near and far."""

import argparse
import importlib.util
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import BrowserContext, sync_playwright

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "browser"))

import serving  # noqa: E402
from contestants import CONTESTANTS, Contestant  # noqa: E402
from measures import PROBE, Run  # noqa: E402
from notebook_page import NotebookPage  # noqa: E402
from series import slices  # noqa: E402
from slow_link import slow_link  # noqa: E402
from step import volume  # noqa: E402

ARTIFACTS = Path(".artifacts") / "bench"
ROUND_TRIP = 0.08
RATE = 20e6 / 8
#: A name of this machine that does not look like it: viewers that know near from far must take it for far.
FAR_HOST = "far.localhost"
#: What every page has loaded before, so that no viewer pays for being the first.
WARM_UP = """
import anywidget, ipywidgets
from dicomview.widgets.frames import import_ipympl
from matplotlib.figure import Figure
class Nothing(anywidget.AnyWidget):
    _esm = "export default {render({el}) { el.textContent = 'warm'; el.className = 'warm'; }}"
canvas = import_ipympl().Canvas(Figure())
ipywidgets.VBox([ipywidgets.IntSlider(), canvas, Nothing()])
"""


@dataclass(frozen=True)
class Amount:
    """How often everything is measured."""

    rounds: int
    steps: int
    burst: float
    drags: int
    jumps: int
    budget: float


FULL = Amount(rounds=3, steps=10, burst=3.0, drags=5, jumps=7, budget=900)
QUICK = Amount(rounds=1, steps=8, burst=1.5, drags=4, jumps=4, budget=150)

#: Rows of the table: title, figure, and by link the goal of the browser-drawn viewer.
ROWS: list[tuple[str, str, dict[str, str]]] = [
    ("key to pixels, median ms", "step median", {"direct": "<= naive / 10, <= 33", "far": "direct + 5"}),
    ("key to pixels, p95 ms", "step p95", {"direct": "<= naive / 10, <= 33", "far": "direct + 5"}),
    ("jump of 53 to pixels, median ms", "jump median", {"far": "direct + 5"}),
    ("jump of 53 to exact slice, median ms", "exact median", {"far": "<= 140"}),
    ("burst, frames/s", "burst frames/s", {"direct": ">= 30", "far": ">= 30"}),
    ("burst, last frame after its end, ms", "burst late", {}),
    ("burst, stale pictures at rest", "burst stale", {"direct": "0", "far": "0"}),
    ("burst, steps lost", "burst steps lost", {}),
    ("burst, kB per frame", "burst kB/frame", {}),
    ("W/L drag to pixels, median ms", "drag median", {"direct": "as steps", "far": "as steps"}),
    ("W/L drag, frames/s", "drag burst frames/s", {"direct": "as burst", "far": "as burst"}),
    ("first picture, ms", "first ms", {"direct": "<= 1.5 x naive", "far": "<= 1500"}),
    ("sent before it, MB", "first MB", {"direct": "<= 3", "far": "<= 3"}),
    ("kernel CPU per step, ms", "step CPU", {"direct": "<= 5", "far": "<= 5"}),
    ("kernel CPU per step of a burst, ms", "burst CPU", {"direct": "<= 5", "far": "<= 5"}),
    ("received per step, kB", "step kB", {}),
]  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few repetitions, under three minutes")
    parser.add_argument("--only", metavar="NAME", action="append", help="this viewer (again for more)")
    parser.add_argument("--link", choices=["direct", "far"], help="this link only")
    parser.add_argument("--noise", action="store_true", help="a volume of noise, which no link can compress")
    options = parser.parse_args()
    amount = QUICK if options.quick else FULL
    chosen = [one for one in CONTESTANTS if not options.only or one.name in options.only]
    for one in [one for one in chosen if importlib.util.find_spec(one.needs) is None]:
        print(f"{one.name}: not installed (pip install dicomview[bench])")
        chosen.remove(one)
    links = [options.link] if options.link else ["direct", "far"]
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))
    signal.signal(signal.SIGALRM, lambda *_: sys.exit("took too long"))
    signal.alarm(round(amount.budget * 1.2))
    table: dict[str, dict[str, dict[str, float]]] = {}
    try:
        with running(is_noise=options.noise) as (server, open_context):
            for link in links:
                these = [one for one in chosen if link == "direct" or not one.is_whole]
                if options.quick and not options.only:
                    these = [one for one in these if one.name in FEW[link]]
                end = start + amount.budget * (1 if link == links[-1] else 0.65)
                measure_all(these, server, open_context, link, amount, end, table.setdefault(link, {}))
    finally:  # what was measured counts also where it took too long
        show(table)
    print(f"\n{time.monotonic() - start:.0f} s; pictures of the pages in {ARTIFACTS}")


#: Who is compared in a quick run.
FEW = {"direct": ("browser", "kernel", "floor", "naive"), "far": ("browser", "naive")}


@contextmanager
def running(*, is_noise: bool) -> Iterator[tuple[Any, Any]]:
    """Start server, slow link and Chromium; gives the server and what opens a context of a link."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        names = ["localhost", FAR_HOST]
        server = stack.enter_context(
            serving.running_server(home, ARTIFACTS / "server.log", f"--ServerApp.local_hostnames={names}")
        )
        write_volume(server.root, is_noise=is_noise)
        port = int(server.url.rpartition(":")[2])
        far_port = stack.enter_context(slow_link(port, round_trip=ROUND_TRIP, rate=RATE))
        playwright = stack.enter_context(sync_playwright())
        path = serving.find_chromium()
        assert path, "no Chromium: install it, or set DICOMVIEW_CHROMIUM to its path"
        chromium = playwright.chromium.launch(executable_path=path, args=serving.CHROMIUM_ARGS, headless=True)
        stack.callback(chromium.close)
        urls = {"direct": server.url, "far": f"http://{FAR_HOST}:{far_port}"}

        def open_context(link: str) -> tuple[BrowserContext, str]:
            context = chromium.new_context(viewport={"width": 1640, "height": 1000})
            context.add_init_script(PROBE)
            return context, urls[link]

        yield server, open_context


def write_volume(folder: Path, *, is_noise: bool) -> None:
    """Write the volume of the benchmarks where the notebooks find it."""
    array = np.asarray(volume()) if is_noise else np.stack([s.astype(np.int16) - 1024 for s in slices(300)])
    np.save(folder / "volume.npy", array)
    if importlib.util.find_spec("ipyniivue"):
        import nibabel

        nibabel.save(nibabel.Nifti1Image(array.T, np.diag([0.7, 0.7, 1, 1])), folder / "volume.nii")


def measure_all(
    contestants: list[Contestant],
    server: Any,
    open_context: Any,
    link: str,
    amount: Amount,
    end: float,
    rows: dict[str, dict[str, float]],
) -> None:
    """Note the figures of every viewer over one link, measured in turns."""
    context, url = open_context(link)
    quiet = 250 if link == "direct" else 450
    away = replace(server, url=url)
    warm_up(context, away)
    runs: list[Run] = []
    for one in contestants:
        book = NotebookPage(context.new_page(), away, "lab", ARTIFACTS)
        book.page.set_default_timeout(120_000)
        run = Run(book, one, quiet=quiet)
        try:
            run.start(timeout=120)
        except Exception as error:
            print(f"{one.name}, {link}: {str(error).splitlines()[0]}")
            book.page.screenshot(path=ARTIFACTS / f"failed-{link}-{one.name}.png")
            book.page.close()
            continue
        tell(f"{link}, {one.name}: first picture after {run.results.first['ms']:.0f} ms")
        book.screenshot(f"first-{link}-{one.name}")
        runs.append(run)
        rows[one.name] = run.results.row()
    for number in range(amount.rounds):
        for run in runs:
            if time.monotonic() > end:
                print(f"{link}: out of time in round {number + 1} of {amount.rounds}")
                break
            began = time.monotonic()
            measure(run, amount, STARTS[number])
            rows[run.contestant.name] = run.results.row()
            tell(f"{link}, {run.contestant.name}, round {number + 1}: {time.monotonic() - began:.0f} s")
    for run in runs:
        run.page.bring_to_front()
        run.book.screenshot(f"last-{link}-{run.contestant.name}")
    context.close()
    server.shut_down_kernels()


#: Where each round starts: steps and burst go up from there, and do not come to the end.
STARTS = (100, 20, 60)


def measure(run: Run, amount: Amount, start: int) -> None:
    """Measure one round of a viewer."""
    run.page.bring_to_front()
    run.go(start)
    run.focus()
    run.steps(amount.steps)
    run.burst(amount.burst)
    if run.contestant.drags:
        run.drag(amount.drags, amount.burst / 2)
        if start == STARTS[0]:  # later all would be there
            run.jump(amount.jumps)


def tell(text: str) -> None:
    """Say how far it is."""
    print(text, file=sys.stderr, flush=True)


def warm_up(context: BrowserContext, server: Any) -> None:
    """Have the scripts of the front end and of the widgets in the browser's cache."""
    book = NotebookPage(context.new_page(), server, "lab", ARTIFACTS)
    book.open([WARM_UP.strip()])
    book.run_all()
    book.wait_for(".warm")
    book.page.close()


def show(table: dict[str, dict[str, dict[str, float]]]) -> None:
    """Print the table: figures, in parentheses the ratio to naive ipympl, and the goals."""
    for link, columns in table.items():
        print(
            f"\n{link}"
            + (f" ({ROUND_TRIP * 1e3:.0f} ms round trip, {RATE * 8e-6:.0f} Mbit/s)" if link == "far" else "")
        )
        print(f"{'':37}" + "".join(f"{name:>16}" for name in columns) + "   goal of browser")
        for title, key, goals in ROWS:
            cells = [
                cell(figures.get(key), columns.get("naive", {}).get(key)) for figures in columns.values()
            ]
            if any(text.strip() != "-" for text in cells):
                print(f"{title:37}" + "".join(cells) + f"   {goals.get(link, '')}")


def cell(value: float | None, naive: float | None) -> str:
    """Return a figure with its ratio to that of naive ipympl."""
    if value is None:
        return f"{'-':>16}"
    text = f"{value:.0f}" if abs(value) >= 20 or value == int(value) else f"{value:.1f}"
    return f"{text + (f' ({value / naive:.2f})' if naive and naive > 0 < value else ''):>16}"


if __name__ == "__main__":
    main()

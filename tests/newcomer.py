"""A newcomer: the commands of the README in an empty home, and the seconds until there are pictures.

Needs Chromium; ``--tests`` runs the command for the tests too, which takes as long as they do.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import Page, TimeoutError, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "browser"))

import serving  # noqa: E402

PICTURE = ROOT / ".artifacts" / "newcomer.png"
#: What a shell of a new user on this machine knows: where programs are, and how packages are reached.
KEPT = re.compile(r"PATH|LANG|PIP_.*|.*_proxy|SSL_CERT_.*|DICOMVIEW_CHROMIUM", re.IGNORECASE)
#: A server that may be started by root, as in a container.
CONFIG = '{"ServerApp": {"allow_root": true}}'
#: The browser of the new user: notes what it is to open.
BROWSER = '#!/bin/sh\necho "$1" > "$HOME/opened"\n'
#: Seconds that the environment may take.
PATIENCE = 900
IMAGE = ".jp-OutputArea-output img"
SLICES = ".dicomview-slices"
IS_PAINTED = """one => {
    const canvas = document.querySelector(one);
    if (!canvas || !canvas.getBoundingClientRect().height) return false;
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return new Set(data).size > 8;
}"""


def commands() -> list[str]:
    """Return the commands of the README that set something up: JupyterLab, a notebook alone, the tests."""
    found = re.findall(r"^    (python3 -m venv .*)$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert [command.rpartition("bin/")[2].split()[0] for command in found] == ["jupyter", "jupyter", "pytest"]
    return found


@contextmanager
def clean_place() -> Iterator[tuple[Path, dict[str, str]]]:
    """Give a checkout of what is committed, and an environment with an empty home."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        home, checkout = Path(name) / "home", Path(name) / "dicomview"
        (home / ".jupyter").mkdir(parents=True)
        (home / ".jupyter" / "jupyter_server_config.json").write_text(CONFIG, encoding="utf-8")
        browser = home / "browser"
        browser.write_text(BROWSER, encoding="utf-8")
        browser.chmod(0o755)
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(checkout)], check=True)
        kept = {key: value for key, value in os.environ.items() if KEPT.fullmatch(key)}
        own = {"HOME": str(home), "TMPDIR": name, "BROWSER": str(browser), "PIP_NO_CACHE_DIR": "1"}
        yield checkout, {**kept, **own}


def first_pictures(command: str) -> None:
    """Start JupyterLab, run all cells as a person would, and tell when there is something to see."""
    with clean_place() as (checkout, env), (checkout.parent / "log").open("w+b") as log:
        clear(checkout / command.split()[-1])  # the pictures that it is saved with do not count
        start = time.monotonic()
        server = subprocess.Popen(
            command, shell=True, cwd=checkout, env=env, stdout=log, stderr=log, start_new_session=True
        )
        try:
            link = wait_for_link(server, Path(env["HOME"]) / "opened", Path(log.name))
            tell("JupyterLab opens the notebook", start)
            with sync_playwright() as playwright:
                chromium = playwright.chromium.launch(
                    executable_path=serving.find_chromium(), args=serving.CHROMIUM_ARGS, headless=True
                )
                page = chromium.new_page(viewport={"width": 1500, "height": 1000})
                page.set_default_timeout(120_000)
                page.goto(link)
                page.locator(".jp-NotebookPanel .jp-Cell").first.wait_for()
                run_all(page)
                page.locator(IMAGE).first.wait_for()
                tell("first picture", start)
                page.wait_for_function(IS_PAINTED, arg=SLICES)
                tell("first viewer", start)
                page.locator(SLICES).first.scroll_into_view_if_needed()
                page.wait_for_timeout(2000)
                PICTURE.parent.mkdir(parents=True, exist_ok=True)
                page.screenshot(path=PICTURE)
                chromium.close()
        finally:
            os.killpg(server.pid, 15)
            server.wait(30)


def clear(notebook: Path) -> None:
    """Leave out what a notebook showed when it was saved."""
    content = json.loads(notebook.read_text("utf-8"))
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
    notebook.write_text(json.dumps(content), encoding="utf-8")


def wait_for_link(server: "subprocess.Popen[bytes]", opened: Path, log: Path) -> str:
    """Return the address that the server opens in the browser."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        if opened.exists() and (link := opened.read_text("utf-8").strip()):
            return link
        time.sleep(0.2)
    raise SystemExit(f"there is no JupyterLab:\n{log.read_text('utf-8')}")


def run_all(page: Page) -> None:
    """Choose Run > Run All Cells when the kernel is there; again, if that was too early."""
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for()
    has_begun = page.locator(".jp-InputPrompt", has_text=re.compile(r"\[(\*|\d+)\]")).first
    for _ in range(5):
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        with suppress(TimeoutError):
            has_begun.wait_for(timeout=5000)
            return
    raise SystemExit("the cells do not run")


def run(command: str) -> None:
    """Run a command to its end and tell its last line."""
    with clean_place() as (checkout, env):
        start = time.monotonic()
        done = subprocess.run(
            command,
            shell=True,
            cwd=checkout,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        lines = done.stdout.strip().splitlines() or [""]
        tell(f"exit {done.returncode}, {lines[-1]}", start)
        if done.returncode:
            raise SystemExit("\n".join(lines[-40:]))


def tell(what: str, start: float) -> None:
    """Print what there is, and after how many seconds."""
    print(f"{time.monotonic() - start:6.1f} s  {what}", flush=True)


def main() -> None:
    """Follow the README."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tests", action="store_true", help="run the tests too")
    chosen = parser.parse_args()
    lab, alone, tests = commands()
    for command, act in [(lab, first_pictures), (alone, run), *([(tests, run)] if chosen.tests else [])]:
        print(f"$ {command}", flush=True)
        act(command)
    print(f"picture: {PICTURE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

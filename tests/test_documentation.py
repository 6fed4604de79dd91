"""The site builds and needs no network; every public name, command and link has its place."""

import ast
import doctest
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from functools import reduce
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import dicomview
from dicomview.cli.arguments import make_parser
from dicomview.io.dicomweb import DicomWeb

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read(path):
    return path.read_text(encoding="utf-8")


def named(path):
    return str(path.relative_to(ROOT))


# -- the build --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site as `make docs` does, but for the notebooks: other tests run those."""
    for name in ("sphinx", "myst_nb", "numpydoc", "pydata_sphinx_theme"):
        pytest.importorskip(name)
    out = tmp_path_factory.mktemp("site")
    flags = ["--fail-on-warning", "--keep-going", "--quiet", "-c", "docs", "-d", str(out / "doctrees")]
    command = [sys.executable, "-m", "sphinx", *flags, ".", str(out / "html")]
    env = {**os.environ, "DOCS_NOT_RUN": "notebooks/*"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    return out / "html"


@pytest.mark.long
def test_the_site_builds_without_a_warning(site):
    assert (site / "docs" / "index.html").is_file() and "docs/index.html" in read(site / "index.html")
    pages = {path.relative_to(site).with_suffix("").as_posix() for path in site.rglob("*.html")}
    sources = [*DOCS.rglob("*.md"), *NOTEBOOKS]
    assert {path.relative_to(ROOT).with_suffix("").as_posix() for path in sources} <= pages


@pytest.mark.long
def test_the_site_loads_nothing_from_elsewhere(site):
    loads = re.compile(r'<(?:script|img|iframe)\b[^>]*\bsrc="(\w+:)?//|<link\b[^>]*\bhref="(\w+:)?//')
    for page in site.rglob("*.html"):
        assert not loads.search(read(page)), page.name
    for sheet in (site / "_static").rglob("*.css"):
        assert not re.search(r"(url\(|@import) *[\"']?(https?:)?//", read(sheet)), sheet.name


@pytest.mark.long
def test_every_public_name_has_its_place(site):
    from sphinx.util.inventory import InventoryFile

    with (site / "objects.inv").open("rb") as file:
        inventory = InventoryFile.load(file, "", lambda *parts: "/".join(parts))
    documented = {name for kind, names in inventory.items() if kind.startswith("py:") for name in names}
    documented |= {name.replace(".errors.", ".") for name in documented}
    things = {f"dicomview.{name}": getattr(dicomview, name) for name in dicomview.__all__}
    wanted = [*things]
    for module, thing in things.items():
        wanted += [f"{module}.{name}" for name in getattr(thing, "__all__", ())]
    assert "dicomview.measure.Ellipse" in wanted
    assert [name for name in wanted if name not in documented] == []
    assert "dicomview.Volume.aspect" in documented and "dicomview.SliceViewer.to_html" in documented


@pytest.mark.long
def test_the_gallery_draws_its_pictures(site):
    shown = re.findall(r'<img [^>]*src="\.\./_images/([^"]+)"', read(site / "docs" / "gallery.html"))
    cells = re.findall(r"^```\{code-cell\} python\n(.*?)^```", read(DOCS / "gallery.md"), re.M | re.S)
    assert len(shown) == len(cells) - 1, "the first cell only reads"
    sizes = [(site / "_images" / name).stat().st_size for name in shown]
    assert min(sizes) > 8000 and len(set(shown)) == len(shown)


# -- what stands in it ------------------------------------------------------------------------------------


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", read(page), re.M | re.S)


TESTED = [page for page in PAGES if blocks(page, "pycon")]


@pytest.mark.parametrize("page", TESTED, ids=named)
def test_the_numbers_of_a_page_are_right(page):
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    text = "\n".join(blocks(page, "pycon"))
    runner.run(parser.get_doctest(text, {}, page.name, str(page), 0))
    assert runner.tries > 5 and runner.failures == 0


def test_there_are_pages_with_numbers():
    assert DOCS / "background" / "coordinates.md" in TESTED


def commands(page):
    """Find the shell commands of a page: in fences that say so, and in indented blocks."""
    text = read(page)
    fenced = re.findall(r"^```(?:console|sh|bash|shell)\n(.*?)^```", text, re.M | re.S)
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    indented = re.findall(r"(?:^\n)((?:^ {4}\S.*\n)+)", outside, re.M)
    lines = []
    for block in [*fenced, *indented]:
        told = [line.strip() for line in block.splitlines()]
        typed = [line.removeprefix("$ ") for line in told if line.startswith("$ ")]
        lines += typed or told  # behind a prompt the others are what was answered
    return [line.partition("  #")[0].partition(" # ")[0].strip() for line in lines if line]


COMMANDS = sorted({command for page in PAGES for command in commands(page)})


#: Targets of make that nothing runs: they measure, draw what somebody looks at, or need data or a network.
BY_HAND = {"bench", "bench-browser", "bench-load", "bench-oblique", "bench-paint", "bench-pacs"}
BY_HAND |= {"data-score", "fuzz-coverage", "newcomer", "notebooks", "picture"}
#: Those that are parts of what the continuous integration does in another way.
PARTS = {"browser", "check", "format", "plain", "test", "wheel"}
VOILA_TEST = "tests/browser/test_voila_in_browser.py"
#: What runs in another place: the file, and how it stands there.
ELSEWHERE = {
    "pip install voila": ("pyproject.toml", '"voila'),
    "voila notebooks/01-browse-a-volume.ipynb": (VOILA_TEST, '"notebooks/01-browse-a-volume.ipynb"'),
}


def test_commands_are_found():
    assert len(COMMANDS) > 15
    assert "make check" in COMMANDS and "pip install 'dicomview[lazy,convert]'" in COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_runs_somewhere(command, tmp_path):
    if command.startswith("make "):
        target = command.split()[1]
        assert re.search(rf"^{target}:", read(ROOT / "Makefile"), re.M)
        run = " ".join(re.findall(r"^make (.*)$", read(ROOT / ".ci" / "run"), re.M)).split()
        assert target in BY_HAND | PARTS or target in run
    elif command.startswith("pip install 'dicomview["):
        extras = re.search(r"\[(.*)\]", command).group(1).split(",")
        assert set(extras) <= set(PROJECT["optional-dependencies"])
    elif command.startswith("python3 -m venv"):
        # Needs a network: the continuous integration runs it. The one that stays open is run as its twin.
        twin = command.replace("/jupyter lab ", "/jupyter execute ")
        assert twin in read(ROOT / ".ci" / "run")
    elif command in commands(DOCS / "command-line.md"):
        assert "command-line.md" in read(ROOT / "tests" / "test_cli.py"), "all of that page run there"
    elif command in ELSEWHERE:
        assert ELSEWHERE[command][1] in read(ROOT / ELSEWHERE[command][0])
    elif command.startswith(("https://", '"')):
        assert urlsplit(command).hostname or json.loads(f"{{{command}}}"), "an address, or a line of settings"
    elif command.startswith("dicomview "):
        assert make_parser().parse_args(shlex.split(command)[1:])
    elif re.match(r"(\w+ = )?(dv|pacs|vol)\.", command):
        # Python that needs somebody's server: it can be parsed, and its names are ours.
        known = {"dv": dicomview, "pacs": DicomWeb, "vol": dicomview.Volume}
        for node in ast.walk(ast.parse(command)):
            if isinstance(node, ast.Attribute):
                first, *rest = ast.unparse(node).split(".")
                reduce(getattr, rest, known[first])
    else:
        pytest.fail(f"no test runs {command!r}")


def urls():
    """Find all addresses of pages, notebooks and docstrings."""
    for path in [*PAGES, ROOT / "CHANGELOG.md", *(ROOT / "dicomview").rglob("*.py")]:
        yield from ((path, url) for url in re.findall(r"https?://[^\s<>)\"'`\]]+", read(path)))
    for path in NOTEBOOKS:
        for cell in json.loads(read(path))["cells"]:
            if cell["cell_type"] == "markdown":
                text = "".join(cell["source"])
                yield from ((path, url) for url in re.findall(r"https?://[^\s<>)\"'`\]]+", text))


def test_addresses_are_well_formed():
    for path, url in urls():
        parts = urlsplit(url.rstrip(".,;:"))
        host = parts.hostname or ""
        assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+|localhost|\.\.\.", host), f"{named(path)}: {url}"


LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=named)
def test_links_between_files_lead_somewhere(page):
    text = re.sub(r"^```.*?^```$", "", read(page), flags=re.M | re.S)
    for target in LINK.findall(text):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there), target


def anchors(page):
    """Return the anchors that Markdown gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", read(page), re.M)
    return {re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def test_contributing_names_what_is_there():
    text = re.sub(r"^```.*?^```$", "", read(ROOT / "CONTRIBUTING.md"), flags=re.M | re.S)
    files = set(re.findall(r"`((?:dicomview|tests|docs)/[\w/.-]+)`", text))
    assert len(files) > 15 and [file for file in sorted(files) if not list(ROOT.glob(f"{file}*"))] == []
    placed = re.findall(r"`([\w.]+)`[^`;:]{1,40}`(dicomview/[\w/]+\.py)`", text)
    assert ("HEADER_TAGS", "dicomview/io/headers.py") in placed and len(placed) > 5
    for name, file in placed:
        assert re.search(rf"\b{name.rpartition('.')[2]}\b", read(ROOT / file)), (name, file)


def test_make_docs_is_what_is_tested():
    recipe = re.search(r"^docs:.*\n\t(.*)$", read(ROOT / "Makefile"), re.M).group(1)
    assert "sphinx-build --fail-on-warning --keep-going --quiet -c docs" in recipe

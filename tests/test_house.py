"""The house: public names, module headings, top level, import cost."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import dicomview

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "dicomview").rglob("*.py"))


def test_public_names_are_sorted_and_exist():
    assert dicomview.__all__ == sorted(dicomview.__all__)
    for name in dicomview.__all__:
        assert getattr(dicomview, name) is not None
    assert set(dicomview.__all__) <= set(dir(dicomview))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = dicomview.nonsense


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_say_what_they_own_and_what_is_public(module):
    tree = ast.parse(module.read_text(encoding="utf-8"))
    heading = ast.get_docstring(tree)
    assert heading and len(heading.splitlines()[0]) > 20
    assigned = {
        t.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for t in node.targets
        if isinstance(t, ast.Name)
    }
    assert "__all__" in assigned


WIDGETS = sorted((ROOT / "dicomview" / "widgets").glob("*.py"))


@pytest.mark.parametrize("module", WIDGETS, ids=lambda path: path.stem)
def test_what_is_put_into_an_html_widget_is_escaped(module):
    tree = ast.parse(module.read_text(encoding="utf-8"))
    assigned = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    html = {
        ast.unparse(target)
        for node in assigned
        if "widgets.HTML(" in ast.unparse(node.value)
        for target in node.targets
    }
    for node in assigned:
        values = {
            ast.unparse(t.value).partition("[")[0] for t in node.targets if isinstance(t, ast.Attribute)
        }
        if values & html and ".value" in ast.unparse(node.targets[0]):
            assert not [f"line {part.lineno}: {ast.unparse(part)}" for part in unescaped(node.value)]


def unescaped(node):
    """Find what is neither escaped nor a number: in the places of f-strings, and in str()."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("escape", "str"):
        return [node] if ast.unparse(node.func) == "str" else []
    if isinstance(node, ast.FormattedValue):
        is_number = node.format_spec is not None and ast.unparse(node.format_spec)[-2:-1] in "defg"
        return [] if is_number or "escape" in ast.unparse(node.value) else [node]
    return [part for child in ast.iter_child_nodes(node) for part in unescaped(child)]


def test_public_objects_are_documented_with_an_example():
    missing = []
    for name in dicomview.__all__:
        thing = getattr(dicomview, name)
        if not (isinstance(thing, type) or callable(thing)) or issubclass(type(thing), type(sys)):
            continue
        text = thing.__doc__ or ""
        if not text.strip() or (
            ">>>" not in text and not issubclass(thing if isinstance(thing, type) else object, Exception)
        ):
            missing.append(name)
    assert missing == ["Series", "SeriesList"]  # made by find_series, shown there


def test_top_level_holds_nothing_else():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    top = {line.split("/")[0] for line in listed.stdout.splitlines()}
    assert {name for name in top if not name.startswith(".")} == {
        "pyproject.toml", "README.md", "dicomview", "docs", "notebooks", "tests", "binder",
        "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "CITATION.cff", "Makefile",
    }  # fmt: skip


def test_importing_does_not_load_what_takes_long():
    heavy = ("matplotlib", "ipywidgets", "IPython", "ipympl", "scipy", "dask", "pandas", "highdicom")
    code = (
        "import sys, dicomview\n"
        "print([m for m in ('pydicom', 'dicomview.io', 'dicomview.volume') if m in sys.modules])\n"
        f"dicomview.volread, dicomview.Volume; print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["[]", "[]"]


def test_reading_a_folder_does_not_load_what_takes_long(write):
    folder = str(write()[0].parent)
    # Older numpy imports it itself.
    code = (
        "import sys, numpy; sys.modules.pop('numpy.ma', None); import dicomview; "
        f"dicomview.volread({folder!r}); print('numpy.ma' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "False", "numpy.ma takes as long as a hundred slices"

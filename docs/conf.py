"""How the site is built: `make docs`, from the Markdown and the notebooks of the repository."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
# Kernels that run notebooks import this checkout, too.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))

import dicomview  # noqa: E402

project = "dicomview"
author = copyright = "The dicomview developers"
release = version = dicomview.__version__

# The source folder is the repository, so that a link that works on its pages works on the site.
root_doc = "docs/index"
include_patterns = ["docs/**.md", "notebooks/*.ipynb", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]
exclude_patterns = [".*", "build", "dist", "tests", "dicomview", "**.ipynb_checkpoints"]

extensions = ["myst_nb", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
myst_heading_anchors = 3  # a link to a heading works as on other pages that show Markdown

autodoc_typehints = "none"  # the docstrings tell types, shapes and units
autodoc_member_order = "bysource"
autodoc_default_options = {
    "members": True,
    # up to, and without, what these packages and the language bring along
    "inherited-members": "VBox, HasTraits, Mapping, Sequence, dict, list, tuple, ndarray, Protocol",
}
numpydoc_show_class_members = False  # autodoc lists them

nitpicky = True

# Notebooks are run by the build; what a viewer leaves is its picture, not a widget without a kernel.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 180
nb_execution_excludepatterns = os.environ.get("DOCS_NOT_RUN", "").split()  # a test runs some elsewhere
nb_ipywidgets_js = {}
nb_mime_priority_overrides = [("*", "image/png", 0)]

html_theme = "pydata_sphinx_theme"
html_title = "dicomview"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_extra_path = ["_root"]  # index.html, which leads to the first page
html_sidebars = {"docs/index": [], "docs/gallery": []}
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "header_links_before_dropdown": 7,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_context = {"default_mode": "auto"}

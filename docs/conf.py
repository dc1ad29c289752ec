"""Configuration of the documentation site. It is built offline and a warning is an error: `make docs`."""

from __future__ import annotations

import sys
from pathlib import Path

# what autodoc imports first it imports as a type checker would, which FastAPI's models do not bear
import fastapi  # noqa: F401

import plimsoll

sys.path.insert(0, str(Path(__file__).parent))

project = "Plimsoll"
author = "The Plimsoll authors"
copyright = "The Plimsoll authors, Apache-2.0"
version = release = plimsoll.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "gallery", "decisions/000-template.md"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
default_role = "code"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
# Array types unfold to several lines each; shapes and units stand in the docstrings.
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "show-inheritance": True}
# What a document inherits from its library is not this project's interface.
autodoc_inherit_docstrings = False
napoleon_google_docstring = True
napoleon_numpy_docstring = True

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "filename_pattern": r"/plot_",
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 1_000_000,
    "write_computation_times": False,
    "reset_modules": ("matplotlib",),
    "image_scrapers": ("matplotlib", "gallery_pictures"),
    "abort_on_example_error": False,
    "only_warn_on_example_error": False,
}

html_theme = "furo"
html_title = "Plimsoll"
html_copy_source = False
html_show_sphinx = False

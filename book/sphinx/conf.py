"""The book by Sphinx alone, without Jupyter Book: see CONTRIBUTING.md, "The way out".

    sphinx-build -c book/sphinx -W --keep-going . _build/sphinx

Everything that `_config.yml` says is read from there.
"""

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
BOOK = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
HTML = BOOK["html"]

extensions = [
    "myst_nb",
    "sphinx_book_theme",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_external_toc",
    "sphinx_togglebutton",
    "analysis.book.extension",
]
globals().update(BOOK["sphinx"]["config"])
author = BOOK["author"]
copyright = BOOK["copyright"]
exclude_patterns = [*BOOK["exclude_patterns"], "_build", "**.ipynb_checkpoints"]
external_toc_path = str(ROOT / "_toc.yml")
external_toc_exclude_missing = BOOK["only_build_toc_files"]
html_favicon = str(ROOT / HTML["favicon"])
html_logo = str(ROOT / BOOK["logo"])
html_static_path = [str(ROOT / path) for path in BOOK["sphinx"]["config"]["html_static_path"]]
html_theme = "sphinx_book_theme"
html_theme_options = {
    **BOOK["sphinx"]["config"]["html_theme_options"],
    "home_page_in_toc": HTML["home_page_in_navbar"],
}
html_title = BOOK["title"]
myst_enable_extensions = BOOK["parse"]["myst_enable_extensions"]
nb_execution_mode = BOOK["execute"]["execute_notebooks"]
nb_output_stderr = BOOK["execute"]["stderr_output"]
numfig = True

"""The book on paper: printed by a Chromium of the reader's own, tagged and with an outline."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from analysis.base.errors import ReportError
from analysis.book import paper

CHROMIUMS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
    "microsoft-edge", "msedge", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)  # fmt: skip
"""Programs that print, in the order in which they are looked for."""
CHOSEN = "CHURNBOOK_CHROMIUM"
"""Environment variable with the program to use instead."""
FLAGS = (
    "--headless", "--disable-gpu", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--no-pdf-header-footer", "--generate-pdf-document-outline",
    "--export-tagged-pdf",
)  # fmt: skip
SUMMARY, BOOK = "summary.pdf", "book.pdf"
SECONDS = 300
DATED = re.compile(rb"(/(?:CreationDate|ModDate) \(D:)\d{14}")
"""The clock in a PDF; it is set to 1980, so that the same pages print the same dates."""


def find_chromium() -> str:
    """Return the program that prints. Raises ReportError where there is none."""
    names = [os.environ[CHOSEN]] if os.environ.get(CHOSEN) else CHROMIUMS
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        raise ReportError(
            f"No Chromium is installed, and it prints the PDF (looked for: {', '.join(names)}). "
            f"Install one (on Debian: apt-get install chromium), or set {CHOSEN} to its path."
        )
    return found


def write_pdfs(site: Path, target: Path) -> list[Path]:
    """Print the summary and the whole book of the built `site` into the folder `target`; return
    their paths. Raises ReportError where the site or Chromium is missing, or printing fails.
    """
    pages = paper.pages_of(site)
    chromium = find_chromium()
    target.mkdir(parents=True, exist_ok=True)
    made = []
    for name, chosen in ((SUMMARY, pages[:1]), (BOOK, pages)):
        page = paper.compose(site, chosen)
        try:
            made.append(print_page(chromium, page, target / name))
        finally:
            page.unlink()
    return made


def print_page(chromium: str, page: Path, target: Path) -> Path:
    """Print `page` to `target` and return it. Raises ReportError when nothing is printed."""
    # Chromium's sandbox does not run as root, as in most containers; the page is our own.
    as_root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="churnbook-") as profile:
        printed = Path(profile) / "printed.pdf"
        command = [chromium, *FLAGS, *as_root, f"--user-data-dir={profile}/profile",
                   f"--print-to-pdf={printed}", page.as_uri()]  # fmt: skip
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=SECONDS
            )
        except subprocess.TimeoutExpired as error:
            raise ReportError(f"{chromium} did not print within {SECONDS} seconds.") from error
        if not printed.is_file():
            raise ReportError(f"{chromium} printed nothing: {done.stderr.strip()[-500:]}")
        target.write_bytes(DATED.sub(rb"\g<1>19800101000000", printed.read_bytes()))
    return target

"""A headless Chromium, driven by playwright; or why there is none here."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

# Without a desktop, without a sandbox (tests may run as root), and without asking its maker anything.
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def chromium() -> str:
    """Where it is: EOI_CHROMIUM, or the first of the names that Debian and Fedora give it; "" if it is not there."""
    names = (os.environ.get("EOI_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next(filter(None, (shutil.which(name) for name in names if name)), "")


def why_no_browser() -> str:
    if importlib.util.find_spec("playwright") is None:
        return "no browser test: playwright is not installed (pip install -e '.[dev]')"
    return (
        ""
        if chromium()
        else "no browser test: chromium is not installed (apt-get install chromium), or EOI_CHROMIUM names none"
    )


needs_browser = pytest.mark.skipif(bool(why_no_browser()), reason=why_no_browser())


@contextmanager
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        try:
            yield found
        finally:
            found.close()

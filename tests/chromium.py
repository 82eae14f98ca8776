"""The Chromium that the machine has, for the tests that look at a page as a person does.

Without one these tests are skipped, and fail in the gate (`CI` is set there): it looks at the pages, or says
that it did not.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

COMMANDS = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
APPLICATIONS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
HOW_TO_GET_ONE = (
    "there is no Chromium on this machine: `apt-get install chromium-headless-shell` on Debian, "
    "`brew install --cask chromium` on a Mac"
)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser for the length of the block."""
    found = next(filter(None, map(shutil.which, (*COMMANDS, *APPLICATIONS))), None)
    if found is None and os.environ.get("CI"):
        pytest.fail(HOW_TO_GET_ONE)  # the gate looks at the page, or says that it did not
    if found is None:
        pytest.skip(HOW_TO_GET_ONE)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found)
        yield running
        running.close()

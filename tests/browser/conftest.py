"""Debian's own Chromium, headless; nothing is downloaded."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.contracts.site import Site, open_site


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Return the system's browser (.ci/services installs it); skipped where there is none.

    Not for the whole session: as long as it is open an event loop runs in this thread, and nothing else can start one.
    """
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        # Root in a container has no sandbox of its own to give.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running server with nothing in it."""
    with open_site(tmp_path_factory.mktemp("site")) as opened:
        yield opened


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of a browser that knows nothing yet and runs no scripts of ours: there are none."""
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 360, "height": 640})
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()

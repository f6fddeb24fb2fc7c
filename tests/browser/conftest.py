"""One gateway with a node, one browser, a fresh page for each test."""

from __future__ import annotations

import mimetypes
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

from .desk import Desk, desk

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "build" / "ui"
AXE = ROOT / "ui" / "node_modules" / "axe-core" / "axe.min.js"
SHOTS = ROOT / "build" / "screenshots"


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A gateway and a node that is there."""
    with desk(tmp_path_factory.mktemp("desk") / "place") as found:
        yield found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    flags = ["--no-sandbox", "--disable-features=LocalNetworkAccessChecks"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        yield chromium
        chromium.close()


def join(machine: Desk, browser: Browser) -> BrowserContext:
    """A browser of its own that is paired with the gateway, with one page."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=machine.url)
    context.set_default_timeout(15_000)
    context.route(f"{machine.url}/**", _serve)
    page = context.new_page()
    page.goto(machine.setup_link())
    page.locator("main[data-status=open]").wait_for()
    return context


@pytest.fixture(scope="session")
def paired(machine: Desk, browser: Browser) -> Iterator[BrowserContext]:
    """The browser of most tests."""
    context = join(machine, browser)
    yield context
    context.close()


@pytest.fixture
def page(machine: Desk, paired: BrowserContext) -> Iterator[Page]:
    """A page of the paired browser; it fails the test when its script does."""
    opened = paired.new_page()
    broken: list[str] = []
    opened.on("pageerror", lambda error: broken.append(str(error)))
    opened.goto(machine.url)
    opened.locator("main[data-status=open]").wait_for()
    yield opened
    opened.close()
    assert broken == []


@pytest.fixture
def shots() -> Path:
    """Where pictures of pages go; a CI run keeps them."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    return SHOTS


def _serve(route: Route) -> None:
    path = route.request.url.split("/", 3)[3].split("#")[0] or "index.html"
    found = BUILT / path
    if not found.is_file():
        route.fulfill(status=404, body="")
        return
    kind = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
    route.fulfill(body=found.read_bytes(), content_type=kind)

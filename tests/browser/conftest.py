"""One gateway with a node, one browser, a fresh page for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from openclaw_core.control_ui.site import BUILD_COMMAND, is_built

from .desk import Desk, desk
from .keyboard import no_mouse

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "build" / "screenshots"


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A gateway and a node that is there."""
    assert is_built(), f"the page is not built: {BUILD_COMMAND}"
    with desk(tmp_path_factory.mktemp("desk") / "place") as found:
        yield found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    # A name that is not this machine's own, for what browsers refuse to pages of other machines.
    flags = ["--no-sandbox", "--host-resolver-rules=MAP gateway.test 127.0.0.1"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        yield chromium
        chromium.close()


def join(machine: Desk, browser: Browser) -> BrowserContext:
    """A browser of its own that is paired with the gateway, with one page."""
    # Without motion a picture is never of something half way.
    context = browser.new_context(viewport={"width": 1200, "height": 900}, reduced_motion="reduce")
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=machine.url)
    context.set_default_timeout(15_000)
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
    """A page of the paired browser; it fails the test when its script does, or breaks its own policy."""
    opened = paired.new_page()
    broken: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        # A gateway that ends the connection is part of some tests.
        if message.type == "error" and "WebSocket" not in message.text:
            broken.append(message.text)

    opened.on("pageerror", lambda error: broken.append(str(error)))
    opened.on("console", hear)
    opened.goto(machine.url)
    opened.locator("main[data-status=open]").wait_for()
    yield opened
    opened.close()
    assert broken == []


@pytest.fixture
def typist(page: Page) -> Iterator[Page]:
    """A page that nobody touches with a mouse."""
    no_mouse(page)
    yield page
    no_mouse(page)


@pytest.fixture
def shots() -> Path:
    """Where pictures of pages go; a CI run keeps them."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    return SHOTS

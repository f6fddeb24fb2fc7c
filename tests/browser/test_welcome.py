"""What is met before a browser is let in: credentials, a person's no, and browsers that cannot have a key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from .desk import Desk, gateway_alone
from .keyboard import tab_to, type_into
from .pictures import SCHEMES, picture

pytestmark = pytest.mark.browser

# What browsers do that cannot be asked of this one: told by what the page calls.
NO_STORAGE = "indexedDB.open = () => { throw new DOMException('denied', 'SecurityError') }"
TOO_OLD = "crypto.subtle.generateKey = () => Promise.reject(new DOMException('Ed25519', 'NotSupportedError'))"
NEVER = "window.WebSocket = class { close() {} }"


@pytest.fixture
def stranger(browser: Browser) -> Iterator[Page]:
    """A page of a browser that the gateway does not know."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A gateway with a password, which nobody is let into without a person."""
    auth = {"mode": "password", "password": "open sesame"}
    nodes = {"pairing": {"autoApproveLocal": False}}
    with gateway_alone(tmp_path_factory.mktemp("locked") / "place", nodes, auth) as found:
        yield found


@pytest.mark.parametrize(
    ("name", "script", "heading"),
    [
        ("welcome-no-storage", NO_STORAGE, "This browser keeps nothing"),
        ("welcome-too-old", TOO_OLD, "This browser is too old"),
        ("welcome-connecting", NEVER, "Connecting…"),
    ],
    ids=["no-storage", "too-old", "connecting"],
)
def test_a_browser_that_cannot(
    stranger: Page, machine: Desk, shots: Path, name: str, script: str, heading: str
) -> None:
    stranger.add_init_script(script)
    stranger.goto(machine.url)
    expect(stranger.get_by_role("heading", name=heading)).to_be_visible()
    for scheme in SCHEMES:
        picture(stranger, shots, name, scheme)


def test_no_link_and_no_password(stranger: Page, locked: Desk, shots: Path) -> None:
    stranger.goto(locked.url)
    type_into(stranger, "Password", "guessed")
    stranger.keyboard.press("Enter")
    expect(stranger.get_by_text("This is not the gateway’s password.")).to_be_visible()
    type_into(stranger, "Or paste the link or the code", "half a link")
    tab_to(stranger, "Use it")
    stranger.keyboard.press("Enter")
    expect(stranger.get_by_text("This is no link and no code.")).to_be_visible()
    for scheme in SCHEMES:
        picture(stranger, shots, "welcome-password", scheme)


def test_a_no_to_who_knows_the_password(stranger: Page, locked: Desk, shots: Path) -> None:
    stranger.goto(locked.url)
    type_into(stranger, "Password", "open sesame")
    stranger.keyboard.press("Enter")
    expect(stranger.get_by_role("heading", name="Approve this browser")).to_be_visible()
    locked.openclaw("devices", "reject", locked.openclaw("devices", "list")["pending"][0]["requestId"])
    expect(stranger.get_by_role("alert")).to_contain_text("The request was rejected")
    for scheme in SCHEMES:
        picture(stranger, shots, "welcome-rejected", scheme)
    expect(stranger.get_by_label("Password")).to_be_visible()
    locked.gateway.stop()
    type_into(stranger, "Password", "open sesame")
    stranger.keyboard.press("Enter")
    expect(stranger.get_by_role("heading", name="The gateway does not answer")).to_be_visible()
    for scheme in SCHEMES:
        picture(stranger, shots, "welcome-away", scheme)

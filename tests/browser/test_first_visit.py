"""A first visit: the browser is let in, a node is approved and comes live; and what is met if it goes wrong.

The tests of this file are one story and share a gateway that approves nothing by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from openclaw_core.auth.verification_code import verification_code
from openclaw_core.control_ui.site import BUILD_COMMAND, is_built

from .desk import Desk, gateway_alone
from .pictures import SCHEMES, picture

pytestmark = pytest.mark.browser

BY_HAND = {"pairing": {"autoApproveLocal": False}}
HOSTILE = "Attic <img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A gateway that nobody knows yet."""
    assert is_built(), f"the page is not built: {BUILD_COMMAND}"
    with gateway_alone(tmp_path_factory.mktemp("door") / "place", BY_HAND) as found:
        yield found


def visitor(browser: Browser) -> BrowserContext:
    """Somebody else's browser."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(15_000)
    return context


@pytest.fixture(scope="module")
def owner(browser: Browser) -> Iterator[Page]:
    """The page of who runs the gateway; its script must not break in the whole story."""
    context = visitor(browser)
    page = context.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on("dialog", lambda dialog: broken.append(f"a script of somebody's name ran: {dialog.message}"))
    yield page
    context.close()
    assert broken == []


@pytest.fixture
def stranger(browser: Browser) -> Iterator[Page]:
    """A page of a browser that the gateway does not know."""
    context = visitor(browser)
    yield context.new_page()
    context.close()


def test_a_link_lets_one_browser_in_once(door: Desk, owner: Page, stranger: Page, shots: Path) -> None:
    link = door.setup_link()
    owner.goto(link)
    expect(owner.get_by_role("heading", name="Nodes", level=1)).to_be_focused()
    assert "setup" not in owner.url
    expect(owner).to_have_title("Nodes · OpenClaw")
    expect(owner.get_by_text("No node is paired yet")).to_be_visible()
    for scheme in SCHEMES:
        picture(owner, shots, "nodes-empty", scheme)
    owner.reload()
    expect(owner.get_by_text("No node is paired yet")).to_be_visible()
    stranger.goto(link)
    expect(stranger.get_by_role("heading", name="This link was used up")).to_be_visible()
    for scheme in SCHEMES:
        picture(stranger, shots, "welcome-link-used", scheme)
    # In a browser that is in already, the used link does no harm.
    owner.goto("about:blank")
    owner.goto(link)
    expect(owner.get_by_text("No node is paired yet")).to_be_visible()


def test_a_waiting_node_is_approved_and_comes_live(door: Desk, owner: Page, shots: Path) -> None:
    door.launch_node(HOSTILE)
    expect(owner.get_by_role("link", name="Approvals 1 waiting")).to_be_visible(timeout=30_000)
    owner.get_by_role("link", name="Approvals").click()
    expect(owner.get_by_role("heading", name=HOSTILE)).to_be_visible()
    (asked,) = door.openclaw("devices", "list")["pending"]
    code = verification_code(asked["deviceId"])
    assert code is not None
    expect(owner.get_by_text(code)).to_be_visible()
    expect(owner.get_by_text("operator.admin, operator.pairing", exact=False)).to_be_visible()
    expect(owner.get_by_text(re.compile("Withheld by this gateway’s policy: [1-9]"))).to_be_visible()
    for scheme in SCHEMES:
        picture(owner, shots, "approvals", scheme)
    owner.goto(f"{door.url}/#/approvals/{asked['requestId']}")
    expect(owner.get_by_role("heading", name=HOSTILE)).to_be_focused()
    owner.get_by_role("button", name=f"Approve {HOSTILE}").press("Enter")
    expect(owner.get_by_text("All is decided")).to_be_visible()
    expect(owner.get_by_role("heading", name="Approvals")).to_be_focused()
    expect(owner.get_by_text("is for is gone")).to_be_visible()
    owner.get_by_role("link", name="Nodes").click()
    row = owner.get_by_role("row").filter(has_text=HOSTILE)
    expect(row.get_by_text("Online")).to_be_visible(timeout=30_000)
    expect(row.get_by_text(re.compile("[1-9][0-9]* commands"))).to_be_visible()
    for scheme in SCHEMES:
        picture(owner, shots, "nodes", scheme)
    door.stop_node()
    expect(row.get_by_text("Away")).to_be_visible()


def test_a_browser_with_the_token_waits_and_goes_on_by_itself(
    door: Desk, stranger: Page, owner: Page, shots: Path
) -> None:
    stranger.goto(door.url)
    expect(stranger.get_by_role("heading", name="Connect to the gateway")).to_be_visible()
    for scheme in SCHEMES:
        picture(stranger, shots, "welcome", scheme)
    stranger.get_by_label("Token").fill("wrong")
    stranger.get_by_role("button", name="Connect").click()
    expect(stranger.get_by_role("alert")).to_contain_text("This is not the gateway’s token.")
    stranger.get_by_label("Token").fill(door.token)
    stranger.get_by_role("button", name="Connect").click()
    expect(stranger.get_by_role("heading", name="Approve this browser")).to_be_visible()
    for scheme in SCHEMES:
        picture(stranger, shots, "welcome-waiting", scheme)
    command = stranger.get_by_text("openclaw devices approve").first.inner_text()
    door.openclaw(*command.split()[1:])
    expect(stranger.get_by_role("heading", name="Nodes", level=1)).to_be_visible()


def test_a_no_is_a_no(door: Desk, owner: Page, stranger: Page) -> None:
    owner.goto(f"{door.url}/#/approvals")
    stranger.goto(door.url)
    stranger.get_by_label("Token").fill(door.token)
    stranger.get_by_role("button", name="Connect").click()
    owner.get_by_role("button", name="Reject").click()
    owner.get_by_role("dialog").get_by_role("button", name="Reject").click()
    expect(stranger.get_by_role("alert")).to_contain_text("The request was rejected")
    # Its last knock is still there; the page does not knock again.
    owner.get_by_role("button", name="Reject").click()
    owner.get_by_role("dialog").get_by_role("button", name="Reject").click()
    expect(owner.get_by_text("All is decided")).to_be_visible()


def test_a_device_joins_by_a_code_made_here(door: Desk, owner: Page, shots: Path) -> None:
    owner.goto(f"{door.url}/#/pair")
    owner.get_by_role("button", name="Make a code").click()
    expect(owner.get_by_role("alert")).to_contain_text("loopback only")
    owner.get_by_label("Address of the gateway").fill(door.url.replace("http", "ws"))
    owner.get_by_role("button", name="Make a code").click()
    expect(owner.get_by_text("Role node, no scopes.")).to_be_visible()
    expect(owner.get_by_role("img", name="The code as a QR picture")).to_be_visible()
    expect(owner.get_by_role("timer")).to_have_text(re.compile(r"^(10:00|9:\d\d)$"))
    for scheme in SCHEMES:
        picture(owner, shots, "pair", scheme)
    command = owner.get_by_text("openclaw node run --pair").inner_text()
    door.launch_other(*command.split()[3:], "--display-name", "Shed")
    expect(owner.get_by_text("Used by")).to_contain_text("Shed", timeout=30_000)
    owner.get_by_role("link", name="Open the node").click()
    expect(owner.get_by_text("Connected").first).to_be_visible()


def test_what_an_agent_asks_is_decided_here(door: Desk, owner: Page, shots: Path) -> None:
    door.ask_as_agent()
    owner.get_by_role("link", name="Approvals 1 waiting").click()
    card = owner.locator(".card").filter(has_text="wants to run camera.snap on Shed")
    expect(card.get_by_text('"maxWidth": 320')).to_be_visible()
    for scheme in SCHEMES:
        picture(owner, shots, "approvals-question", scheme)
    card.get_by_role("button", name="Deny").click()
    expect(card).to_have_count(0)
    assert door.openclaw("approvals", "list") == []


def test_families_are_listed(door: Desk, owner: Page, shots: Path) -> None:
    owner.goto(f"{door.url}/#/families")
    card = owner.locator(".card").filter(has_text="openclaw-camera")
    expect(card.get_by_text("Loaded")).to_be_visible()
    card.get_by_text("5 commands").click()
    expect(card.get_by_text("camera.snap")).to_be_visible()
    owner.get_by_role("button", name="Look for changes").click()
    expect(owner.get_by_text("Nothing changed.")).to_be_visible()
    for scheme in SCHEMES:
        picture(owner, shots, "families", scheme)


def test_who_has_fewer_rights_is_told_so_beforehand(door: Desk, stranger: Page) -> None:
    made = door.openclaw("devices", "setup-code", "--profile", "limited", "--public-url", door.url, "--no-qr")
    stranger.goto(f"{door.url}/#setup={made['setupCode']}&access=limited")
    expect(stranger.get_by_role("link", name="Shed")).to_be_visible()
    assert door.openclaw("devices", "list")["pending"] == []
    # What it was given is what it asks for from then on: it is not locked out for want of more.
    stranger.reload()
    expect(stranger.get_by_role("link", name="Shed")).to_be_visible()
    stranger.get_by_role("link", name="Families").click()
    button = stranger.get_by_role("button", name="Look for changes")
    expect(button).to_be_disabled()
    expect(button).to_have_accessible_description(re.compile("lacks operator.admin"))


def test_what_was_shown_stays_while_the_gateway_is_away(door: Desk, owner: Page, shots: Path) -> None:
    owner.goto(f"{door.url}/#/nodes")
    expect(owner.get_by_role("link", name="Shed")).to_be_visible()
    door.gateway.stop()
    expect(owner.get_by_text("The gateway is away.")).to_be_visible()
    expect(owner.get_by_role("link", name="Shed")).to_be_visible()
    for scheme in SCHEMES:
        picture(owner, shots, "nodes-offline", scheme)
    door.gateway.start()
    door.await_gateway()
    owner.get_by_role("button", name="Try now").click()
    expect(owner.get_by_text("The gateway is away.")).to_have_count(0, timeout=30_000)


def test_plain_http_from_elsewhere_says_what_cures_it(door: Desk, stranger: Page, shots: Path) -> None:
    stranger.goto(door.url.replace("127.0.0.1", "gateway.test"))
    expect(stranger.get_by_role("heading", name="This address is not safe enough")).to_be_visible()
    expect(stranger.get_by_text("ssh -N -L")).to_be_visible()
    for scheme in SCHEMES:
        picture(stranger, shots, "welcome-insecure", scheme)

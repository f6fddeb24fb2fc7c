"""Every flow by the keyboard alone: what one goes to is seen to have focus, and nothing done loses it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import join
from .desk import Desk
from .keyboard import go, no_mouse, press, tab_to, type_into
from .pictures import SCHEMES, picture

pytestmark = pytest.mark.browser


@pytest.fixture
def stranger(machine: Desk, browser: Browser) -> Iterator[Page]:
    """A page of a browser that the gateway does not know."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.goto(machine.url)
    no_mouse(page)
    yield page
    no_mouse(page)
    context.close()


def test_a_browser_is_rejected_and_then_let_in(
    typist: Page, stranger: Page, machine: Desk, shots: Path
) -> None:
    type_into(stranger, "Token", machine.token)
    stranger.keyboard.press("Enter")
    expect(stranger.get_by_role("heading", name="Approve this browser")).to_be_focused()
    go(typist, "Approvals")
    press(typist, "Reject Chrome on Linux")
    dialog = typist.get_by_role("dialog")
    expect(dialog).to_contain_text("It stays out.")
    for scheme in SCHEMES:
        picture(typist, shots, "approvals-reject", scheme)
    press(typist, "Cancel", "Space")
    expect(typist.get_by_role("button", name="Reject Chrome on Linux")).to_be_focused()
    typist.keyboard.press("Enter")
    press(typist, "Reject")
    expect(typist.get_by_role("heading", name="Approvals", level=1)).to_be_focused()
    expect(stranger.get_by_role("alert")).to_contain_text("The request was rejected")
    expect(stranger.get_by_role("heading", name="Connect to the gateway")).to_be_focused()
    type_into(stranger, "Token", machine.token)
    stranger.keyboard.press("Enter")
    expect(stranger.get_by_role("heading", name="Approve this browser")).to_be_focused()
    expect(typist.get_by_role("button", name="Approve")).to_have_count(1)
    press(typist, "Approve Chrome on Linux")
    expect(stranger.get_by_role("heading", name="Nodes", level=1)).to_be_focused()
    expect(typist.get_by_role("heading", name="Approvals", level=1)).to_be_focused()


def test_a_pasted_link_lets_in(stranger: Page, machine: Desk) -> None:
    type_into(stranger, "Or paste the link or the code", machine.setup_link())
    press(stranger, "Use it")
    expect(stranger.get_by_role("heading", name="Nodes", level=1)).to_be_focused()


def test_a_nodes_token_is_rotated(typist: Page) -> None:
    tab_to(typist, "Devices")
    typist.keyboard.press("Enter")
    expect(typist.get_by_role("heading", name="Devices and tokens")).to_be_focused()
    tab_to(typist, "Rotate the node token of Desk")
    typist.keyboard.press("Enter")
    dialog = typist.get_by_role("dialog")
    expect(dialog).to_be_visible()
    typist.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(typist.get_by_role("button", name="Rotate the node token of Desk")).to_be_focused()
    typist.keyboard.press("Enter")
    tab_to(typist, "Rotate")
    typist.keyboard.press("Enter")
    expect(dialog).to_contain_text("The old token ended.")
    tab_to(typist, "Close")
    typist.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(typist.get_by_role("button", name="Rotate the node token of Desk")).to_be_focused()


@pytest.mark.parametrize(("word", "width"), [("Allow once", 320), ("Deny", 160)])
def test_what_an_agent_asks_is_decided(typist: Page, machine: Desk, word: str, width: int) -> None:
    machine.ask_as_agent(width)
    expect(typist.get_by_role("link", name="Approvals 1 waiting")).to_be_visible()
    go(typist, "Approvals")
    press(typist, word)
    expect(typist.get_by_text("All is decided")).to_be_visible()
    expect(typist.get_by_role("heading", name="Approvals", level=1)).to_be_focused()


def test_a_node_is_found_renamed_and_kept(typist: Page, machine: Desk) -> None:
    press(typist, "Away 0", "Space")
    expect(typist.get_by_text("No node fits")).to_be_visible()
    expect(typist.get_by_role("button", name="Away 0")).to_be_focused()
    tab_to(typist, "All 1", back=True)
    typist.keyboard.press("Enter")
    type_into(typist, "Find a node", "des")
    press(typist, "Desk")
    press(typist, "Rename")
    expect(typist.get_by_role("textbox", name="Name")).to_be_focused()
    typist.keyboard.press("ControlOrMeta+a")
    typist.keyboard.type("  ")
    typist.keyboard.press("Enter")
    expect(typist.get_by_role("dialog")).to_be_visible()
    typist.keyboard.press("ControlOrMeta+a")
    typist.keyboard.type("Bench")
    typist.keyboard.press("Enter")
    expect(typist.get_by_role("heading", name="Bench", exact=True)).to_be_visible()
    expect(typist.get_by_role("button", name="Rename")).to_be_focused()
    machine.openclaw("nodes", "rename", "--node", machine.node_id, "--name", "Desk")
    expect(typist.get_by_role("heading", name="Desk", exact=True)).to_be_visible()
    press(typist, "Remove")
    press(typist, "Keep it")
    expect(typist.get_by_role("button", name="Remove")).to_be_focused()


def test_a_token_is_revoked_and_its_device_removed(typist: Page, machine: Desk, browser: Browser) -> None:
    other = join(machine, browser)
    theirs = other.pages[0]
    theirs.keyboard.press("Tab")
    machine.openclaw("devices", "rename", "--device", others_id(machine), "--name", "Tablet")
    go(typist, "Devices")
    press(typist, "Rename Tablet")
    typist.keyboard.press("ControlOrMeta+a")
    typist.keyboard.type("Kitchen")
    typist.keyboard.press("Enter")
    expect(typist.get_by_role("button", name="Rename Kitchen")).to_be_focused()
    press(typist, "Revoke the operator token of Kitchen")
    press(typist, "Revoke")
    card = typist.locator(".card", has=typist.get_by_role("heading", name="Kitchen"))
    expect(card.get_by_text("Revoked", exact=True)).to_be_visible()
    expect(card.get_by_role("heading", name="Kitchen")).to_be_focused()
    press(typist, "Remove Kitchen")
    press(typist, "Remove")
    expect(card).to_have_count(0)
    expect(typist.get_by_role("heading", name="Devices and tokens")).to_be_focused()
    other.close()


def others_id(machine: Desk) -> str:
    """The device that was paired last."""
    return str(machine.openclaw("devices", "list")["paired"][0]["deviceId"])


def test_this_browser_gets_a_new_token(typist: Page) -> None:
    go(typist, "Devices")
    press(typist, "Rotate the operator token of Chrome")
    press(typist, "Rotate")
    told = typist.get_by_role("dialog", name="The token was rotated")
    expect(told).to_be_visible()
    press(typist, "Copy New token")
    assert typist.evaluate("navigator.clipboard.readText()") == told.locator("code").inner_text()
    typist.keyboard.press("Escape")
    expect(typist.locator("main[data-status=open]")).to_be_visible()
    own = typist.locator(".card", has_text="This browser")
    expect(own.get_by_role("button", name="Rotate the operator token of Chrome")).to_be_focused()


def test_the_audit_is_filtered_and_read_on(typist: Page, machine: Desk) -> None:
    go(typist, "Audit")
    rows = typist.get_by_role("row")
    tab_to(typist, "What")
    typist.keyboard.type("Devices")
    expect(rows.filter(has_text="connect")).to_have_count(0)
    expect(typist.get_by_role("combobox", name="What")).to_be_focused()
    tab_to(typist, "Follow live")
    typist.keyboard.press("Space")
    expect(typist.get_by_label("Follow live")).not_to_be_checked()
    typist.keyboard.press("Space")
    machine.openclaw("devices", "rename", "--device", machine.node_id, "--name", "Desk")
    expect(rows.nth(1)).to_contain_text("device.rename")
    tab_to(typist, "Audit entries")
    expect(typist.get_by_role("region", name="Audit entries")).to_be_focused()


def test_the_queue_is_filtered(typist: Page) -> None:
    go(typist, "Queue")
    press(typist, "Failed", "Space")
    expect(typist.get_by_role("button", name="Failed")).to_have_attribute("aria-pressed", "true")
    tab_to(typist, "Node")
    typist.keyboard.press("ArrowDown")
    expect(typist.get_by_role("combobox", name="Node")).to_be_focused()


def test_a_code_is_made_and_copied(typist: Page, machine: Desk) -> None:
    go(typist, "Pair a device")
    tab_to(typist, "A node")
    typist.keyboard.press("ArrowDown")
    expect(typist.get_by_role("radio", name="A browser or app that manages")).to_be_checked()
    press(typist, "The device reaches this gateway at another address")
    type_into(typist, "Address of the gateway", machine.url.replace("http", "ws"))
    typist.keyboard.press("Enter")
    expect(typist.get_by_role("img", name="The code as a QR picture")).to_be_visible()
    tab_to(typist, "Copy the link", back=True)
    typist.keyboard.press("Enter")
    assert typist.evaluate("navigator.clipboard.readText()").startswith(f"{machine.url}/#setup=")
    expect(typist.get_by_role("button", name="Copy the link")).to_be_focused()


def test_the_way_around_on_a_phone(typist: Page) -> None:
    typist.set_viewport_size({"width": 390, "height": 800})
    typist.reload()
    no_mouse(typist)
    expect(typist.get_by_role("heading", name="Nodes", level=1)).to_be_focused()
    tab_to(typist, "Skip to content", back=True)
    typist.keyboard.press("Enter")
    expect(typist.get_by_role("main")).to_be_focused()
    tab_to(typist, "Menu", back=True)
    typist.keyboard.press("Enter")
    tab_to(typist, "Families")
    typist.keyboard.press("Escape")
    expect(typist.get_by_role("link", name="Families")).to_be_hidden()
    expect(typist.get_by_role("button", name="Menu")).to_be_focused()
    typist.keyboard.press("Space")
    tab_to(typist, "Auto")
    typist.keyboard.press("ArrowRight")
    typist.keyboard.press("ArrowRight")
    expect(typist.get_by_role("radio", name="Dark")).to_be_checked()
    dark = typist.evaluate("getComputedStyle(document.body).backgroundColor")
    tab_to(typist, "Families", back=True)
    typist.keyboard.press("Enter")
    expect(typist.get_by_role("heading", name="Families", level=1)).to_be_focused()
    expect(typist.get_by_role("link", name="Nodes")).to_be_hidden()
    typist.reload()
    no_mouse(typist)
    assert typist.evaluate("getComputedStyle(document.body).backgroundColor") == dark == "rgb(15, 19, 26)"
    tab_to(typist, "Menu", back=True)
    typist.keyboard.press("Enter")
    tab_to(typist, "Dark")
    typist.keyboard.press("ArrowLeft")
    typist.keyboard.press("ArrowLeft")
    expect(typist.get_by_role("radio", name="Auto")).to_be_checked()


def test_a_gateway_that_was_away_is_tried_at_once(typist: Page, machine: Desk) -> None:
    machine.gateway.stop()
    expect(typist.get_by_text("The gateway is away.")).to_be_visible()
    machine.gateway.start()
    machine.await_gateway()
    press(typist, "Try now")
    expect(typist.get_by_text("The gateway is away.")).to_have_count(0, timeout=30_000)
    expect(typist.get_by_role("link", name="Desk")).to_be_visible()

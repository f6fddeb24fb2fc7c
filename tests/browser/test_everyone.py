"""The pages for who uses a keyboard, a screen reader, a phone, or the dark; pictures of each for people."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from .desk import Desk
from .keyboard import tab_to
from .pictures import SCHEMES, check, picture

pytestmark = pytest.mark.browser

PAGES = {
    "node": "nodes/{node}/camera.snap",
    "node-map": "nodes/{node}/location.get",
    "queue": "queue",
    "devices": "devices",
    "audit": "audit",
}


def show(page: Page, machine: Desk, name: str) -> None:
    """Open a page with what makes it worth looking at."""
    page.goto(f"{machine.url}/#/{PAGES[name].format(node=machine.node_id)}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_label("Loading")).to_have_count(0)
    if name.startswith("node"):
        page.get_by_role("button", name="Run", exact=True).click()
        expect(page.get_by_role("img").first).to_be_visible()
        expect(page.locator("svg[data-outlines='0']")).to_have_count(0)


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_and_a_picture_is_kept(page: Page, machine: Desk, shots: Path, name: str) -> None:
    for scheme in SCHEMES:
        picture(page, shots, name, scheme, lambda: show(page, machine, name))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_nothing_in_dialogs_and_refusals(
    page: Page, machine: Desk, shots: Path, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{machine.url}/#/devices")
    page.get_by_role("button", name="Revoke the node token of Desk").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.screenshot(path=str(shots / f"devices-dialog-{scheme}-wide.png"))
    check(page)
    page.keyboard.press("Escape")
    page.goto(f"{machine.url}/#/nodes/{machine.node_id}/system.run")
    page.get_by_text("more options").click()
    page.get_by_role("button", name="Add env").click()
    page.get_by_role("button", name="Add a name and value").click()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("Command required.")).to_be_visible()
    page.screenshot(path=str(shots / f"node-form-{scheme}-wide.png"), full_page=True)
    check(page)


def test_a_photo_by_keyboard_alone(page: Page, machine: Desk) -> None:
    tab_to(page, "Desk")
    page.keyboard.press("Enter")
    tab_to(page, "camera.snap")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="camera.snap", exact=True)).to_be_focused()
    tab_to(page, "Max width")
    page.keyboard.type("320")
    page.keyboard.press("Enter")
    expect(page.get_by_text("320 × 180 px")).to_be_visible()


def test_a_token_by_keyboard_alone(page: Page, machine: Desk) -> None:
    tab_to(page, "Devices")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Devices and tokens")).to_be_focused()
    tab_to(page, "Rotate the node token of Desk")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Rotate the node token of Desk")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, "Rotate")
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("The old token ended.")
    tab_to(page, "Close")
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Rotate the node token of Desk")).to_be_focused()


def test_a_node_is_renamed_and_others_hear_of_it(page: Page, machine: Desk) -> None:
    page.goto(f"{machine.url}/#/nodes/{machine.node_id}")
    machine.openclaw("nodes", "rename", "--node", machine.node_id, "--name", "Loft")
    expect(page.get_by_role("heading", name="Loft")).to_be_visible()
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("textbox", name="Name")).to_be_focused()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("Desk")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Desk", exact=True)).to_be_visible()

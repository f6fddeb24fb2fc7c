"""Every state of every page as people see it: in light and dark, on a desk and on a phone; axe finds nothing.

What another test of this suite brings about anyway is pictured there.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.packages import install, uninstall

from .desk import Desk
from .pictures import SCHEMES, picture

pytestmark = pytest.mark.browser


def open_at(page: Page, machine: Desk, path: str) -> None:
    """Go to a page of the Control UI and wait until it shows what it has."""
    page.goto(f"{machine.url}/#/{path.format(node=machine.node_id)}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_label("Loading")).to_have_count(0)


def run(page: Page) -> None:
    page.get_by_role("button", name="Run", exact=True).click()


def argv(page: Page, *words: str) -> None:
    for word in words:
        page.get_by_role("button", name="Add command").click()
        page.keyboard.type(word)


def no_such_page(page: Page, machine: Desk) -> None:
    open_at(page, machine, "nowhere")


def no_such_node(page: Page, machine: Desk) -> None:
    open_at(page, machine, "nodes/none")
    expect(page.get_by_text("No such node")).to_be_visible()


def no_node_fits(page: Page, machine: Desk) -> None:
    open_at(page, machine, "nodes")
    page.get_by_label("Find a node").fill("nothing like it")
    expect(page.get_by_text("No node fits")).to_be_visible()


def node_picture(page: Page, machine: Desk) -> None:
    open_at(page, machine, "nodes/{node}/camera.snap")
    run(page)
    expect(page.get_by_role("img", name="Picture: camera.snap")).to_be_visible()


def node_map(page: Page, machine: Desk) -> None:
    open_at(page, machine, "nodes/{node}/location.get")
    run(page)
    expect(page.get_by_role("img", name="Map:")).not_to_have_attribute("data-outlines", "0")


def node_without_choice(page: Page, machine: Desk) -> None:
    open_at(page, machine, "nodes/{node}")
    page.get_by_label("Find", exact=True).fill("camera")
    expect(page.get_by_text("Choose a command to run it here.")).to_be_visible()


def node_other_command(page: Page, machine: Desk) -> None:
    open_at(page, machine, "nodes/{node}/system.nothing")
    expect(page.get_by_text("system.nothing is not in force on this node.")).to_be_visible()


def node_film(page: Page, machine: Desk) -> None:
    open_at(page, machine, "nodes/{node}/camera.clip")
    page.get_by_label("Duration (ms)").fill("200")
    run(page)
    expect(page.get_by_label("Video: camera.clip")).to_be_visible(timeout=30_000)


def node_sound(page: Page, machine: Desk) -> None:
    open_at(page, machine, "nodes/{node}/voice.speak")
    page.get_by_label("Text").fill("Hello")
    page.get_by_role("combobox", name="Output").select_option(label="wav")
    run(page)
    expect(page.get_by_label("Sound: voice.speak")).to_be_visible(timeout=30_000)


def node_table(page: Page, machine: Desk) -> None:
    open_at(page, machine, "nodes/{node}/camera.list")
    run(page)
    expect(page.get_by_role("region", name="camera.list: Devices")).to_be_visible()
    page.get_by_text("As JSON", exact=True).click()


def node_facts(page: Page, machine: Desk) -> None:
    open_at(page, machine, "nodes/{node}/device.info")
    run(page)
    expect(page.get_by_text("Done", exact=True)).to_be_visible()


def node_output(page: Page, machine: Desk) -> None:
    open_at(page, machine, "nodes/{node}/system.run")
    argv(page, "sh", "-c", "echo good; echo bad >&2; exit 3")
    run(page)
    expect(page.get_by_label("Errors", exact=True)).to_be_visible()


def node_running(page: Page, machine: Desk) -> None:
    open_at(page, machine, "nodes/{node}/system.run")
    argv(page, "sh", "-c", "echo begun; exec sleep 300")
    run(page)
    expect(page.get_by_role("log")).to_contain_text("begun")


def node_cancelled(page: Page, machine: Desk) -> None:
    node_running(page, machine)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled", exact=True)).to_be_visible()


def node_failed(page: Page, machine: Desk) -> None:
    open_at(page, machine, "nodes/{node}/camera.snap")
    page.get_by_label("Device ID").fill("none")
    run(page)
    expect(page.get_by_text("Failed", exact=True)).to_be_visible()


def node_as_json(page: Page, machine: Desk) -> None:
    open_at(page, machine, "nodes/{node}/camera.snap")
    page.get_by_role("button", name="Edit as JSON").click()
    page.get_by_label("Params (JSON)").fill('{"maxWidth": 160')
    run(page)
    expect(page.get_by_text("This is not JSON")).to_be_visible()


def node_form(page: Page, machine: Desk) -> None:
    open_at(page, machine, "nodes/{node}/system.run")
    page.get_by_text("more options").click()
    page.get_by_role("button", name="Add env").click()
    page.get_by_role("button", name="Add a name and value").click()
    run(page)
    expect(page.get_by_text("Command required.")).to_be_visible()


def node_rename(page: Page, machine: Desk) -> None:
    open_at(page, machine, "nodes/{node}")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("textbox", name="Name")).to_be_focused()


def node_remove(page: Page, machine: Desk) -> None:
    open_at(page, machine, "nodes/{node}")
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def request_gone(page: Page, machine: Desk) -> None:
    open_at(page, machine, "approvals/0000")
    expect(page.get_by_text("is for is gone")).to_be_visible()


def queue(page: Page, machine: Desk) -> None:
    open_at(page, machine, "queue")
    page.get_by_role("button", name="All").click()


def queue_failed(page: Page, machine: Desk) -> None:
    open_at(page, machine, "queue")
    page.get_by_role("button", name="Failed").click()
    expect(page.get_by_text("No such work")).to_be_visible()


def no_queue_item(page: Page, machine: Desk) -> None:
    open_at(page, machine, "queue/none")
    expect(page.get_by_text("No such work")).to_be_visible()


def devices(page: Page, machine: Desk) -> None:
    open_at(page, machine, "devices")


def devices_rotate(page: Page, machine: Desk) -> None:
    open_at(page, machine, "devices")
    page.get_by_role("button", name="Rotate the node token of Desk").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def devices_revoke(page: Page, machine: Desk) -> None:
    open_at(page, machine, "devices")
    own = page.locator(".card", has_text="This browser")
    own.get_by_role("button", name="Revoke the operator token of").click()
    expect(page.get_by_role("dialog")).to_contain_text("This is the browser you are using.")


def devices_remove(page: Page, machine: Desk) -> None:
    open_at(page, machine, "devices")
    page.get_by_role("button", name="Remove Desk").click()
    expect(page.get_by_role("dialog")).to_contain_text("work that waits for it is dropped")


def devices_rename(page: Page, machine: Desk) -> None:
    open_at(page, machine, "devices")
    page.get_by_role("button", name="Rename Desk").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def audit_empty(page: Page, machine: Desk) -> None:
    open_at(page, machine, "audit")
    page.get_by_label("What").select_option(label="Lock-outs")
    expect(page.get_by_text("No entry matches")).to_be_visible()


def audit_filtered(page: Page, machine: Desk) -> None:
    open_at(page, machine, "audit")
    page.get_by_label("What").select_option(label="Node approvals")
    page.get_by_label("Since").select_option(label="a day ago")
    expect(page.get_by_role("row").filter(has_text="surface.approve").first).to_be_visible()


def pair(page: Page, machine: Desk) -> None:
    open_at(page, machine, "pair")


def pair_refused(page: Page, machine: Desk) -> None:
    open_at(page, machine, "pair")
    page.get_by_role("button", name="Make a code").click()
    expect(page.get_by_role("alert")).to_be_visible()


def pair_browser(page: Page, machine: Desk) -> None:
    open_at(page, machine, "pair")
    page.get_by_role("radio", name="A browser or app that manages").check()
    page.get_by_text("The device reaches this gateway at another address").click()
    page.get_by_label("Address of the gateway").fill(machine.url.replace("http", "ws"))
    page.get_by_role("button", name="Make a code").click()
    expect(page.get_by_role("img", name="The code as a QR picture")).to_be_visible()


def pair_expired(page: Page, machine: Desk) -> None:
    page.clock.install()
    pair_browser(page, machine)
    page.clock.fast_forward("10:30")
    expect(page.get_by_text("This code has expired.")).to_be_visible()
    page.clock.resume()


def every_right(page: Page, machine: Desk) -> None:
    open_at(page, machine, "rights")
    expect(page.get_by_text("This browser has every right.")).to_be_visible()


STATES: dict[str, Callable[[Page, Desk], None]] = {
    "no-such-page": no_such_page,
    "nodes-none-fits": no_node_fits,
    "node-unknown": no_such_node,
    "node": node_picture,
    "node-map": node_map,
    "node-no-command": node_without_choice,
    "node-other-command": node_other_command,
    "node-film": node_film,
    "node-sound": node_sound,
    "node-table": node_table,
    "node-facts": node_facts,
    "node-output": node_output,
    "node-running": node_running,
    "node-cancelled": node_cancelled,
    "node-failed": node_failed,
    "node-json": node_as_json,
    "node-form": node_form,
    "node-rename": node_rename,
    "node-remove": node_remove,
    "approvals-gone": request_gone,
    "queue": queue,
    "queue-failed": queue_failed,
    "queue-unknown": no_queue_item,
    "devices": devices,
    "devices-rotate": devices_rotate,
    "devices-revoke": devices_revoke,
    "devices-remove": devices_remove,
    "devices-rename": devices_rename,
    "audit-empty": audit_empty,
    "audit-filtered": audit_filtered,
    "pair-start": pair,
    "pair-refused": pair_refused,
    "pair-browser": pair_browser,
    "pair-expired": pair_expired,
    "rights-all": every_right,
}


@pytest.mark.parametrize("name", STATES)
def test_a_state_of_a_page(page: Page, machine: Desk, shots: Path, name: str) -> None:
    STATES[name](page, machine)
    for scheme in SCHEMES:
        picture(page, shots, name, scheme)


def test_the_menu_of_a_phone(page: Page, shots: Path) -> None:
    def show() -> None:
        menu = page.get_by_role("button", name="Menu")
        if menu.is_visible() and menu.get_attribute("aria-expanded") == "false":
            menu.click()

    for scheme in SCHEMES:
        picture(page, shots, "menu", scheme, show)


def test_a_family_that_failed(page: Page, machine: Desk, shots: Path) -> None:
    install(machine.site, "openclaw-broken", "broken = openclaw_broken", "raise RuntimeError('paper')\n")
    try:
        page.get_by_role("link", name="Families").click()
        page.get_by_role("button", name="Look for changes").click()
        card = page.locator(".card").filter(has_text="openclaw-broken")
        expect(card.get_by_text("Failed", exact=True)).to_be_visible()
        expect(card).to_contain_text("paper")
        for scheme in SCHEMES:
            picture(page, shots, "families-failed", scheme)
    finally:
        uninstall(machine.site, "openclaw-broken")
    page.get_by_role("button", name="Look for changes").click()
    expect(card).to_have_count(0)

"""Work for a node that is away: left by the form, seen waiting, seen arriving, taken back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .desk import Desk
from .keyboard import tab_to
from .pictures import SCHEMES, picture

pytestmark = pytest.mark.browser


@pytest.fixture
def away(machine: Desk) -> Iterator[Desk]:
    """The node is away; it is back afterwards."""
    machine.stop_node()
    yield machine
    if machine.node is None:
        machine.start_node()


def leave(page: Page, machine: Desk, line: str) -> None:
    """Leave a command line for the node."""
    page.goto(f"{machine.url}/#/nodes/{machine.node_id}/system.run")
    expect(page.get_by_text("Desk is away.")).to_be_visible()
    for word in ("sh", "-c", line):
        page.get_by_role("button", name="Add command").click()
        page.keyboard.type(word)
    page.get_by_role("button", name="Queue it").click()
    expect(page.get_by_text("Waiting for the node")).to_be_visible()


def test_work_waits_and_is_seen_to_arrive(page: Page, away: Desk, shots: Path) -> None:
    leave(page, away, "echo it arrived")
    page.get_by_role("link", name="Show it in the queue").click()
    expect(page.get_by_role("heading", name="system.run", exact=True)).to_be_visible()
    expect(page.get_by_text("It waits until the node is there.")).to_be_visible()
    away.start_node()
    # The page is not touched: it hears of it.
    expect(page.get_by_text("The node did it.")).to_be_visible(timeout=30_000)
    expect(page.get_by_label("Output", exact=True)).to_have_text("it arrived\n")
    for scheme in SCHEMES:
        picture(page, shots, "queue-item", scheme)
    # The run that left it knows, too.
    page.goto(f"{away.url}/#/nodes/{away.node_id}/system.run")
    expect(page.get_by_label("Runs").get_by_label("Output", exact=True)).to_have_text("it arrived\n")
    page.get_by_role("link", name="Queue").click()
    expect(page.get_by_text("Nothing waits")).to_be_visible()
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_role("cell", name="system.run").first).to_be_visible()


def test_work_is_taken_back_before_it_arrives(page: Page, away: Desk, shots: Path) -> None:
    leave(page, away, "echo never")
    for scheme in SCHEMES:
        picture(page, shots, "node-away", scheme)
    page.get_by_role("link", name="Queue", exact=True).click()
    expect(page.get_by_role("button", name="Cancel system.run for Desk")).to_be_visible()
    for scheme in SCHEMES:
        picture(page, shots, "queue-waiting", scheme)
    page.get_by_role("button", name="Cancel system.run for Desk").click()
    dialog = page.get_by_role("dialog", name="Cancel system.run?")
    expect(dialog).to_contain_text("Desk will not get it any more.")
    dialog.get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("button", name="Cancel system.run for Desk")).to_be_focused()
    page.keyboard.press("Enter")
    dialog.get_by_role("button", name="Cancel it").click()
    expect(page.get_by_text("Nothing waits")).to_be_visible()
    page.get_by_role("button", name="Cancelled").click()
    expect(page.get_by_role("cell", name="Cancelled").first).to_be_visible()


def test_what_cannot_wait_says_so(page: Page, away: Desk) -> None:
    page.goto(f"{away.url}/#/nodes/{away.node_id}/device.status")
    expect(page.get_by_text("This command cannot wait; run it when the node is back.")).to_be_visible()
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_disabled()
    away.start_node()
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_enabled(timeout=30_000)


def test_work_is_left_and_taken_back_by_keyboard_alone(page: Page, away: Desk) -> None:
    page.goto(f"{away.url}/#/nodes/{away.node_id}/system.notify")
    expect(page.get_by_role("button", name="Queue it")).to_be_enabled()
    tab_to(page, "Title")
    page.keyboard.type("Dinner")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Waiting for the node")).to_be_visible()
    tab_to(page, "Show it in the queue")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="system.notify", level=1)).to_be_focused()
    tab_to(page, "Cancel system.notify for Desk")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("Desk will not get it any more.")
    tab_to(page, "Cancel it")
    page.keyboard.press("Enter")
    expect(page.get_by_text("A person took it back.")).to_be_visible()

"""From a link that was never opened to a trail that tells all of it: one browser, one gateway, one node."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from .desk import Desk, gateway_alone
from .keyboard import go, press
from .pictures import SCHEMES, picture

pytestmark = pytest.mark.browser

# How much the brightness of a picture differs within it, of 255: nothing in a blank one.
CONTRAST = """async (img) => {
  await img.decode();
  const canvas = new OffscreenCanvas(64, 36);
  const context = canvas.getContext('2d');
  context.drawImage(img, 0, 0, 64, 36);
  const { data } = context.getImageData(0, 0, 64, 36);
  const grey = [...Array(64 * 36).keys()].map((n) => (data[4 * n] + data[4 * n + 1] + data[4 * n + 2]) / 3);
  return Math.max(...grey) - Math.min(...grey);
}"""


def test_from_a_link_to_the_audit(browser: Browser, tmp_path: Path, shots: Path) -> None:
    context = browser.new_context(viewport={"width": 1200, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(15_000)
    page = context.new_page()
    with gateway_alone(tmp_path / "place", {"pairing": {"autoApproveLocal": False}}) as machine:
        let_in(page, machine)
        approve_the_node(page, machine)
        take_a_picture(page)
        leave_work_and_see_it_arrive(page, machine)
        rotate_the_token(page)
        read_it_all(page)
        for scheme in SCHEMES:
            picture(page, shots, "audit", scheme)
        remove_the_node(page)
    context.close()


def let_in(page: Page, machine: Desk) -> None:
    page.goto(machine.setup_link())
    expect(page.get_by_text("No node is paired yet")).to_be_visible()


def approve_the_node(page: Page, machine: Desk) -> None:
    machine.launch_node("Desk")
    page.get_by_role("link", name="Approvals 1 waiting").click(timeout=30_000)
    expect(page.get_by_text("New device")).to_be_visible()
    page.get_by_role("button", name="Approve Desk").click()
    expect(page.get_by_text("All is decided")).to_be_visible()
    page.get_by_role("link", name="Nodes").click()
    expect(page.get_by_role("row").filter(has_text="Desk").get_by_text("Online")).to_be_visible(
        timeout=30_000
    )


def take_a_picture(page: Page) -> None:
    page.get_by_role("link", name="Desk").click()
    page.get_by_role("link", name="camera.snap").click()
    page.get_by_label("Max width").fill("640")
    page.get_by_role("button", name="Run", exact=True).click()
    photo = page.get_by_role("img", name="Picture: camera.snap")
    expect(photo).to_be_visible()
    assert photo.evaluate(CONTRAST) > 50, "the picture is blank"


def leave_work_and_see_it_arrive(page: Page, machine: Desk) -> None:
    machine.stop_node()
    expect(page.locator(".badge", has_text="Away")).to_be_visible()
    page.get_by_role("link", name="system.run", exact=False).first.click()
    for word in ("sh", "-c", "echo it arrived"):
        page.get_by_role("button", name="Add command").click()
        page.keyboard.type(word)
    page.get_by_role("button", name="Queue it").click()
    page.get_by_role("link", name="Show it in the queue").click()
    expect(page.get_by_text("It waits until the node is there.")).to_be_visible()
    machine.launch_node("Desk")
    # The page is not touched: it hears of it.
    expect(page.get_by_text("The node did it.")).to_be_visible(timeout=30_000)
    expect(page.get_by_label("Output", exact=True)).to_have_text("it arrived\n")


def rotate_the_token(page: Page) -> None:
    page.get_by_role("link", name="Devices").click()
    page.get_by_role("button", name="Rotate the operator token of Chrome").click()
    page.get_by_role("dialog").get_by_role("button", name="Rotate", exact=True).click()
    page.get_by_role("dialog", name="The token was rotated").get_by_role("button", name="Close").click()
    expect(page.locator(".card", has_text="This browser")).to_contain_text("rotated just now")
    expect(page.locator("main[data-status=open]")).to_be_visible()


# What, how it ended, by whom, about what, and a word of the details; oldest first.
STORY = [
    ("setup.issue", "Done", "cli", "", "full"),
    ("setup.redeem", "Done", "Chrome", "Chrome", "full"),
    ("device.request", "Done", "Desk", "Desk", "node"),
    ("connect", "Refused", "node-host", "Desk", "PAIRING_REQUIRED"),
    ("surface.approve", "Done", "Chrome", "Desk", "Commands"),
    ("device.approve", "Done", "Chrome", "Desk", "node"),
    ("connect", "Done", "Desk", "Desk", "node"),
    ("invoke", "Done", "Chrome", "Desk", "camera.snap"),
    ("pending.enqueue", "Done", "Chrome", "Desk", "system.run"),
    ("pending.done", "Done", "Desk", "Desk", "system.run"),
    ("token.rotate", "Done", "Chrome", "Chrome", "operator"),
    ("connect", "Done", "Chrome", "Chrome", "device-token"),
]


def read_it_all(page: Page) -> None:
    page.get_by_role("link", name="Audit").click()
    rows = page.get_by_role("row")
    expect(rows.filter(has_text="token.rotate")).to_be_visible()
    trail = [row.split("\t") for row in reversed(rows.all_inner_texts())]
    left = iter(trail)
    for kind, outcome, actor, subject, detail in STORY:
        # Other entries may stand between two of the story, and it has its order.
        assert any(
            (cells[1], cells[2]) == (kind, outcome)
            and cells[3].startswith(actor)
            and cells[4].startswith(subject)
            and detail in cells[6]
            for cells in left
        ), (kind, actor, subject, detail, trail)


def remove_the_node(page: Page) -> None:
    """By keyboard: the pages' other flows are so in test_keyboard.py, whose node has to stay."""
    go(page, "Nodes")
    press(page, "Desk")
    press(page, "Remove")
    press(page, "Remove")
    expect(page.get_by_text("No node is paired yet")).to_be_visible()
    expect(page.get_by_role("heading", name="Nodes", level=1)).to_be_focused()

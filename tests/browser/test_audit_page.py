"""The audit read and followed in the browser."""

import pytest
from playwright.sync_api import Page, expect

from .desk import Desk
from .keyboard import go, press

MANY = """
import asyncio
from openclaw_core.client import open_gateway

async def leave_and_take_back():
    async with open_gateway() as gateway:
        node = (await gateway.nodes())[0].node_id
        for number in range(60):
            work = await gateway.queue(node, "system.notify", {"title": str(number)})
            await gateway.connection.request("node.pending.cancel", {"id": work.id})

asyncio.run(leave_and_take_back())
"""

pytestmark = pytest.mark.browser


def test_it_follows_what_others_do_through_its_filter(page: Page, machine: Desk) -> None:
    page.get_by_role("link", name="Audit").click()
    page.get_by_label("What").select_option(label="Devices")
    rows = page.get_by_role("row")
    expect(rows.filter(has_text="device.approve").first).to_be_visible()
    machine.openclaw("devices", "rename", "--device", machine.node_id, "--name", "Writing desk")
    renamed = rows.filter(has_text="device.rename")
    expect(renamed.first).to_contain_text("Writing desk")
    # Everything that is not about devices stays out, also of what is appended.
    expect(rows.filter(has_text="connect")).to_have_count(0)
    page.get_by_label("Follow live").uncheck()
    machine.openclaw("devices", "rename", "--device", machine.node_id, "--name", "Desk")
    page.get_by_label("Outcome").select_option(label="Refused")
    expect(page.get_by_text("No entry matches").or_(rows.filter(has_text="Refused").first)).to_be_visible()
    page.get_by_label("Outcome").select_option(label="Any")
    expect(rows.filter(has_text="device.rename")).not_to_have_count(1)


def test_an_invoke_is_read_back_with_who_and_what(page: Page, machine: Desk) -> None:
    page.goto(f"{machine.url}/#/nodes/{machine.node_id}/device.info")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("Done", exact=True)).to_be_visible()
    page.get_by_role("link", name="Audit").click()
    page.get_by_label("What").select_option(label="Invokes")
    newest = page.get_by_role("row").nth(1)
    expect(newest).to_contain_text("device.info")
    expect(newest).to_contain_text("Chrome on Linux")
    expect(newest).to_contain_text("Desk")


def test_older_entries_come_page_by_page(page: Page, machine: Desk) -> None:
    machine.stop_node()
    machine.python(MANY)
    machine.start_node()
    go(page, "Audit")
    expect(page.get_by_role("row")).to_have_count(101)
    press(page, "Show older")
    expect(page.get_by_role("row")).not_to_have_count(101)
    # The trail is read to where it began.
    expect(page.get_by_role("row").last).to_contain_text("connect")

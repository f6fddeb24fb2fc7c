"""The audit read and followed in the browser."""

import pytest
from playwright.sync_api import Page, expect

from .desk import Desk

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
    for _ in range(3):
        page.evaluate("() => undefined")
    made = machine.openclaw("audit", "--limit", "1")["events"][0]["id"]
    if made <= 100:
        pytest.skip("fewer entries than a page holds")
    page.get_by_role("link", name="Audit").click()
    expect(page.get_by_role("row")).to_have_count(101)
    page.get_by_role("button", name="Show older").click()
    expect(page.get_by_role("row")).not_to_have_count(101)

"""The gateway goes and comes back while somebody looks: nothing is lost, and nothing old passes for new."""

import pytest
from playwright.sync_api import Page, expect

from tests.interop.process import await_value

from .desk import Desk

pytestmark = pytest.mark.browser


def test_what_was_shown_stays_and_is_live_again(page: Page, machine: Desk) -> None:
    page.goto(f"{machine.url}/#/nodes/{machine.node_id}/device.info")
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_enabled()
    machine.gateway.stop()
    expect(page.locator("main[data-status=away]")).to_be_visible()
    expect(page.get_by_role("heading", name="Desk", exact=True)).to_be_visible()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_label("Runs")).to_contain_text("The gateway is away.")
    machine.gateway.start()
    expect(page.locator("main[data-status=open]")).to_be_visible(timeout=60_000)
    # The node comes back by itself, the page hears of it, and what is asked now is answered.
    await_value(machine.here, "the node is back", within_s=60, evidence=machine.gateway.tail)
    expect(page.locator(".badge", has_text="Connected")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("Done", exact=True)).to_be_visible()


def test_a_run_that_loses_the_gateway_says_so(page: Page, machine: Desk) -> None:
    page.goto(f"{machine.url}/#/nodes/{machine.node_id}/system.run")
    for number, word in enumerate(("sleep", "300"), 1):
        page.get_by_role("button", name="Add command").click()
        expect(page.get_by_role("textbox", name=f"Command {number}")).to_be_focused()
        page.keyboard.type(word)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("Running", exact=True)).to_be_visible()
    machine.gateway.kill()
    expect(page.get_by_label("Runs")).to_contain_text("The connection to the gateway was lost.")
    machine.gateway.start()
    expect(page.locator("main[data-status=open]")).to_be_visible(timeout=60_000)
    await_value(machine.here, "the node is back", within_s=60, evidence=machine.gateway.tail)

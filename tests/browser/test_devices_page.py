"""Devices and tokens: rotate, revoke, rename, and what each does to who holds them."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import join
from .desk import Desk

pytestmark = pytest.mark.browser


def test_this_browser_rotates_its_token_sees_it_once_and_goes_on(page: Page, machine: Desk) -> None:
    page.get_by_role("link", name="Devices").click()
    own = page.locator(".card", has_text="This browser")
    own.get_by_role("button", name="Rotate the operator token of").click()
    page.get_by_role("dialog").get_by_role("button", name="Rotate", exact=True).click()
    told = page.get_by_role("dialog", name="The token was rotated")
    expect(told).to_contain_text("This is shown once.")
    token = told.locator("code").inner_text()
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token)
    told.get_by_role("button", name="Copy New token").click()
    assert page.evaluate("navigator.clipboard.readText()") == token
    told.get_by_role("button", name="Close").click()
    expect(page.locator("main[data-status=open]")).to_be_visible()
    expect(own).to_contain_text("rotated just now")
    assert token not in page.content()
    page.reload()
    expect(page.locator("main[data-status=open]")).to_be_visible()
    expect(page.locator(".card", has_text="This browser")).to_contain_text("last used just now")


def test_a_nodes_token_is_rotated_and_shown_to_nobody(page: Page, machine: Desk) -> None:
    page.get_by_role("link", name="Devices").click()
    page.get_by_role("button", name="Rotate the node token of Desk").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("The old token ends at once, and Desk is disconnected.")
    dialog.get_by_role("button", name="Rotate", exact=True).click()
    expect(dialog).to_contain_text("nobody else is shown it")
    dialog.get_by_role("button", name="Close").click()
    card = page.locator(".card", has=page.get_by_role("heading", name="Desk", exact=True))
    expect(card).to_contain_text("rotated just now")
    # It has the gateway's secret, so it is back by itself, and the page hears of it.
    expect(card.get_by_text("Connected", exact=True)).to_be_visible(timeout=30_000)


def test_a_browser_whose_token_is_revoked_is_out_at_once(page: Page, machine: Desk, browser: Browser) -> None:
    other = join(machine, browser)
    theirs = other.pages[0]
    page.get_by_role("link", name="Devices").click()
    card = (
        page.locator(".card", has=page.locator("h2"))
        .filter(has_not_text="This browser")
        .filter(has_text="openclaw-control-ui")
    )
    card.get_by_role("button", name="Rename").click()
    page.get_by_role("dialog").get_by_role("textbox", name="Name").fill("Kitchen tablet")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Revoke the operator token of Kitchen tablet").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("cannot come back as operator until you approve it again")
    dialog.get_by_role("button", name="Revoke", exact=True).click()
    tablet = page.locator(".card", has=page.get_by_role("heading", name="Kitchen tablet"))
    expect(tablet).to_contain_text("Revoked")
    expect(theirs.locator("main[data-status=open]")).to_have_count(0)
    page.get_by_role("button", name="Remove Kitchen tablet").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    expect(tablet).to_have_count(0)
    other.close()

"""A gateway whose events come faster than its answers is shown all the same."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from .desk import Desk

pytestmark = pytest.mark.browser

# Every answer takes half a second, and somebody comes or goes five times in that.
SLOW = """
const Real = WebSocket;
const open = new Map();
let asked = 0;
window.most = 0;
window.WebSocket = class extends Real {
  set onmessage(hear) {
    super.onmessage = (message) => setTimeout(() => {
      open.delete(JSON.parse(message.data).id);
      hear(message);
    }, 500);
    setInterval(() => {
      for (const event of ['presence', 'device.pair.changed']) {
        hear({ data: JSON.stringify({ type: 'event', event, payload: {} }) });
      }
    }, 100);
  }
  send(text) {
    const { id, method } = JSON.parse(text);
    if (method === 'node.list') {
      open.set(id, method);
      document.documentElement.dataset.asked = asked += 1;
      window.most = Math.max(window.most, open.size);
    }
    super.send(text);
  }
};
"""


def test_pages_are_filled_and_one_answer_is_awaited_at_a_time(page: Page, machine: Desk) -> None:
    page.add_init_script(SLOW)
    page.reload()
    expect(page.get_by_role("link", name="Desk")).to_be_visible()
    page.get_by_role("link", name="Devices").click()
    expect(page.get_by_role("button", name="Rotate the node token of Desk")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("data-asked", re.compile("[4-9]|.."))
    assert page.evaluate("window.most") == 1

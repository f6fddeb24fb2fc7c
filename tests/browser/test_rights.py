"""A browser with fewer rights asks for more, keeps what it has meanwhile, and goes on by itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.interop.process import await_value

from .desk import Desk
from .keyboard import tab_to
from .pictures import SCHEMES, picture

pytestmark = pytest.mark.browser


@pytest.fixture
def limited(machine: Desk, browser: Browser) -> Iterator[Page]:
    """A page of a browser that was let in by a code for fewer rights."""
    made = machine.openclaw(
        "devices", "setup-code", "--profile", "limited", "--public-url", machine.url, "--no-qr"
    )
    context = browser.new_context(viewport={"width": 1200, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.goto(f"{machine.url}/#setup={made['setupCode']}&access=limited")
    page.locator("main[data-status=open]").wait_for()
    yield page
    context.close()


def waiting(machine: Desk) -> str:
    """The id of the only request that waits."""
    (asked,) = machine.openclaw("devices", "list")["pending"]
    return str(asked["requestId"])


def test_more_rights_are_asked_for_and_come_by_themselves(
    limited: Page, page: Page, machine: Desk, shots: Path
) -> None:
    limited.goto(f"{machine.url}/#/families")
    expect(limited.get_by_role("button", name="Look for changes")).to_be_disabled()
    tab_to(limited, "Ask for more rights")
    limited.keyboard.press("Enter")
    expect(limited.get_by_role("heading", name="Rights of this browser")).to_be_focused()
    for scheme in SCHEMES:
        picture(limited, shots, "rights", scheme)
    tab_to(limited, "Ask for every right")
    limited.keyboard.press("Enter")
    expect(limited.get_by_text("Waiting for somebody to approve it.")).to_be_visible()
    for scheme in SCHEMES:
        picture(limited, shots, "rights-waiting", scheme)
    # It goes on with what it has, also with a command that runs while the rights come.
    limited.goto(f"{machine.url}/#/nodes/{machine.node_id}/system.run")
    for word in ("sh", "-c", f"echo begun; while [ ! -e {machine.site}/go ]; do sleep 0.1; done; echo ended"):
        limited.get_by_role("button", name="Add command").click()
        limited.keyboard.type(word)
    limited.get_by_role("button", name="Run", exact=True).click()
    expect(limited.get_by_role("log")).to_contain_text("begun")
    page.get_by_role("link", name="Approvals 1 waiting").click()
    expect(page.get_by_text("Paired; asks for more rights")).to_be_visible()
    for scheme in SCHEMES:
        picture(page, shots, "approvals-rights", scheme)
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("All is decided")).to_be_visible()
    limited.get_by_role("link", name="Waits for more rights").click()
    expect(limited.get_by_text("in force as soon as what runs now has ended")).to_be_visible()
    (machine.site / "go").touch()
    expect(limited.get_by_text("This browser has every right.")).to_be_visible()
    limited.get_by_role("link", name="Audit").click()
    expect(limited.get_by_role("row").filter(has_text="device.approve").first).to_be_visible()
    # It was the same page all the time: what ran has its end.
    limited.goto(f"{machine.url}/#/nodes/{machine.node_id}/system.run")
    expect(limited.get_by_label("Output", exact=True)).to_contain_text("ended")
    limited.reload()
    limited.goto(f"{machine.url}/#/families")
    expect(limited.get_by_role("button", name="Look for changes")).to_be_enabled()


def test_a_no_leaves_what_it_has(limited: Page, machine: Desk, shots: Path) -> None:
    limited.get_by_role("link", name="Audit").click()
    alert = limited.get_by_role("alert")
    expect(alert).to_contain_text("operator.admin")
    for scheme in SCHEMES:
        picture(limited, shots, "audit-refused", scheme)
    alert.get_by_role("link", name="Ask for more rights").click()
    limited.get_by_role("button", name="Ask for every right").click()
    expect(limited.get_by_text("Waiting for somebody to approve it.")).to_be_visible()
    first = waiting(machine)
    machine.openclaw("devices", "reject", first)
    expect(limited.get_by_text("The request was rejected.")).to_be_visible()
    for scheme in SCHEMES:
        picture(limited, shots, "rights-rejected", scheme)
    # Asked again, and approved while the page is away.
    limited.get_by_role("button", name="Ask again").click()
    expect(limited.get_by_text("Waiting for somebody to approve it.")).to_be_visible()
    machine.gateway.stop()
    expect(limited.get_by_text("The gateway is away.")).to_be_visible()
    machine.gateway.start()
    expect(limited.locator("main[data-status=open]")).to_be_visible(timeout=60_000)
    second = waiting(machine)
    assert second != first
    machine.openclaw("devices", "approve", second)
    expect(limited.get_by_text("This browser has every right.")).to_be_visible()
    await_value(machine.here, "the node is back", within_s=60, evidence=machine.gateway.tail)

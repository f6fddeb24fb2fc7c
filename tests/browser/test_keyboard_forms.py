"""Commands chosen, filled in and run by the keyboard alone, the richest form there is among them."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.packages import install

from .desk import Desk
from .keyboard import go, press, tab_to, type_into
from .pictures import SCHEMES, picture

pytestmark = pytest.mark.browser

WORKSHOP = '''
from typing import Annotated
from pydantic import Base64Bytes, Field

class Screw(BaseModel):
    size: float
    turns: int = 1

class Plan(BaseModel):
    title: str
    parts: list[str] = []
    screws: list[Screw] = []
    colours: dict[str, str] = {}
    frame: Screw | None = None
    glue: str | float = "none"
    drawing_base64: Annotated[str, Field(json_schema_extra={"contentEncoding": "base64"})] = ""
    solid: bool = True

@command("workshop.build", platforms=ALL_PLATFORMS, queueable=True)
async def build(args: Plan, node: NodeContext) -> Plan:
    """Build it, and tell what was built."""
    return args

@hookimpl
def openclaw_family():
    return Family("workshop", "Workshop", (build,))
'''


def test_what_a_node_newly_offers_is_approved_and_used(
    typist: Page, machine: Desk, shots: Path, tmp_path: Path
) -> None:
    install(machine.site, "openclaw-workshop", "workshop = openclaw_workshop", WORKSHOP)
    go(typist, "Families")
    press(typist, "Look for changes")
    expect(typist.get_by_text("New: workshop.")).to_be_visible()
    expect(typist.get_by_role("button", name="Look for changes")).to_be_focused()
    machine.stop_node()
    machine.launch_node("Desk")
    expect(typist.get_by_role("link", name="Approvals 1 waiting")).to_be_visible(timeout=30_000)
    go(typist, "Approvals")
    expect(typist.get_by_text("Offers more than you approved")).to_be_visible()
    expect(typist.get_by_text("New: 1")).to_be_visible()
    for scheme in SCHEMES:
        picture(typist, shots, "approvals-surface", scheme)
    press(typist, "Approve Desk")
    expect(typist.get_by_text("All is decided")).to_be_visible()
    go(typist, "Nodes")
    press(typist, "Desk")
    expect(typist.get_by_role("heading", name="Desk", exact=True)).to_be_focused()
    type_into(typist, "Find", "workshop")
    press(typist, "workshop.build")
    expect(typist.get_by_role("heading", name="workshop.build", exact=True)).to_be_focused()
    fill_the_plan(typist, tmp_path)
    for scheme in SCHEMES:
        picture(typist, shots, "node-form-nested", scheme)
    press(typist, "Run")
    expect(typist.get_by_text("Done", exact=True)).to_be_visible()
    press(typist, "As JSON")
    told = typist.get_by_label("Result as JSON")
    for part in (
        '"title": "Shelf"',
        '"oak"',
        '"size": 4.5',
        '"door": "green"',
        '"glue": 0.5',
        '"solid": false',
    ):
        expect(told).to_contain_text(part)
    expect(told).not_to_contain_text("pine")


def fill_the_plan(page: Page, place: Path) -> None:
    """Lists, objects, names with values, one form of several, a file, a box; and taking some away again."""
    type_into(page, "Title", "Shelf")
    for word in ("pine", "oak"):
        press(page, "Add part")
        page.keyboard.type(word)
    tab_to(page, "Remove part 1", back=True)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Add part")).to_be_focused()
    expect(page.get_by_role("textbox", name="Part 1")).to_have_value("oak")
    more = page.get_by_text("more options")
    if more.count():
        press(page, more.inner_text())
    press(page, "Add screw")
    type_into(page, "Size", "4.5")
    press(page, "Add colours")
    press(page, "Add a name and value")
    page.keyboard.type("door")
    type_into(page, "Value 1", "green")
    press(page, "Add frame")
    expect(page.get_by_role("group", name="Frame")).to_be_focused()
    press(page, "Leave out frame")
    expect(page.get_by_role("button", name="Add frame")).to_be_focused()
    press(page, "Add glue")
    tab_to(page, "Form")
    page.keyboard.press("ArrowDown")
    type_into(page, "Number", "0.5")
    drawing = place / "drawing.png"
    drawing.write_bytes(b"not a picture, and sent all the same")
    tab_to(page, "Drawing")
    with page.expect_file_chooser() as chosen:
        page.keyboard.press("Space")
    chosen.value.set_files(drawing)
    expect(page.get_by_text("36 bytes")).to_be_visible()
    press(page, "Solid", "Space")


def test_a_photo_is_taken(typist: Page) -> None:
    tab_to(typist, "Desk")
    typist.keyboard.press("Enter")
    tab_to(typist, "camera.snap")
    typist.keyboard.press("Enter")
    expect(typist.get_by_role("heading", name="camera.snap", exact=True)).to_be_focused()
    tab_to(typist, "Max width")
    typist.keyboard.type("320")
    typist.keyboard.press("Enter")
    expect(typist.get_by_text("320 × 180 px")).to_be_visible()


def test_a_run_is_written_as_json_cancelled_and_saved(typist: Page, machine: Desk) -> None:
    typist.goto(f"{machine.url}/#/nodes/{machine.node_id}/system.run")
    expect(typist.get_by_role("heading", name="system.run", exact=True)).to_be_visible()
    press(typist, "Edit as JSON")
    expect(typist.get_by_role("button", name="Edit as JSON")).to_be_focused()
    type_into(typist, "Params (JSON)", '{"command": ["sh", "-c", "echo begun; exec sleep 300"]}')
    press(typist, "Run")
    expect(typist.get_by_role("log")).to_contain_text("begun")
    press(typist, "Cancel")
    expect(typist.get_by_text("Cancelled", exact=True)).to_be_visible()
    # The button is gone; the run it was in has its place.
    assert typist.evaluate("document.activeElement.tagName") == "SUMMARY"
    typist.goto(f"{machine.url}/#/nodes/{machine.node_id}/camera.snap")
    press(typist, "Run")
    expect(typist.get_by_role("img", name="Picture: camera.snap")).to_be_visible()
    tab_to(typist, "Save ")
    with typist.expect_download() as saved:
        typist.keyboard.press("Enter")
    assert saved.value.path().read_bytes()[:3] == b"\xff\xd8\xff"

"""Invoking a command from its form: the result as what it is, progress, cancel, errors at their field."""

import pytest
from playwright.sync_api import Page, expect

from .desk import Desk

pytestmark = pytest.mark.browser


def choose(page: Page, machine: Desk, command: str) -> None:
    """Open the form of a command."""
    page.goto(f"{machine.url}/#/nodes/{machine.node_id}/{command}")
    expect(page.get_by_role("heading", name=command, exact=True)).to_be_visible()


def run(page: Page) -> None:
    """Press the form's button."""
    page.get_by_role("button", name="Run", exact=True).click()


def argv(page: Page, *words: str) -> None:
    """Fill the list of a command line, as one types it."""
    for number, word in enumerate(words, 1):
        page.get_by_role("button", name="Add command").click()
        expect(page.get_by_role("textbox", name=f"Command {number}")).to_be_focused()
        page.keyboard.type(word)


def test_a_photo_is_seen(page: Page, machine: Desk) -> None:
    choose(page, machine, "camera.snap")
    page.get_by_label("Max width").fill("640")
    run(page)
    photo = page.get_by_role("img", name="Picture: camera.snap")
    expect(photo).to_be_visible()
    assert photo.evaluate("async (img) => { await img.decode(); return img.naturalWidth }") == 640
    expect(page.get_by_text("640 × 360 px, image/jpeg")).to_be_visible()


def test_a_place_is_a_map_and_no_one_else_hears_of_it(page: Page, machine: Desk) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    choose(page, machine, "location.get")
    run(page)
    plan = page.get_by_role("img", name="Map: 48.20000° N, 16.37000° E, within 5 m")
    expect(plan).to_be_visible()
    expect(plan).not_to_have_attribute("data-outlines", "0")
    assert [url for url in asked if not url.startswith((machine.url, "blob:"))] == []


def test_a_film_plays(page: Page, machine: Desk) -> None:
    choose(page, machine, "camera.clip")
    page.get_by_label("Duration (ms)").fill("500")
    run(page)
    film = page.get_by_label("Video: camera.clip")
    expect(film).to_be_visible(timeout=30_000)
    film.evaluate("(film) => film.play()")
    page.wait_for_function(
        "(film) => film.currentTime > 0.1 && film.videoWidth > 0", arg=film.element_handle()
    )


def test_a_sound_plays(page: Page, machine: Desk) -> None:
    choose(page, machine, "voice.speak")
    page.get_by_label("Text").fill("Good morning")
    page.get_by_role("combobox", name="Output").select_option(label="wav")
    run(page)
    sound = page.get_by_label("Sound: voice.speak")
    expect(sound).to_be_visible(timeout=30_000)
    page.wait_for_function("(sound) => sound.duration > 0.2", arg=sound.element_handle())


def test_a_list_is_a_table(page: Page, machine: Desk) -> None:
    choose(page, machine, "camera.list")
    run(page)
    table = page.get_by_role("region", name="camera.list: Devices")
    expect(table.get_by_role("columnheader", name="Name")).to_be_visible()
    expect(table.get_by_role("row")).to_have_count(2)


def test_facts_are_facts(page: Page, machine: Desk) -> None:
    choose(page, machine, "device.info")
    run(page)
    expect(page.get_by_role("term").filter(has_text="System name")).to_be_visible()


def test_output_comes_while_it_runs_and_cancel_stops_it(page: Page, machine: Desk) -> None:
    choose(page, machine, "system.run")
    argv(page, "sh", "-c", "echo begun; exec sleep 300")
    run(page)
    expect(page.get_by_role("log")).to_contain_text("begun")
    expect(page.get_by_text("Running", exact=True)).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled", exact=True)).to_be_visible()


def test_a_program_that_fails_shows_both_its_outputs(page: Page, machine: Desk) -> None:
    choose(page, machine, "system.run")
    argv(page, "sh", "-c", "echo good; echo bad >&2; exit 3")
    run(page)
    expect(page.get_by_label("Output", exact=True)).to_have_text("good\n")
    expect(page.get_by_label("Errors", exact=True)).to_have_text("bad\n")
    expect(page.locator(".facts div", has_text="Exit code")).to_contain_text("3")


def test_what_the_schema_refuses_is_told_at_the_field_before_anything_is_sent(
    page: Page, machine: Desk
) -> None:
    choose(page, machine, "camera.snap")
    quality = page.get_by_label("Quality")
    quality.fill("7")
    run(page)
    expect(page.get_by_text("Give 1 or less.")).to_be_visible()
    expect(quality).to_be_focused()
    expect(quality).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Runs")).to_have_count(0)


def test_what_only_the_gateway_knows_is_told_at_the_field_too(page: Page, machine: Desk) -> None:
    choose(page, machine, "system.which")
    run(page)
    bins = page.get_by_role("group", name="Bins")
    expect(bins).to_contain_text("Bins required.")
    bins.get_by_role("button", name="Add bin").click()
    page.keyboard.type("sh")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Runs")).to_contain_text("/sh")


def test_form_and_json_are_one(page: Page, machine: Desk) -> None:
    choose(page, machine, "camera.snap")
    page.get_by_label("Max width").fill("320")
    page.get_by_role("button", name="Edit as JSON").click()
    text = page.get_by_label("Params (JSON)")
    expect(text).to_have_value('{\n  "maxWidth": 320\n}')
    text.fill('{"maxWidth": 160')
    run(page)
    expect(page.get_by_text("This is not JSON")).to_be_visible()
    text.fill('{"maxWidth": 160, "format": "jpg"}')
    page.get_by_role("button", name="Edit as JSON").click()
    expect(page.get_by_label("Max width")).to_have_value("160")
    expect(page.get_by_label("Format")).to_have_value("0")


def test_a_run_goes_on_while_one_looks_elsewhere(page: Page, machine: Desk) -> None:
    choose(page, machine, "camera.snap")
    run(page)
    page.get_by_role("link", name="Audit").click()
    expect(page.get_by_role("heading", name="Audit")).to_be_visible()
    choose(page, machine, "camera.snap")
    expect(page.get_by_role("img", name="Picture: camera.snap")).to_be_visible()


def test_a_private_command_says_how_it_is_reached(page: Page, machine: Desk) -> None:
    choose(page, machine, "system.execApprovals.get")
    expect(page.get_by_text("use exec.approvals.node.*")).to_be_visible()
    expect(page.get_by_role("button", name="Run", exact=True)).to_have_count(0)

"""The family as core loads it: names, facts, weight, and what it says of a machine."""

from __future__ import annotations

import os
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from openclaw_canvas import Canvas
from openclaw_canvas.probe import find_chromium, has_display, probe
from openclaw_canvas.settings import CanvasSettings

from openclaw_core.plugins import load_plugins
from openclaw_core.testing.conformance import check_package, load_family

FAMILY = Canvas().openclaw_family()
COMMANDS = {item.name: item for item in FAMILY.commands}


def test_core_finds_and_loads_the_family() -> None:
    (entry,) = entry_points(group="openclaw.capabilities", name="canvas")
    assert entry.load() is Canvas
    plugins = load_plugins()
    assert "canvas" in [family.name for family in plugins.families], plugins.failed
    assert plugins.table.owner("canvas.a2ui.push") == "canvas"


def test_facts_of_the_commands() -> None:
    verbs = ("present", "hide", "navigate", "eval", "snapshot", "a2ui.push", "a2ui.pushJSONL", "a2ui.reset")
    assert set(COMMANDS) == {f"canvas.{verb}" for verb in verbs}
    for item in COMMANDS.values():
        assert item.platforms == {"macos", "linux", "ios", "android"}
        assert item.foreground
        assert (item.dangerous, item.admin_approval, item.admin_invoke) == (False, False, False)
    assert [name for name, item in COMMANDS.items() if item.read_only] == ["canvas.snapshot"]
    assert FAMILY.caps == ("canvas",)


def test_the_family_conforms() -> None:
    family, place = load_family("openclaw_canvas.plugin:Canvas")
    assert check_package(family, place) == []


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with one program on it, called chromium."""
    program = tmp_path / "bin" / "chromium"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    return program


def test_a_machine_with_a_browser_offers_all(browser: Path) -> None:
    assert find_chromium(None) == str(browser)
    assert probe(CanvasSettings()).unavailable is None


def test_a_machine_without_one_says_what_to_install(browser: Path) -> None:
    browser.unlink()
    if find_chromium(None) is None:  # some have one in a place of its own
        assert "apt install chromium" in (probe(CanvasSettings()).unavailable or "")
    assert "is 'chrome9', which is no program" in (
        probe(CanvasSettings(executable="chrome9")).unavailable or ""
    )


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="these always have a screen")
def test_a_window_needs_a_display(browser: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    settings = CanvasSettings(display="window")
    assert "there is no display" in (probe(settings).unavailable or "")
    monkeypatch.setitem(os.environ, "DISPLAY", ":77")
    assert has_display()
    assert probe(settings).unavailable is None

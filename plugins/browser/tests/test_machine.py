"""What a machine has: which Chromium, with or without window and sandbox, and what is missing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from openclaw_browser.config import BrowserConfig
from openclaw_browser.family import FAMILY
from openclaw_browser.node.executable import find_executable, is_headless, is_unsandboxed, kind_of

from openclaw_core.commands import DESKTOP_PLATFORMS

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks on PATH only")


def program(place: Path) -> Path:
    place.parent.mkdir(exist_ok=True)
    place.write_text("#!/bin/sh\n")
    place.chmod(0o755)
    return place


@needs_linux
def test_the_first_browser_that_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = FAMILY.probe(BrowserConfig()).unavailable
    assert missing is not None
    assert "sudo apt install chromium" in missing
    chrome = program(tmp_path / "google-chrome")
    assert find_executable(BrowserConfig()) == chrome
    assert FAMILY.probe(BrowserConfig()).unavailable is None
    chromium = program(tmp_path / "chromium")
    assert (find_executable(BrowserConfig()), kind_of(chromium), kind_of(chrome)) == (
        chromium,
        "chromium",
        "chrome",
    )


def test_a_configured_browser_is_the_only_one(tmp_path: Path) -> None:
    mine = program(tmp_path / "mine")
    config = {"executablePath": str(mine), "profiles": {"other": {"executablePath": str(tmp_path / "no")}}}
    settings = BrowserConfig.model_validate(config)
    assert (find_executable(settings), find_executable(settings, "other")) == (mine, None)
    gone = FAMILY.probe(BrowserConfig(executable_path=tmp_path / "no")).unavailable
    assert gone is not None
    assert "executablePath of plugins.entries.browser.config" in gone


@needs_linux
def test_window_and_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert is_headless(BrowserConfig()) == (True, "default")
    monkeypatch.setenv("DISPLAY", ":1")
    assert is_headless(BrowserConfig()) == (False, "default")
    assert is_headless(BrowserConfig(headless=True)) == (True, "config")
    assert is_unsandboxed(BrowserConfig()) is (os.geteuid() == 0)
    assert is_unsandboxed(BrowserConfig(no_sandbox=False)) is False


def test_facts_of_the_commands() -> None:
    assert [item.name for item in FAMILY.commands] == ["browser.proxy", "browser.proxy.upload.v1"]
    for item in FAMILY.commands:
        assert (item.admin_approval, item.admin_invoke, item.platforms) == (True, True, DESKTOP_PLATFORMS)
        assert not any((item.dangerous, item.queueable, item.idempotent, item.read_only))
    assert FAMILY.caps == ("browser",)

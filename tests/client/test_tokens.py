"""The file of device tokens: keyed by gateway, device and role; private; shared by processes."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from openclaw_core.client import DeviceTokens
from openclaw_core.client.tokens import authority_of
from openclaw_core.errors import ConfigError

URL = "ws://gateway.example:18789"


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("ws://Host:1234/path", "host:1234"),
        ("ws://host", "host:80"),
        ("wss://host", "host:443"),
        ("ws://[::1]:18789", "[::1]:18789"),
    ],
)
def test_authority(url: str, authority: str) -> None:
    assert authority_of(url) == authority


def test_kept_apart_by_gateway_device_and_role(tmp_path: Path) -> None:
    tokens = DeviceTokens(tmp_path / "tokens.json")
    tokens.put(URL, "dev", "node", "n")
    tokens.put(URL, "dev", "operator", "o")
    assert tokens.get(URL + "/ws", "dev", "node") == "n"
    assert tokens.get(URL, "dev", "operator") == "o"
    assert tokens.get(URL, "other", "node") is None
    assert tokens.get("ws://elsewhere:18789", "dev", "node") is None


def test_two_processes_see_each_other(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "tokens.json"
    first, second = DeviceTokens(path), DeviceTokens(path)
    first.put(URL, "a", "node", "1")
    second.put(URL, "b", "node", "2")
    assert (first.get(URL, "b", "node"), second.get(URL, "a", "node")) == ("2", "1")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_forget(tmp_path: Path) -> None:
    tokens = DeviceTokens(tmp_path / "tokens.json")
    tokens.forget(URL, "dev", "node", "n")
    assert not tokens.path.exists()
    tokens.put(URL, "dev", "node", "n")
    tokens.forget(URL, "dev", "node", "the one before")
    assert tokens.get(URL, "dev", "node") == "n"
    tokens.forget(URL, "dev", "node", "n")
    assert tokens.get(URL, "dev", "node") is None


def test_an_unchanged_token_is_not_written_again(tmp_path: Path) -> None:
    tokens = DeviceTokens(tmp_path / "tokens.json")
    tokens.put(URL, "dev", "node", "n")
    before = tokens.path.stat().st_ino
    tokens.put(URL, "dev", "node", "n")
    assert tokens.path.stat().st_ino == before


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"tokens":[]}', '{"tokens":{"g":7}}', '{"tokens":{"g":{"d":7}}}']
)
def test_a_broken_file_is_named(tmp_path: Path, content: str) -> None:
    tokens = DeviceTokens(tmp_path / "tokens.json")
    tokens.path.write_text(content)
    with pytest.raises(ConfigError, match="delete the file"):
        tokens.get(URL, "dev", "node")
    assert tokens.path.read_text() == content

"""Which gateway, which credential: flags, environment, settings; never a foreign secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from openclaw_core.cli.endpoint import Flags, choose_endpoint
from openclaw_core.cli.failure import CliError
from openclaw_core.config import Settings, load_settings
from openclaw_core.endpoint import is_loopback


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TOKEN", "PASSWORD", "PORT"):
        monkeypatch.delenv(f"OPENCLAW_GATEWAY_{name}", raising=False)
    monkeypatch.delenv("OPENCLAW_CONFIG_PATH", raising=False)


def _settings(state: Path, config: str = "{}") -> Settings:
    (state / "openclaw.json").write_text(config, "utf-8")
    return load_settings(state)


def test_the_local_gateway_with_its_minted_token(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    settings.mint_token()
    end = choose_endpoint(Flags(), settings)
    assert (end.url, end.token, end.needs_identity) == ("ws://127.0.0.1:18789", settings.local_token(), False)


def test_a_flag_keeps_the_configured_secret_out(tmp_path: Path) -> None:
    settings = _settings(tmp_path, "{gateway:{auth:{token:'t',password:'p'}}}")
    end = choose_endpoint(Flags(password="mine"), settings)
    assert (end.token, end.password) == (None, "mine")


def test_a_url_never_gets_the_configured_secret(tmp_path: Path) -> None:
    settings = _settings(tmp_path, "{gateway:{auth:{token:'secret'}}}")
    with pytest.raises(CliError, match=r"no credential for ws://192\.0\.2\.1:18789") as caught:
        choose_endpoint(Flags(url="ws://192.0.2.1:18789"), settings)
    assert caught.value.exit_code == 2
    assert caught.value.steps[-1].endswith("OPENCLAW_GATEWAY_TOKEN=TOKEN")


def test_a_url_takes_the_environments_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENCLAW_GATEWAY_TOKEN", "env")
    end = choose_endpoint(Flags(url="ws://127.0.0.1:1"), _settings(tmp_path, "{gateway:{auth:{token:'c'}}}"))
    assert (end.token, end.needs_identity) == ("env", False)


def test_a_url_without_secret_uses_a_stored_device_token(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    tokens = tmp_path / "identity" / "device-tokens.json"
    tokens.parent.mkdir()
    tokens.write_text("{}", "utf-8")
    end = choose_endpoint(Flags(url="ws://127.0.0.1:1"), settings)
    assert (end.token, end.needs_identity, end.tokens_file) == (None, True, tokens)


@pytest.mark.parametrize(
    ("config", "flags", "expected"),
    [
        ("{gateway:{auth:{token:'t'}}}", Flags(), False),
        ("{}", Flags(), True),  # no secret known: prove the device
        ("{gateway:{auth:{mode:'none'}}}", Flags(token="t"), True),
        ("{}", Flags(url="wss://gateway.example", token="t"), True),
        ("{gateway:{mode:'remote',remote:{url:'ws://192.0.2.1:1',token:'t'}}}", Flags(), True),
    ],
)
def test_when_the_device_is_proven(tmp_path: Path, config: str, flags: Flags, expected: bool) -> None:
    assert choose_endpoint(flags, _settings(tmp_path, config)).needs_identity is expected


def test_a_pin_is_for_the_configured_remote_only(tmp_path: Path) -> None:
    config = "{gateway:{mode:'remote',remote:{url:'wss://a.example',token:'t',tlsFingerprint:'AB'}}}"
    settings = _settings(tmp_path, config)
    assert choose_endpoint(Flags(), settings).tls_fingerprint == "AB"
    assert choose_endpoint(Flags(url="wss://b.example", token="t"), settings).tls_fingerprint is None


@pytest.mark.parametrize(("timeout_ms", "expected"), [(30_000, 10_000), (500, 500), (1, 1)])
def test_reaching_the_gateway_has_its_own_limit(tmp_path: Path, timeout_ms: int, expected: int) -> None:
    end = choose_endpoint(Flags(timeout_ms=timeout_ms), _settings(tmp_path))
    assert end.connect_timeout_ms == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [("ws://127.0.0.1:1", True), ("ws://127.9.9.9", True), ("ws://[::1]:1", True), ("ws://localhost:1", True),
     ("ws://192.0.2.1:1", False), ("ws://localhost.example:1", False), ("nonsense", False)],
)  # fmt: skip
def test_is_loopback(url: str, expected: bool) -> None:
    assert is_loopback(url) is expected

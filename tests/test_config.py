"""Settings: where they come from, what is refused and in which words (PROTOCOL 24)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from openclaw_core.config import Settings, load_settings, write_private_file
from openclaw_core.errors import ConfigError


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OPENCLAW_")]:
        monkeypatch.delenv(name)


def _load(state: Path, text: str | None = None, **overrides: Any) -> Settings:
    if text is not None:
        (state / "openclaw.json").write_text(text, "utf-8")
    return load_settings(state, overrides)


def _refused(state: Path, text: str, **overrides: Any) -> str:
    with pytest.raises(ConfigError) as refused:
        _load(state, text, **overrides)
    return str(refused.value)


JSON5 = """
// what the original writes, and what people add
{
  agents: {defaults: {model: 'x'}},        // another program's
  "channels": {"telegram": {"enabled": true,}},
  gateway: {
    port: 0x4A65, /* 19045 */
    bind: 'lan',
    auth: {mode: "password", password: 'geheim \\u00e9', rateLimit: {maxAttempts: 3, exemptLoopback: false}},
    controlUi: {allowedOrigins: ["https://ui.example"], enabled: true},
    trustedProxies: ["10.0.0.0/8", '::1'],
    handshakeTimeoutMs: 5000,
    nodes: {pairing: {autoApproveLocal: false, sshVerify: true}, commands: {allow: ['a.b'], deny: ['c.d']}},
    tailscale: {mode: "off"}, reload: {mode: "hybrid"},
  },
}
"""


def test_the_file_is_json5_with_the_original_s_keys(tmp_path: Path) -> None:
    gateway = _load(tmp_path, JSON5).gateway
    assert (gateway.port, gateway.bind, gateway.handshake_timeout_ms) == (19_045, "lan", 5_000)
    assert (gateway.auth.mode, gateway.auth.password) == ("password", "geheim é")
    assert (gateway.auth.rate_limit.max_attempts, gateway.auth.rate_limit.exempt_loopback) == (3, False)
    assert gateway.auth.rate_limit.window_ms == 60_000
    assert gateway.control_ui.allowed_origins == ("https://ui.example",)
    assert gateway.trusted_proxies == ("10.0.0.0/8", "::1")
    assert gateway.nodes.pairing.auto_approve_local is False
    assert gateway.nodes.allowed == {"a.b"}
    assert gateway.nodes.denied == {"c.d"}


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    settings = _load(tmp_path)
    assert (settings.gateway.port, settings.bind_host, settings.auth_mode) == (18_789, "127.0.0.1", "token")
    assert settings.config_path == tmp_path / "openclaw.json"
    assert settings.local_token() is None


def test_command_lists_in_both_spellings_add_up(tmp_path: Path) -> None:
    text = (
        "{gateway:{nodes:{allowCommands:['old.a'],denyCommands:['old.d'],commands:{allow:['a'],deny:['d']}}}}"
    )
    nodes = _load(tmp_path, text).gateway.nodes
    assert nodes.allowed == {"a", "old.a"}
    assert nodes.denied == {"d", "old.d"}


@pytest.mark.parametrize(
    ("body", "key", "meant"),
    [
        ("prot: 1", "gateway.prot", "port"),
        ("auth: {tokn: 'x'}", "gateway.auth.tokn", "token"),
        ("auth: {rateLimit: {maxAttempt: 1}}", "gateway.auth.rateLimit.maxAttempt", "maxAttempts"),
        ("remote: {uri: 'ws://x'}", "gateway.remote.uri", "url"),
        ("controlUi: {allowedOrigin: []}", "gateway.controlUi.allowedOrigin", "allowedOrigins"),
        ("nodes: {command: {}}", "gateway.nodes.command", "commands"),
        (
            "nodes: {pairing: {autoAproveLocal: true}}",
            "gateway.nodes.pairing.autoAproveLocal",
            "autoApproveLocal",
        ),
        ("nodes: {commands: {alow: []}}", "gateway.nodes.commands.alow", "allow"),
        # Python's names are not the file's.
        ("trusted_proxies: []", "gateway.trusted_proxies", "trustedProxies"),
        ("auth: {rate_limit: {}}", "gateway.auth.rate_limit", "rateLimit"),
        (
            "auth: {rateLimit: {exempt_loopback: true}}",
            "gateway.auth.rateLimit.exempt_loopback",
            "exemptLoopback",
        ),
        ("nodes: {pairing: {auto_approve_local: false}}", "auto_approve_local", "autoApproveLocal"),
        ("nodes: {allow_commands: ['a']}", "gateway.nodes.allow_commands", "allowCommands"),
    ],
)
def test_a_misspelt_key_is_named_with_the_one_that_was_meant(
    tmp_path: Path, body: str, key: str, meant: str
) -> None:
    said = _refused(tmp_path, f"{{gateway: {{{body}}}}}")
    assert f"{tmp_path / 'openclaw.json'}: unknown key " in said
    assert f"{key}; did you mean {meant!r}?" in said


def test_a_key_like_no_other_lists_the_known_ones(tmp_path: Path) -> None:
    said = _refused(tmp_path, "{gateway: {nodes: {commands: {zzzzzz: 1}}}}")
    assert said.endswith("unknown key gateway.nodes.commands.zzzzzz; known keys: allow, deny")


@pytest.mark.parametrize(
    ("body", "key", "value"),
    [
        ("port: 'eighteen'", "gateway.port", "'eighteen'"),
        ("port: 70000", "gateway.port", "70000"),
        ("bind: 7", "gateway.bind", "7"),
        ("auth: 'token'", "gateway.auth", "'token': must be an object"),
        ("auth: {mode: 'tokn'}", "gateway.auth.mode", "'tokn'"),
        ("auth: {rateLimit: {maxAttempts: 0}}", "gateway.auth.rateLimit.maxAttempts", "0"),
        ("nodes: {commands: {allow: 'a.b'}}", "gateway.nodes.commands.allow", "'a.b'"),
        ("nodes: {commands: {deny: [7]}}", "gateway.nodes.commands.deny.0", "7"),
        (
            "nodes: {pairing: {autoApproveLocal: 'maybe'}}",
            "gateway.nodes.pairing.autoApproveLocal",
            "'maybe'",
        ),
        ("trustedProxies: ['10.0.0.0/33']", "gateway.trustedProxies.0", "10.0.0.0/33"),
        ("trustedProxies: ['proxy.example']", "gateway.trustedProxies.0", "proxy.example"),
        ("mode: 'both'", "gateway.mode", "'both'"),
        ("handshakeTimeoutMs: 0", "gateway.handshakeTimeoutMs", "0"),
    ],
)
def test_a_wrong_value_is_named_with_its_key(tmp_path: Path, body: str, key: str, value: str) -> None:
    said = _refused(tmp_path, f"{{gateway: {{{body}}}}}")
    assert said.startswith(f"{tmp_path / 'openclaw.json'}: {key} is ")
    assert value in said
    assert said.endswith("; correct it, or leave it out for the default")


@pytest.mark.parametrize("key", ["token", "password"])
def test_a_secret_of_the_wrong_type_is_not_printed(tmp_path: Path, key: str) -> None:
    said = _refused(tmp_path, f"{{gateway: {{auth: {{{key}: 8675309}}}}}}")
    assert f"gateway.auth.{key}" in said
    assert "8675309" not in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{gateway: {port: }}", "is not JSON5"),
        ("", "is not JSON5"),
        ("{gateway: []}", '"gateway" must be an object'),
        ("[1]", "must hold an object"),
        ("null", "must hold an object"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    said = _refused(tmp_path, text)
    assert said.startswith(str(tmp_path / "openclaw.json"))
    assert words in said


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "openclaw.json").write_bytes(b"{gateway: {bind: '\xff'}}")
    with pytest.raises(ConfigError, match="it is not UTF-8 text; make it a UTF-8 file"):
        load_settings(tmp_path)
    (tmp_path / "openclaw.json").unlink()
    (tmp_path / "openclaw.json").mkdir()
    with pytest.raises(
        ConfigError, match=r"Is a directory; .* or name another one with OPENCLAW_CONFIG_PATH"
    ):
        load_settings(tmp_path)


# Who wins

FILE = "{gateway: {port: 1001, auth: {token: 'of-file', password: 'pw-file'}, handshakeTimeoutMs: 1}}"


def test_the_environment_beats_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "GATEWAY_PORT": "1002",
        "GATEWAY_TOKEN": "of-environment",
        "GATEWAY_PASSWORD": "pw-environment",
        "HANDSHAKE_TIMEOUT_MS": "2",
        "MAX_PREAUTH_CONNECTIONS_PER_IP": "3",
    }.items():
        monkeypatch.setenv(f"OPENCLAW_{name}", value)
    settings = _load(tmp_path, FILE)
    gateway = settings.gateway
    assert (gateway.port, gateway.handshake_timeout_ms) == (1002, 2)
    assert (gateway.auth.token, gateway.auth.password) == ("of-environment", "pw-environment")
    assert settings.environment.max_preauth_connections_per_ip == 3


def test_flags_beat_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENCLAW_GATEWAY_PORT", "1002")
    monkeypatch.setenv("OPENCLAW_GATEWAY_TOKEN", "of-environment")
    settings = _load(tmp_path, FILE, **{"port": 1003, "auth.token": "of-flag", "auth.password": None})
    assert (settings.gateway.port, settings.local_token()) == (1003, "of-flag")
    assert settings.local_password() == "pw-file"


def test_an_empty_variable_is_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GATEWAY_PORT", "GATEWAY_TOKEN", "CONFIG_PATH", "STATE_DIR"):
        monkeypatch.setenv(f"OPENCLAW_{name}", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".openclaw").mkdir()
    (tmp_path / ".openclaw" / "openclaw.json").write_text(FILE)
    settings = load_settings()
    assert (settings.state_dir, settings.gateway.port) == (tmp_path / ".openclaw", 1001)
    assert settings.local_token() == "of-file"


def test_the_paths_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "conf" / "my.json5"
    elsewhere.parent.mkdir()
    elsewhere.write_text("{gateway: {port: 7}}")
    monkeypatch.setenv("OPENCLAW_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("OPENCLAW_CONFIG_PATH", str(elsewhere))
    settings = load_settings()
    assert (settings.state_dir, settings.config_path) == (tmp_path / "state", elsewhere)
    assert settings.gateway.port == 7
    assert settings.token_file == tmp_path / "state" / "gateway-token"


@pytest.mark.parametrize(
    ("name", "value"),
    [("GATEWAY_PORT", "abc"), ("GATEWAY_PORT", "70000"), ("HANDSHAKE_TIMEOUT_MS", "0")],
)
def test_a_bad_variable_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"OPENCLAW_{name}", value)
    with pytest.raises(ConfigError, match=f"^environment variable OPENCLAW_{name} is '{value}': "):
        load_settings(tmp_path)


def test_a_bad_flag_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    assert _refused(tmp_path, FILE, port=70_000).startswith("command line: gateway.port is 70000")


def test_a_flag_below_a_key_that_is_no_object_is_refused(tmp_path: Path) -> None:
    said = _refused(tmp_path, "{gateway: {auth: 'token'}}", **{"auth.token": "x"})
    assert said == "gateway.auth.token: 'auth' must be an object in openclaw.json"


# What clients read


def test_a_remote_gateway_is_where_clients_go(tmp_path: Path) -> None:
    text = (
        "{gateway: {mode: 'remote', remote: {url: 'wss://far.example', token: 'far', password: 'fp'},"
        " auth: {token: 'near', password: 'np'}}}"
    )
    settings = _load(tmp_path, text)
    assert settings.local_url() == "wss://far.example"
    assert (settings.local_token(), settings.local_password()) == ("far", "fp")
    local = _load(tmp_path, text.replace("'remote',", "'local',"))
    assert local.local_url() == "ws://127.0.0.1:18789"
    assert (local.local_token(), local.local_password()) == ("near", "np")


@pytest.mark.parametrize(
    ("bind", "host", "loopback_only", "url"),
    [
        ("loopback", "127.0.0.1", True, "ws://127.0.0.1:18789"),
        ("lan", "0.0.0.0", False, "ws://127.0.0.1:18789"),
        ("auto", "0.0.0.0", False, "ws://127.0.0.1:18789"),
        ("::1", "::1", True, "ws://[::1]:18789"),
        ("127.0.0.2", "127.0.0.2", True, "ws://127.0.0.2:18789"),
        ("localhost", "localhost", True, "ws://localhost:18789"),
        ("192.0.2.7", "192.0.2.7", False, "ws://192.0.2.7:18789"),
    ],
)
def test_where_to_listen_and_where_to_call(
    tmp_path: Path, bind: str, host: str, loopback_only: bool, url: str
) -> None:
    settings = _load(tmp_path, bind=bind)
    assert (settings.bind_host, settings.binds_loopback_only) == (host, loopback_only)
    assert settings.local_url() == url


@pytest.mark.parametrize(
    ("auth", "mode"),
    [
        ("{}", "token"),
        ("{token: 't'}", "token"),
        ("{password: 'p'}", "password"),
        ("{token: 't', password: 'p'}", "token"),
        ("{token: 't', mode: 'none'}", "none"),
    ],
)
def test_the_mode_follows_what_is_set(tmp_path: Path, auth: str, mode: str) -> None:
    assert _load(tmp_path, f"{{gateway: {{auth: {auth}}}}}").auth_mode == mode


# Private files


def test_a_token_is_minted_once(tmp_path: Path) -> None:
    settings = _load(tmp_path / "new")
    token, minted = settings.mint_token()
    assert (minted, len(token) >= 32) == (True, True)
    assert settings.mint_token() == (token, False)
    assert _load(tmp_path / "new").local_token() == token
    assert settings.token_file.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_a_private_file_replaces_a_readable_one_whole(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"old and longer")
    file.chmod(0o644)
    write_private_file(file, b"new")
    assert file.read_bytes() == b"new"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_a_failed_write_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    write_private_file(file, b"old")

    def fail(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_private_file(file, b"new")
    assert file.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]

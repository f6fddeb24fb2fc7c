"""exec-approvals.json: versions, refusals, defaults, and what is recorded."""

from __future__ import annotations

import json
import os
import stat
from typing import Any

import pytest
from openclaw_host_commands.models import SetApprovalsParams
from openclaw_host_commands.node.allowlist import Rule
from openclaw_host_commands.node.approvals import (
    allow_always,
    policy_path,
    read_policy,
    read_snapshot,
    replace_policy,
)

from openclaw_core import CommandError


def save(node: Any, file: dict[str, Any], base_hash: str | None = None) -> Any:
    return replace_policy(node.state_dir, SetApprovalsParams(file=file, base_hash=base_hash))


def refusal(node: Any, file: Any, base_hash: str | None = None) -> str:
    with pytest.raises(CommandError) as caught:
        save(node, file, base_hash)
    assert caught.value.code == "INVALID_REQUEST"
    return caught.value.message


def test_a_fresh_node_has_the_original_default(node: Any) -> None:
    policy = read_policy(node.state_dir)
    assert policy.snapshot().model_dump(mode="json") == {
        "security": "full",
        "ask": "off",
        "askFallback": "deny",
        "autoAllowSkills": False,
        "allowlistRules": [],
    }
    snapshot = read_snapshot(node.state_dir)
    assert (snapshot.exists, snapshot.file) == (False, {"version": 1, "defaults": {}, "agents": {}})


def test_first_save_needs_no_hash_and_is_private(node: Any) -> None:
    saved = save(node, {"version": 1, "defaults": {"security": "deny"}})
    path = policy_path(node.state_dir)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert saved == read_snapshot(node.state_dir)
    assert saved.exists
    assert os.listdir(node.state_dir) == [path.name]


def test_a_change_needs_the_present_hash(node: Any) -> None:
    first = save(node, {"version": 1}, read_snapshot(node.state_dir).hash)
    assert refusal(node, {"version": 1}) == "exec approvals base hash required; reload and retry"
    second = save(node, {"version": 1, "defaults": {"ask": "always"}}, first.hash)
    assert refusal(node, {"version": 1}, first.hash) == "exec approvals changed; reload and retry"
    assert read_snapshot(node.state_dir) == second


def test_a_stale_hash_is_refused_on_a_fresh_node(node: Any) -> None:
    assert refusal(node, {"version": 1}, "0" * 64) == "exec approvals changed; reload and retry"
    assert not policy_path(node.state_dir).exists()


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ({"version": 2}, "version 1"),
        (
            {"version": 1, "defaults": {"security": "wild"}},
            "defaults.security is 'wild'; use one of deny, allow",
        ),
        ({"version": 1, "defaults": {"ask": "never"}}, "defaults.ask is 'never'"),
        ({"version": 1, "agents": {"m": {"askFallback": 1}}}, "agents.m.askFallback is 1"),
        ({"version": 1, "agents": []}, "agents must be an object"),
        ({"version": 1, "defaults": 3}, "defaults must be an object"),
        ({"version": 1, "agents": {"m": {"allowlist": [{}]}}}, "agents.m.allowlist[0].pattern must be"),
        ({"version": 1, "agents": {"m": {"allowlist": [{"pattern": "x", "argPattern": "("}]}}}, "no regular"),
    ],
)
def test_a_wrong_file_is_refused_by_field(node: Any, file: Any, text: str) -> None:
    assert text in refusal(node, file)
    assert not policy_path(node.state_dir).exists()


def test_native_rules_are_refused(node: Any) -> None:
    with pytest.raises(CommandError, match="file required"):
        replace_policy(node.state_dir, SetApprovalsParams(native={"rules": []}, base_hash="x"))


@pytest.mark.parametrize("text", ["{", "[]", '{"version":1,"defaults":{"security":"Full"}}'])
def test_an_unreadable_file_denies_everything(node: Any, text: str) -> None:
    node.state_dir.mkdir()
    policy_path(node.state_dir).write_text(text)
    policy = read_policy(node.state_dir)
    assert policy.security == "deny"
    assert policy.fault is not None
    with pytest.raises(CommandError, match="exec approvals: "):
        read_snapshot(node.state_dir)


def test_socket_tokens_are_never_returned(node: Any) -> None:
    saved = save(node, {"version": 1, "socket": {"path": "/s", "token": "secret"}})
    assert saved.file is not None
    assert saved.file["socket"] == {"path": "/s"}


def test_agents_override_star_overrides_defaults(node: Any) -> None:
    save(
        node,
        {
            "version": 1,
            "defaults": {"security": "deny", "ask": "always", "askFallback": "full"},
            "agents": {
                "*": {"security": "allowlist", "allowlist": [{"pattern": "no-such-a"}]},
                "main": {"ask": "off", "allowlist": [{"pattern": "no-such-b", "argPattern": "x"}]},
            },
        },
    )
    policy = read_policy(node.state_dir)
    assert (policy.security, policy.ask, policy.ask_fallback) == ("allowlist", "off", "full")
    assert policy.rules == (Rule("no-such-b", "x"), Rule("no-such-a"))
    assert read_policy(node.state_dir, "other").ask == "always"


def test_saving_records_where_a_program_really_is(node: Any) -> None:
    entries = [{"pattern": "sh"}, {"pattern": "/bin/*"}, {"pattern": "sh", "lastResolvedPath": "/kept"}]
    saved = save(node, {"version": 1, "agents": {"*": {"allowlist": entries}}})
    assert saved.file is not None
    name, glob, kept = saved.file["agents"]["*"]["allowlist"]
    assert name["lastResolvedPath"] == os.path.realpath("/bin/sh")
    assert "lastResolvedPath" not in glob
    assert kept["lastResolvedPath"] == "/kept"
    assert all(entry["id"] for entry in (name, glob, kept))


def test_allow_always_adds_once(node: Any) -> None:
    entry = {"pattern": "/bin/echo", "argPattern": "hi"}
    allow_always(node.state_dir, None, [entry])
    allow_always(node.state_dir, None, [entry])
    file = json.loads(policy_path(node.state_dir).read_text())
    (added,) = file["agents"]["main"]["allowlist"]
    assert added["source"] == "allow-always"

"""The exec policy of a node: a JSON file beside the node's other state (PROTOCOL 19.3).

Without a file the policy is the original host's: security `full`, ask `off`, askFallback
`deny`, autoAllowSkills false (observed on a fresh 2026.9.6 node host). That is usable at once
and rests on one decision, which the gateway made an administrator take: the approval of a
node surface that contains `system.run`. Who wants less writes a policy:

    {"version": 1, "defaults": {"security": "allowlist", "ask": "on-miss"},
     "agents": {"*": {"allowlist": [{"pattern": "/usr/bin/git"}]}}}

A setting is looked up in `agents[<agent>]`, then `agents["*"]`, then `defaults`; allowlists of
the first two add up. A run without agent belongs to agent `main`. A file that cannot be read
as a policy denies everything: a typing error must not open the machine.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from openclaw_core import CommandError
from openclaw_host_commands.models import ApprovalsSnapshot, PolicySnapshot, SetApprovalsParams
from openclaw_host_commands.node.allowlist import Rule
from openclaw_host_commands.node.executable import find_executable

__all__ = [
    "FILE_NAME",
    "Policy",
    "allow_always",
    "policy_path",
    "read_policy",
    "read_snapshot",
    "replace_policy",
]

FILE_NAME = "exec-approvals.json"
DEFAULT_AGENT = "main"

Json = dict[str, Any]

WORDS: dict[str, tuple[str, ...]] = {
    "security": ("deny", "allowlist", "full"),
    "ask": ("off", "on-miss", "always"),
    "askFallback": ("deny", "allowlist", "full"),
}
DEFAULTS: Json = {"security": "full", "ask": "off", "askFallback": "deny", "autoAllowSkills": False}


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for one agent; `fault` says why an unreadable file denies everything."""

    security: Literal["deny", "allowlist", "full"]
    ask: Literal["off", "on-miss", "always"]
    ask_fallback: Literal["deny", "allowlist", "full"]
    auto_allow_skills: bool
    rules: tuple[Rule, ...]
    fault: str | None = None

    def snapshot(self) -> PolicySnapshot:
        """The policy as a plan records it (19.1)."""
        rules = [
            {"pattern": rule.pattern} | ({"argPattern": rule.arg_pattern} if rule.arg_pattern else {})
            for rule in self.rules
        ]
        return PolicySnapshot(
            security=self.security,
            ask=self.ask,
            ask_fallback=self.ask_fallback,
            auto_allow_skills=self.auto_allow_skills,
            allowlist_rules=rules,
        )


def policy_path(state_dir: Path) -> Path:
    """Where the policy of the node with this state directory lives."""
    return state_dir / FILE_NAME


def read_policy(state_dir: Path, agent_id: str | None = None) -> Policy:
    """The policy for an agent, read anew for every run so that edits hold at once."""
    raw = _read(policy_path(state_dir))
    try:
        file = _parse(raw) if raw is not None else empty_file()
    except CommandError as error:
        return Policy("deny", "always", "deny", False, (), fault=error.message)
    agents = file["agents"]
    layers = [agents.get(agent_id or DEFAULT_AGENT, {}), agents.get("*", {}), file["defaults"], DEFAULTS]
    settings = {key: next(layer[key] for layer in layers if key in layer) for key in DEFAULTS}
    entries = [entry for layer in layers[:2] for entry in layer.get("allowlist", ())]
    rules = tuple(Rule(e["pattern"], e.get("argPattern"), e.get("lastResolvedPath")) for e in entries)
    return Policy(
        settings["security"], settings["ask"], settings["askFallback"], settings["autoAllowSkills"], rules
    )


def empty_file() -> Json:
    """What `get` shows while there is no file."""
    return {"version": 1, "defaults": {}, "agents": {}}


def read_snapshot(state_dir: Path) -> ApprovalsSnapshot:
    """The file with its hash; socket tokens left out.

    Raises:
        CommandError: `INVALID_REQUEST`, the file is not a policy.
    """
    path = policy_path(state_dir)
    raw = _read(path)
    file = _parse(raw) if raw is not None else empty_file()
    return ApprovalsSnapshot(path=str(path), exists=raw is not None, file=file, hash=_hash(raw))


def replace_policy(state_dir: Path, args: SetApprovalsParams) -> ApprovalsSnapshot:
    """Write a new policy if the caller saw the present one.

    Raises:
        CommandError: `INVALID_REQUEST`: no or stale `baseHash`, or the file is not a policy.
    """
    if args.file is None:
        raise CommandError("INVALID_REQUEST", "file required: this node keeps a policy file, no native rules")
    raw = _read(policy_path(state_dir))
    if raw is not None and not args.base_hash:
        raise CommandError("INVALID_REQUEST", "exec approvals base hash required; reload and retry")
    if args.base_hash and args.base_hash != _hash(raw):
        raise CommandError("INVALID_REQUEST", "exec approvals changed; reload and retry")
    file = _checked(args.file)
    for agent in file["agents"].values():
        agent["allowlist"] = [_completed(entry) for entry in agent.get("allowlist", ())]
    _write(policy_path(state_dir), file)
    return read_snapshot(state_dir)


def allow_always(state_dir: Path, agent_id: str | None, entries: list[Json]) -> None:
    """Add entries to an agent's allowlist, those it has already excepted."""
    raw = _read(policy_path(state_dir))
    file = _parse(raw) if raw is not None else empty_file()
    allowlist = file["agents"].setdefault(agent_id or DEFAULT_AGENT, {}).setdefault("allowlist", [])
    known = {(entry["pattern"], entry.get("argPattern")) for entry in allowlist}
    fresh = [entry for entry in entries if (entry["pattern"], entry.get("argPattern")) not in known]
    if fresh:
        allowlist.extend(_completed({**entry, "source": "allow-always"}) for entry in fresh)
        _write(policy_path(state_dir), file)


def _completed(entry: Json) -> Json:
    """An entry with an id, and with the real path it means today if none is recorded."""
    done = {"id": str(uuid.uuid4()), **entry}
    if "lastResolvedPath" not in done:
        program = find_executable(os.path.expanduser(done["pattern"]), "/", os.environ)
        if program is not None:
            done["lastResolvedPath"] = program.real
    return done


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _hash(raw: bytes | None) -> str:
    return hashlib.sha256(raw or b"").hexdigest()


def _parse(raw: bytes) -> Json:
    try:
        data = json.loads(raw)
    except ValueError as error:
        raise _fault(f"the file is not JSON ({error}); repair or delete it on the node") from error
    return _checked(data)


def _fault(text: str) -> CommandError:
    return CommandError("INVALID_REQUEST", f"exec approvals: {text}")


def _checked(data: Any) -> Json:
    """A deep copy of a policy with `defaults` and `agents` present and no socket token."""
    if not isinstance(data, dict) or data.get("version") != 1:
        raise _fault("the file must be an object with version 1")
    file: Json = json.loads(json.dumps({"defaults": {}, "agents": {}, **data}))
    if isinstance(file.get("socket"), dict):
        file["socket"].pop("token", None)
    _check_settings("defaults", file["defaults"])
    if not isinstance(file["agents"], dict):
        raise _fault("agents must be an object")
    for name, agent in file["agents"].items():
        _check_settings(f"agents.{name}", agent)
        _check_allowlist(f"agents.{name}.allowlist", agent.get("allowlist", []))
    return {"version": 1, **{key: value for key, value in file.items() if key != "version"}}


def _check_settings(where: str, settings: Any) -> None:
    if not isinstance(settings, dict):
        raise _fault(f"{where} must be an object")
    for key, words in WORDS.items():
        if key in settings and settings[key] not in words:
            raise _fault(f"{where}.{key} is {settings[key]!r}; use one of {', '.join(words)}")
    if not isinstance(settings.get("autoAllowSkills", False), bool):
        raise _fault(f"{where}.autoAllowSkills must be true or false")


def _check_allowlist(where: str, entries: Any) -> None:
    if not isinstance(entries, list):
        raise _fault(f"{where} must be a list")
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get("pattern"), str) or not entry["pattern"]:
            raise _fault(f"{where}[{index}].pattern must be a non-empty text")
        for key in ("argPattern", "lastResolvedPath"):
            if not isinstance(entry.get(key, ""), str):
                raise _fault(f"{where}[{index}].{key} must be a text")
        try:
            re.compile(entry.get("argPattern", ""))
        except re.error as error:
            raise _fault(f"{where}[{index}].argPattern is no regular expression: {error}") from error


def _write(path: Path, file: Json) -> None:
    """Replace the file whole, readable by its user only."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{FILE_NAME}.")  # made with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(file, stream, indent=2, ensure_ascii=False)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise

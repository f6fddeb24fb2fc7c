"""May this command run now? Policy, allowlist and approval weighed, without side effects (PROTOCOL 19.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from openclaw_host_commands.models import RunParams
from openclaw_host_commands.node.allowlist import look_through, match
from openclaw_host_commands.node.approvals import Policy
from openclaw_host_commands.node.executable import Executable

__all__ = ["Denial", "decide"]

GRANTS = ("allow-once", "allow-always")
_RANK = {"deny": 0, "allowlist": 1, "full": 2}


@dataclass(frozen=True, slots=True)
class Denial:
    """`reason` is the word of `exec.denied` (12.5); `message` goes to the caller."""

    reason: str
    message: str


def decide(
    args: RunParams, policy: Policy, program: Executable | None, cwd: str, env: Mapping[str, str]
) -> Denial | None:
    """None when it may run. `program` None (there is no such file) matches no allowlist."""
    if policy.security == "deny":
        fault = f" ({policy.fault})" if policy.fault else ""
        return Denial("security=deny", f"SYSTEM_RUN_DISABLED: security=deny{fault}")
    if args.approved and args.approval_decision in GRANTS:
        return None
    required = Denial("approval-required", "approval required")
    security: str = policy.security
    if args.approval_source == "ask-fallback":
        security = min(security, policy.ask_fallback, key=lambda word: _RANK[word])
        if security == "deny":
            return required
    elif policy.ask == "always":
        return required
    if security == "full" or _allowed(args.command, policy, program, cwd, env):
        return None
    if policy.ask == "on-miss" and args.approval_source is None:
        return required
    return Denial("allowlist-miss", "allowlist miss")


def _allowed(
    argv: Sequence[str], policy: Policy, program: Executable | None, cwd: str, env: Mapping[str, str]
) -> bool:
    if program is None:
        return False
    if match(argv, program, policy.rules):
        return True
    words, inner = look_through(argv, program, cwd, env)
    return inner is not program and match(words, inner, policy.rules)

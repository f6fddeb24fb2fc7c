"""Which node commands may be declared, approved and invoked (PROTOCOL 8.1, 8.3, 9)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from openclaw_core.auth import scopes
from openclaw_core.commands import CommandTable, Platform
from openclaw_core.errors import InvalidRequestError

__all__ = ["CommandPolicy", "Declared", "Refusal", "to_error"]

_NOT_ALLOWED = "node command not allowed"
_NOT_ALLOWLISTED = "command not allowlisted"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a command is refused (9.4).

    Attributes:
        reason: `details.reason`, None for commands that are private to their family.
        message: one sentence for a person.
    """

    reason: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Declared:
    """What is left of a node's requested commands.

    Attributes:
        commands: the declared set of 8.1.
        withheld: command → why it was dropped.
        idle_caps: capability names that have lost all their commands.
    """

    commands: frozenset[str]
    withheld: dict[str, str] = field(default_factory=dict)
    idle_caps: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CommandPolicy:
    """The gateway's lists over the commands of the loaded families.

    Attributes:
        table: command name → its facts.
        allow: `gateway.nodes.commands.allow`, exact names.
        deny: `gateway.nodes.commands.deny`, exact names; beats everything.
    """

    table: CommandTable
    allow: frozenset[str] = frozenset()
    deny: frozenset[str] = frozenset()

    def permits(self, command: str, platform: Platform) -> bool:
        """True when neither list, danger nor platform speaks against the command."""
        if command in self.deny:
            return False
        if command in self.allow:
            return True
        known = self.table.get(command)
        return known is not None and not known.dangerous and platform in known.platforms

    def refuse(
        self, command: str, platform: Platform, platform_text: str, *, within_family: bool = False
    ) -> Refusal | None:
        """Why the command may not be invoked, or None.

        Args:
            platform: as `resolve_platform` found.
            platform_text: what the node called itself, for the message.
            within_family: a method of the family that owns the command asks; only then
                are `private` commands not refused.
        """
        if not within_family:
            private = self.refuse_private(command)
            if private is not None:
                return private
        if self.permits(command, platform):
            return None
        return Refusal(_NOT_ALLOWLISTED, self._why(command, platform_text))

    def refuse_private(self, command: str) -> Refusal | None:
        """The refusal that does not depend on a node, for the early check of 11.1."""
        known = self.table.get(command)
        return None if known is None or known.private is None else Refusal(None, known.private)

    def _why(self, command: str, platform_text: str) -> str:
        known = self.table.get(command)
        if command in self.deny:
            why = "is blocked by gateway.nodes.commands.deny"
        elif known is not None and known.dangerous:
            why = "requires explicit gateway.nodes.commands.allow opt-in"
        else:
            why = f'is not in the allowlist for platform "{platform_text}"'
        return f'{_NOT_ALLOWED}: "{command}" {why}'

    def declare(
        self, requested: Iterable[str], platform: Platform, platform_text: str | None = None
    ) -> Declared:
        """The declared set: requested commands that the policy would permit (8.1).

        Private commands stay: a person approves them like any other.
        """
        kept: set[str] = set()
        withheld: dict[str, str] = {}
        for command in requested:
            if self.permits(command, platform):
                kept.add(command)
            else:
                withheld[command] = self._why(command, platform_text or platform)
        return Declared(frozenset(kept), withheld, self.table.idle_caps(kept, withheld))

    def effective(
        self, declared: Iterable[str], approved: Iterable[str], platform: Platform
    ) -> frozenset[str]:
        """Declared, approved and still permitted.

        It holds private commands too, since the surface shows them; `refuse` keeps them
        from plain `node.invoke`.
        """
        both = frozenset(declared) & frozenset(approved)
        return frozenset(command for command in both if self.permits(command, platform))

    def explain_missing(self, command: str, declared_by_node: frozenset[str], platform_text: str) -> Refusal:
        """The refusal of a permitted command that the node does not offer."""
        if not declared_by_node:
            return Refusal(
                "node did not declare commands",
                f"{_NOT_ALLOWED}: the node did not declare any supported commands",
            )
        return Refusal(
            "command not declared by node",
            f'{_NOT_ALLOWED}: the node (platform: {platform_text}) does not support "{command}"',
        )

    def required_approve_scopes(self, commands: Iterable[str]) -> tuple[str, ...]:
        """Scopes that approving a surface with these commands takes (8.3).

        A command no family knows counts as ordinary.
        """
        names = frozenset(commands)
        if not names:
            return (scopes.PAIRING,)
        known = (self.table.get(name) for name in names)
        needs_admin = any(item is not None and item.admin_approval for item in known)
        return (scopes.PAIRING, scopes.ADMIN if needs_admin else scopes.WRITE)

    def invoke_scopes(self, command: str) -> tuple[str, ...]:
        """Scopes that invoking the command takes (11.1)."""
        known = self.table.get(command)
        return (scopes.ADMIN if known is not None and known.admin_invoke else scopes.WRITE,)


def to_error(refusal: Refusal, command: str) -> InvalidRequestError:
    """The refusal as `node.invoke` answers it: details `{reason?, command}`."""
    details = {"command": command}
    if refusal.reason is not None:
        details = {"reason": refusal.reason, **details}
    return InvalidRequestError(refusal.message, details)

"""What this node offers: the commands and capability names of its families (PROTOCOL 8.1)."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from openclaw_core.commands import Command, Family
from openclaw_core.errors import ConfigError

__all__ = ["Surface", "offered_surface"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Surface:
    """Commands by name, and capability names, as declared at connect."""

    commands: Mapping[str, Command]
    caps: tuple[str, ...]


def offered_surface(
    families: Iterable[Family], only: Collection[str] | None = None, *, all_named: bool = True
) -> Surface:
    """Everything that runs on this machine, or of that the commands named in `only`.

    A family whose `available()` gives a reason is left out, and the reason is logged.

    Args:
        all_named: every command in `only` has to be there; a running node takes what is left.

    Raises:
        ConfigError: `only` names a command that this machine does not have.
    """
    commands: dict[str, Command] = {}
    caps: set[str] = set()
    for family in families:
        reason = family.available()
        if reason is not None:
            _log.warning("family %s is not offered: %s", family.name, reason)
            continue
        own = {
            item.name: item
            for item in family.commands
            if item.handler is not None and (only is None or item.name in only)
        }
        commands |= own
        if own:
            caps.update(family.caps)
    missing = sorted(set(only or ()) - set(commands))
    if missing and all_named:
        known = ", ".join(sorted(commands)) or "none"
        raise ConfigError(
            f"--commands names {', '.join(missing)}, which this machine does not offer; of those "
            f"named it offers: {known}; `openclaw plugins list` shows the installed families"
        )
    return Surface(dict(sorted(commands.items())), tuple(sorted(caps)))

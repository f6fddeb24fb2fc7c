"""What this node offers: the commands and capability names of its families (PROTOCOL 8.1)."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from openclaw_core.commands import Command, Family, Probe
from openclaw_core.discovery import environment_stamp
from openclaw_core.errors import ConfigError
from openclaw_core.family_settings import FamilySettings
from openclaw_core.plugins import Plugins

__all__ = ["Machine", "Surface", "offered_surface", "probe_family"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Surface:
    """What the node declares at connect, and what it does not.

    Attributes:
        commands: by name; caps, permissions: as declared.
        families: those that offer something; `settings` theirs, by name.
        withheld: command name → why it does not work on this machine.
    """

    commands: Mapping[str, Command]
    caps: tuple[str, ...]
    permissions: Mapping[str, bool] = field(default_factory=dict)
    families: tuple[Family, ...] = field(default=(), compare=False)
    settings: Mapping[str, Any] = field(default_factory=dict, compare=False)
    withheld: Mapping[str, str] = field(default_factory=dict, compare=False)


class Machine:
    """This machine as its families see it: which are installed, their settings, what works now.

    Args:
        plugins: reloaded when pip installs or removes something.
        only: names of the commands to offer; None for all.
    """

    def __init__(
        self, plugins: Plugins, settings: FamilySettings, only: Collection[str] | None = None
    ) -> None:
        self.plugins = plugins
        self._settings = settings
        self._only = only
        self._environment = environment_stamp()

    def look(self, *, all_named: bool = False) -> Surface:
        """Probe every family and give what can be offered.

        Raises:
            ConfigError: with `all_named`, a command that was asked for does not work here.
        """
        stamp = environment_stamp()
        if stamp != self._environment:
            self._environment = stamp
            self.plugins.reload()
        settings: dict[str, Any] = {}
        faults: dict[str, str] = {}
        for family in self.plugins.families:
            try:
                settings[family.name] = self._settings.of(family.name, family.config)
            except ConfigError as error:
                faults[family.name] = str(error)
        return offered_surface(
            self.plugins.families, self._only, all_named=all_named, settings=settings, faults=faults
        )


def probe_family(family: Family, config: Any) -> Probe:
    """What works of a family on this machine; a probe that raises offers nothing."""
    try:
        probe = family.probe(config)
    except Exception as error:
        _log.exception("the probe of family %s raised", family.name)
        return Probe(unavailable=f"its probe failed with {type(error).__name__}: {error}")
    if not isinstance(probe, Probe):
        return Probe(unavailable=f"its probe gave {probe!r} instead of a Probe; upgrade its package")
    return probe


def offered_surface(
    families: Iterable[Family],
    only: Collection[str] | None = None,
    *,
    all_named: bool = True,
    settings: Mapping[str, Any] | None = None,
    faults: Mapping[str, str] | None = None,
) -> Surface:
    """Everything that works on this machine, or of that the commands named in `only`.

    Runs every family's probe, which may take a moment: call it off the event loop.

    Args:
        all_named: every command in `only` has to be there; a running node takes what is left.
        settings: family name → its settings; `faults`: why a family's settings are unusable.

    Raises:
        ConfigError: `only` names a command that this machine does not have.
    """
    commands: dict[str, Command] = {}
    caps: set[str] = set()
    permissions: dict[str, bool] = {}
    withheld: dict[str, str] = {}
    offering: list[Family] = []
    for family in families:
        fault = (faults or {}).get(family.name)
        config = (settings or {}).get(family.name)
        probe = Probe(unavailable=fault) if fault is not None else probe_family(family, config)
        named, why = _sort_out(family, probe, only)
        withheld |= why
        commands |= named
        if named:
            caps.update(family.caps)
            permissions |= probe.permissions
            offering.append(family)
    missing = sorted(set(only or ()) - set(commands))
    if missing and all_named:
        raise ConfigError(_explain_missing(missing, withheld, commands))
    return Surface(
        dict(sorted(commands.items())),
        tuple(sorted(caps)),
        permissions,
        tuple(offering),
        dict(settings or {}),
        withheld,
    )


def _sort_out(
    family: Family, probe: Probe, only: Collection[str] | None
) -> tuple[dict[str, Command], dict[str, str]]:
    """The family's commands that are offered, and why of those that do not work here."""
    runs = {item.name: item for item in family.commands if item.handler is not None}
    refused = dict.fromkeys(runs, probe.unavailable) if probe.unavailable else dict(probe.withheld)
    why = {name: text for name, text in refused.items() if name in runs and text}
    named = {
        name: item for name, item in runs.items() if name not in refused and (only is None or name in only)
    }
    return named, why


def _explain_missing(missing: list[str], withheld: Mapping[str, str], commands: Collection[str]) -> str:
    known = ", ".join(sorted(commands)) or "none"
    reasons = "".join(f"; {name}: {withheld[name]}" for name in missing if name in withheld)
    return (
        f"--commands names {', '.join(missing)}, which this machine does not offer; of those "
        f"named it offers: {known}{reasons}; `openclaw node doctor` shows every command and why"
    )

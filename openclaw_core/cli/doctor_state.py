"""Doctor's checks of what lies on this machine: files, clock, database, audit trail."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, func, inspect, select

from openclaw_core.cli.failure import CliError
from openclaw_core.cli.findings import Finding, fail, ok, warn
from openclaw_core.cli.trail import verify_trail
from openclaw_core.config import Settings
from openclaw_core.database_url import hide_password
from openclaw_core.errors import OpenClawError
from openclaw_core.services.tokens import load_token_key
from openclaw_core.store.base import table_of
from openclaw_core.store.inspection import age_of_schema, describe, find_damage
from openclaw_core.store.models import AuditEvent
from openclaw_core.store.offline import read_database

__all__ = ["check_clock", "check_database", "check_keys", "check_permissions", "check_trail"]

_PRIVATE = ("openclaw.sqlite*", "openclaw.json", "gateway-*", "identity/*", "tls/*", "node-*", "*.json")
# No gateway of this project is older; a clock before it makes every proof of a device stale.
_EARLIEST_MS = 1_767_225_600_000
_CLOCK_SLACK_MS = 60_000
_START = "openclaw gateway run"
_RESTORE = "openclaw backup restore FILE --force"


def check_permissions(state_dir: Path, *, fix: bool) -> list[Finding]:
    """The state directory 0700, what is in it that holds secrets 0600; `fix` makes it so."""
    if not state_dir.is_dir():
        return [warn("state", f"{state_dir} does not exist yet", f"start a gateway once: {_START}")]
    if sys.platform == "win32":
        return [ok("permissions", f"{state_dir}: Windows keeps a user's profile private")]
    wrong = list(_open_to_others(state_dir))
    for path, wanted in wrong if fix else ():
        path.chmod(wanted)
    if not wrong:
        return [ok("permissions", f"{state_dir} and its secrets are readable for their owner only")]
    if fix:
        return [ok("permissions", f"made private: {', '.join(str(path) for path, _ in wrong)}")]
    return [
        fail("permissions", f"{path} is open to others ({_mode(path):o})", "openclaw doctor --fix")
        for path, _ in wrong
    ]


def _open_to_others(state_dir: Path) -> Iterator[tuple[Path, int]]:
    folders = [state_dir, *(path for name in ("identity", "tls") if (path := state_dir / name).is_dir())]
    files = {path for pattern in _PRIVATE for path in state_dir.glob(pattern) if path.is_file()}
    for path, wanted in [*((path, 0o700) for path in folders), *((path, 0o600) for path in sorted(files))]:
        if _mode(path) & 0o077:
            yield path, wanted


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def check_clock(settings: Settings, now_ms: int) -> list[Finding]:
    """Is this machine's clock plausible, also against the newest entry of the trail?"""
    cure = "set the clock, e.g.: sudo timedatectl set-ntp true"
    if now_ms < _EARLIEST_MS:
        return [fail("clock", "the clock is years behind: every proof of a device looks expired", cure)]
    try:
        newest = read_database(settings.database_url, _newest_entry)
    except OpenClawError:
        newest = None  # the database has its own findings
    if newest is not None and newest > now_ms + _CLOCK_SLACK_MS:
        ahead = (newest - now_ms) // 1000
        return [
            warn("clock", f"the newest audit entry lies {ahead} s in the future: the clock went back", cure)
        ]
    return [ok("clock", "plausible")]


def _newest_entry(connection: Connection) -> int | None:
    if not inspect(connection).has_table("audit_event"):
        return None
    newest: int | None = connection.execute(select(func.max(table_of(AuditEvent).columns.ts_ms))).scalar()
    return newest


def check_keys(state_dir: Path) -> list[Finding]:
    """The key of the device tokens: without it every device must be paired again."""
    path = state_dir / "gateway-token-key"
    if not path.exists():
        return []
    try:
        load_token_key(path)
    except OpenClawError as error:
        return [fail("keys", str(error), _RESTORE)]
    return [ok("keys", "the key of the device tokens is whole")]


def check_database(settings: Settings) -> list[Finding]:
    """Readable, whole, and of a schema this version knows."""
    try:
        about, damage, (age, revision) = read_database(
            settings.database_url,
            lambda connection: (describe(connection), find_damage(connection), age_of_schema(connection)),
        )
    except OpenClawError as error:
        return [_unreadable(settings, error)]
    found = [fail("database", f"damaged: {line}", _RESTORE) for line in damage]
    if age == "newer":
        text = f"schema {revision} was written by a newer version than this one"
        found.append(fail("database", text, "pip install --upgrade openclaw-core"))
    elif age == "older":
        found.append(ok("database", f"schema {revision}; the next start of the gateway brings it up to date"))
    where = f"{about} at {hide_password(url)}" if (url := settings.gateway.store.url) else about
    return found or [ok("database", f"whole, schema {revision}; {where}")]


def _unreadable(settings: Settings, error: OpenClawError) -> Finding:
    if settings.gateway.store.url is not None:
        where = hide_password(settings.gateway.store.url)
        return fail("database", f"{where}: {error}", "correct gateway.store.url, or start PostgreSQL")
    if not (settings.state_dir / "openclaw.sqlite").exists():
        return warn("database", str(error), _START)
    return fail("database", str(error), _RESTORE)


def check_trail(settings: Settings) -> list[Finding]:
    """The audit trail's chain."""
    try:
        report = verify_trail(settings)
    except CliError:
        return []
    except OpenClawError as error:
        return [fail("audit", str(error), "openclaw audit verify")]
    if not report.ok:
        return [fail("audit", report.lines()[0], "openclaw audit verify")]
    return [ok("audit", report.lines()[0].removeprefix("ok: "))]

"""Is a stored database whole, which version wrote it, and what does it run on?"""

from __future__ import annotations

from typing import Literal

from sqlalchemy import Connection, text

from openclaw_core.store.schema import HEAD, stored_revision

__all__ = ["age_of_schema", "describe", "find_damage"]

_SQLITE = ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
_POSTGRES = ("transaction_isolation", "synchronous_commit", "fsync", "server_encoding")


def find_damage(connection: Connection) -> list[str]:
    """What the database's own check complains about; empty when it is whole."""
    if connection.dialect.name != "sqlite":
        return []
    rows = [str(row[0]) for row in connection.execute(text("PRAGMA integrity_check(20)"))]
    return [] if rows == ["ok"] else rows


def age_of_schema(connection: Connection) -> tuple[Literal["current", "older", "newer"], str | None]:
    """How the stored schema relates to this version's, and its revision."""
    stored = stored_revision(connection)
    if stored == HEAD:
        return "current", stored
    from alembic.script import ScriptDirectory  # only when there is something to compare

    from openclaw_core.store.migrations import config_for

    scripts = ScriptDirectory.from_config(config_for(connection)).walk_revisions()
    known = {script.revision for script in scripts}
    return ("older" if stored is None or stored in known else "newer"), stored


def describe(connection: Connection) -> str:
    """The database's program and version, and the settings that safety depends on."""
    if connection.dialect.name == "sqlite":
        version = connection.execute(text("SELECT sqlite_version()")).scalar_one()
        settings = {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in _SQLITE}
        return f"SQLite {version} ({_listed(settings)})"
    version = connection.execute(text("SHOW server_version")).scalar_one()
    settings = {name: connection.execute(text(f"SHOW {name}")).scalar() for name in _POSTGRES}
    return f"PostgreSQL {version} ({_listed(settings)})"


def _listed(settings: dict[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items())

"""Bringing a database to this version's schema; alembic is only imported when there is work."""

from sqlalchemy import Connection, inspect, text

from openclaw_core.errors import StoreError

__all__ = ["HEAD", "stored_revision", "upgrade"]

# The newest file in migrations/versions; a test holds the two together.
HEAD = "0007_lockouts"


def upgrade(connection: Connection) -> None:
    """Run the missing migrations in one transaction; nothing at all when the schema is current.

    Raises:
        StoreError: the database was written by a newer version.
    """
    with connection.begin():
        current = stored_revision(connection)
        if current == HEAD:
            return
        from alembic import command
        from alembic.script import ScriptDirectory

        from openclaw_core.store.migrations import config_for

        config = config_for(connection)
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if current is not None and current not in known:
            raise StoreError(
                f"the database is at schema revision {current}, this version knows up to {HEAD}: it was "
                "written by a newer openclaw-core; install that version or newer, or restore a backup"
            )
        command.upgrade(config, "head")


def stored_revision(connection: Connection) -> str | None:
    """The revision alembic noted in the database; None for a new one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision

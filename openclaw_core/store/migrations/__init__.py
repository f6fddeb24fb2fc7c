"""Alembic migrations, run from the package: no alembic.ini, no path, no URL of their own.

A new one: change the models, then `alembic.command.revision(config_for(connection),
message=…, autogenerate=True, rev_id="0002_…")` over a database at head, tidy the file it
writes, and name it in `schema.HEAD`. The tests compare the result with the models.
"""

from alembic.config import Config
from sqlalchemy import Connection

__all__ = ["config_for"]


def config_for(connection: Connection) -> Config:
    """Alembic's configuration for a connection that is already open."""
    config = Config()
    config.set_main_option("script_location", "openclaw_core.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config

"""`openclaw backup …`: the state of this machine's gateway in one file, and back."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openclaw_core.cli.failure import CliError, funnel
from openclaw_core.cli.output import print_json, print_line
from openclaw_core.cli.waiting import Waiting

if TYPE_CHECKING:
    from openclaw_core.config import Settings

__all__ = ["app"]

app = typer.Typer()

_FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The archive, a tar file.")]
_JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("create")
def create(
    file: _FileArgument,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
    as_json: _JsonFlag = False,
) -> None:
    """Save database, keys and configuration; the gateway may keep running.

    The file holds every secret of the gateway and is made readable for you only.
    """
    with funnel(as_json=as_json):
        from openclaw_core import __version__
        from openclaw_core.config import load_settings
        from openclaw_core.store.backup import create_backup

        settings = load_settings()
        _refuse_server(settings)
        if file.exists() and not force:
            raise CliError(
                f"{file} exists",
                code="FILE_EXISTS",
                steps=(f"take another name, or replace it: openclaw backup create {file} --force",),
            )
        now_ms = time.time_ns() // 1_000_000
        with Waiting("saving the state", quiet=as_json):
            manifest = create_backup(settings.state_dir, file.absolute(), version=__version__, now_ms=now_ms)
        size = file.stat().st_size
        if as_json:
            print_json({"ok": True, "file": str(file), "bytes": size, "manifest": manifest})
            return
        print_line(f"{len(manifest['files'])} files of {settings.state_dir} are in {file} ({size:,} bytes).")
        if settings.config_path.exists() and "openclaw.json" not in manifest["files"]:
            print_line(f"Not in it, as it lies elsewhere: {settings.config_path}")


@app.command("restore")
def restore(
    file: _FileArgument,
    force: Annotated[bool, typer.Option("--force", help="Replace the state that is there.")] = False,
    allow_broken_trail: Annotated[
        bool, typer.Option("--allow-broken-trail", help="Also when its audit trail was tampered with.")
    ] = False,
    as_json: _JsonFlag = False,
) -> None:
    """Put a backup in the place of this machine's gateway state; the gateway must be stopped.

    Everything is checked before anything is replaced. Devices that were paired then are
    paired again, with the tokens they had.
    """
    with funnel(as_json=as_json):
        from openclaw_core.config import load_settings
        from openclaw_core.gateway.lock import StateLock

        settings = load_settings()
        _refuse_server(settings)
        with StateLock(settings.state_dir), Waiting("checking and restoring", quiet=as_json):
            report = _restore(settings, file, force=force, allow_broken_trail=allow_broken_trail)
        if as_json:
            print_json({"ok": True, **report})
            return
        print_line(f"{report['files']} files of {file} are in force in {settings.state_dir}.")
        print_line(f"It knows {report['devices']} devices; {report['auditRows']} audit rows.")
        print_line("Start the gateway: openclaw gateway run")


def _refuse_server(settings: Settings) -> None:
    """The archive holds a database file; a server has better tools for its own."""
    from openclaw_core.database_url import hide_password

    url = settings.gateway.store.url
    if url is None:
        return
    shown = hide_password(url).replace(":***@", "@")
    raise CliError(
        f"the database is PostgreSQL ({shown}), and this command saves and restores files only",
        code="DATABASE_IS_A_SERVER",
        steps=(
            f"save the database: pg_dump --format=custom --file=openclaw.dump '{shown}'",
            f"save keys and configuration: tar -C {settings.state_dir} -czf openclaw-state.tgz .",
            "to restore, stop the gateway, unpack the latter, and: pg_restore --clean --if-exists "
            f"--dbname='{shown}' openclaw.dump",
        ),
    )


def _restore(settings: Settings, file: Path, *, force: bool, allow_broken_trail: bool) -> dict[str, Any]:
    from openclaw_core.cli.staged import adopt_state
    from openclaw_core.store.backup import DATABASE, staging, unpack_backup

    if (settings.state_dir / DATABASE).exists() and not force:
        raise CliError(
            f"{settings.state_dir} holds the state of a gateway already",
            code="STATE_EXISTS",
            steps=(
                "save it first: openclaw backup create FILE",
                f"then replace it: openclaw backup restore {file} --force",
            ),
        )
    with staging(settings.state_dir) as directory:
        manifest = unpack_backup(file, directory)
        return {"files": len(manifest["files"]), **adopt_state(directory, manifest, allow_broken_trail)}

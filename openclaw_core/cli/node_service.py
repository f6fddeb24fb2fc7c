"""`openclaw node install` and `openclaw node status`: this machine's node as a service."""

from __future__ import annotations

from typing import Annotated

import typer

from openclaw_core.cli.failure import FAILED, funnel
from openclaw_core.cli.output import print_json, print_line
from openclaw_core.cli.service.background import last_words
from openclaw_core.cli.service.commands import (
    JsonFlag,
    PrintFlag,
    add_service_commands,
    install_service,
    open_service,
)
from openclaw_core.config import load_settings

__all__ = ["add_node_service"]


def add_node_service(app: typer.Typer) -> None:
    """Register install, uninstall, start, stop, restart and status."""
    add_service_commands(app, "node")
    app.command("install")(_install)
    app.command("status")(_status)


def _install(
    host: Annotated[
        str | None, typer.Option("--host", help="Gateway's host; default: the configured gateway.")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65_535, help="Gateway's port; default: the configured.")
    ] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Connect with wss://.")] = False,
    tls_fingerprint: Annotated[
        str | None, typer.Option("--tls-fingerprint", help="SHA-256 of the gateway's certificate.")
    ] = None,
    display_name: Annotated[str | None, typer.Option("--display-name", help="Name people see.")] = None,
    commands: Annotated[
        str | None, typer.Option("--commands", help="Offer only these, comma-separated.")
    ] = None,
    only_print: PrintFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Run this machine's node as a service of your session; pair it first with `openclaw node run`."""
    options = {
        "--host": host,
        "--port": port,
        "--tls-fingerprint": tls_fingerprint,
        "--display-name": display_name,
        "--commands": commands,
    }
    extra = [word for name, value in options.items() if value is not None for word in (name, str(value))]
    install_service("node", (*extra, *(("--tls",) if tls else ())), only_print=only_print, as_json=as_json)


def _status(as_json: JsonFlag = False) -> None:
    """Does this machine's node run, as what, and what did it say last? Exit code 1 when it does not run."""
    with funnel(as_json=as_json):
        service = open_service("node", load_settings())
        state = service.state()
        said = last_words(service.plan)[-1:] if state.log is not None else []
        if as_json:
            print_json({"ok": state.running, "service": state.as_json(), "lastLine": "".join(said) or None})
        else:
            print_line(f"Node: {state.sentence()}")
            for line in said:
                print_line(f"It said last: {line}")
            print_line("What the gateway knows of it: openclaw nodes status")
        if not state.running:
            raise typer.Exit(FAILED)

"""Getting back in, on the gateway's own machine: a new shared token, approvals without an operator.

Whoever can read and write the state directory is the gateway's owner already; these commands
give nothing that a look into the files would not. An approval is in the audit trail as any
other, by `client:recovery`.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Annotated, Any

import typer

from openclaw_core.auth import scopes
from openclaw_core.cli import device_tables as tables
from openclaw_core.cli.failure import CliError, funnel
from openclaw_core.cli.output import print_json, print_line, print_table
from openclaw_core.config import Settings, load_settings, write_private_file
from openclaw_core.errors import ConfigError

__all__ = ["lock_holder", "recover_devices", "recover_gateway"]

_JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def recover_gateway(
    new_token: Annotated[
        bool, typer.Option("--new-token", help="Replace the shared token in the state directory.")
    ] = False,
    as_json: _JsonFlag = False,
) -> None:
    """Tell where the shared token is, or replace it; for the machine the gateway runs on."""
    with funnel(as_json=as_json):
        settings = load_settings()
        _require_token_file(settings)
        if new_token:
            write_private_file(settings.token_file, (secrets.token_urlsafe(32) + "\n").encode())
        running = lock_holder(settings)
        path = str(settings.token_file)
        report = {"tokenFile": path, "replaced": new_token, "running": running is not None}
        if as_json:
            print_json(report)
            return
        for line in _token_lines(settings, new_token, running):
            print_line(line)


def _require_token_file(settings: Settings) -> None:
    if settings.auth_mode != "token":
        raise CliError(
            f"gateway.auth.mode is {settings.auth_mode}: there is no shared token",
            code="NO_TOKEN",
            steps=(f"change the mode or the password in {settings.config_path}, then restart the gateway",),
        )
    if settings.gateway.auth.token:
        raise CliError(
            f"the shared token is not in {settings.token_file}: it is set by OPENCLAW_GATEWAY_TOKEN or by "
            "gateway.auth.token",
            code="TOKEN_ELSEWHERE",
            steps=(f"change it there ({settings.config_path}), then restart the gateway",),
        )


def _token_lines(settings: Settings, new_token: bool, running: str | None) -> list[str]:
    path = settings.token_file
    if not new_token and not path.exists():
        return [f"There is no token yet; the first start makes one in {path}: openclaw gateway run"]
    lines = [f"{'A new shared token is' if new_token else 'The shared token is'} in {path}"]
    if new_token and running is not None:
        lines.append(f"{running}: it keeps the old token until it is restarted")
    if new_token:
        lines.append("Devices that hold a device token stay paired; clients that used the old token need it:")
    else:
        lines.append("Clients on other machines need it:")
    lines.append("  export OPENCLAW_GATEWAY_TOKEN=…")
    return lines


def lock_holder(settings: Settings) -> str | None:
    """What is known of the gateway that runs on this state directory; None when none does."""
    from openclaw_core.gateway.lock import StateLock

    try:
        with StateLock(settings.state_dir):
            return None
    except ConfigError as error:
        return str(error).partition(":")[0]


def recover_devices(
    request_id: Annotated[
        str | None, typer.Argument(metavar="REQUEST_ID", help="Approve this one; without it: list.")
    ] = None,
    surface: Annotated[
        bool, typer.Option("--surface", help="Also approve the commands a node offers.")
    ] = False,
    as_json: _JsonFlag = False,
) -> None:
    """List or approve pairing requests while the gateway is stopped; for its own machine."""
    with funnel(as_json=as_json):
        settings = load_settings()
        if request_id is None:
            _print_waiting(asyncio.run(_list(settings)), as_json)
            return
        approved = asyncio.run(_approve(settings, request_id, surface))
        if as_json:
            print_json(approved)
        else:
            print_line(f"Approved {approved['device']['deviceId']} ({request_id})")
            print_line("Start the gateway: openclaw gateway run")


def _print_waiting(listed: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(listed)
    elif listed["pending"]:
        now = time.time_ns() // 1_000_000
        print_table(tables.pending_table(listed["pending"], listed["paired"], now))
        print_line("Approve one with: openclaw devices recover REQUEST_ID")
    else:
        print_line("No device waits. Requests are made when a device connects to the running gateway.")


async def _list(settings: Settings) -> dict[str, Any]:
    from openclaw_core.gateway.offline import open_offline

    async with open_offline(settings) as runtime:
        # Also those that expired: while the gateway stands still, nobody could answer them.
        rows = [runtime.pairing.extend(row.request_id) for row in runtime.registry.pair_requests.values()]
        await asyncio.gather(*rows)
        return runtime.pairing.list_for(_owner(), ())


async def _approve(settings: Settings, request_id: str, surface: bool) -> dict[str, Any]:
    from openclaw_core.gateway.offline import open_offline
    from openclaw_core.services.joint_approval import approve_with_surface

    async with open_offline(settings) as runtime:
        if runtime.registry.pair_request(request_id) is None:
            known = [row.request_id for row in runtime.registry.pair_requests.values()]
            raise CliError(
                f"No pending device request matches {request_id}.",
                code="UNKNOWN_REQUEST",
                details={"requestId": request_id, "pending": known},
                steps=("see what waits: openclaw devices recover",),
            )
        await runtime.pairing.extend(request_id)
        if surface:
            return await approve_with_surface(runtime, _owner(), request_id)
        return await runtime.pairing.approve(_owner(), request_id, ())


def _owner() -> Any:
    from openclaw_core.hookspecs import Caller

    return Caller("recovery", "recovery", "cli", None, frozenset((scopes.ADMIN,)))

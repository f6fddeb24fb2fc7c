"""`openclaw devices …` (PROTOCOL 6.5, 7, 21.2)."""

from __future__ import annotations

import shlex
import sys
import time
from typing import Annotated, Any

import typer

from openclaw_core.cli import device_tables as tables
from openclaw_core.cli.call import ADMIN, PAIRING, WRITE, Call, gateway_command
from openclaw_core.cli.failure import FAILED, CliError
from openclaw_core.cli.output import print_json, print_line, print_table
from openclaw_core.cli.qr import join_code, setup_code
from openclaw_core.cli.recover import recover_devices
from openclaw_core.cli.resolve import candidates_of_devices, resolve

__all__ = ["app"]

app = typer.Typer()

Record = dict[str, Any]

DeviceFlag = Annotated[
    str, typer.Option("--device", help="Device id, 6 or more of its first characters, or name.")
]
RoleFlag = Annotated[str, typer.Option("--role", help="Role whose token it is: node or operator.")]
# Touching other devices takes admin where the caller is itself a device (6.5, 7).
_OTHERS = (WRITE, ADMIN)


@gateway_command(app, "list", PAIRING)
async def list_(call: Call) -> None:
    """Pairing requests that wait, and paired devices with their tokens."""
    answer = await call.request("device.pair.list")
    if call.as_json:
        print_json(answer)
        return
    pending, paired = answer["pending"], answer["paired"]
    if pending:
        print_table(tables.pending_table(pending, paired, time.time_ns() // 1_000_000))
    if paired:
        print_table(tables.paired_table(paired))
        _print_full_ids(paired)
    if not pending and not paired:
        print_line("No device pairing entries.")
    for note in tables.surface_notes(paired):
        print_line(note)


def _print_full_ids(paired: list[Record]) -> None:
    if not sys.stdout.isatty():
        return  # piped tables already hold the whole ids
    print_line("Full device IDs")
    for device in paired:
        print_line(f"  {device['deviceId']}  {tables.device_name(device)}")


@gateway_command(app, "approve", PAIRING, extra_scopes=_OTHERS)
async def approve(
    call: Call,
    request_id: Annotated[
        str | None, typer.Argument(metavar="REQUEST_ID", help="From: openclaw devices list.")
    ] = None,
    latest: Annotated[
        bool, typer.Option("--latest", help="The newest request: shown, and approved only with --yes.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="With --latest: approve without showing it first.")
    ] = False,
) -> None:
    """Let a device pair, or have the roles and scopes it asks for."""
    if latest and request_id is not None:
        raise typer.BadParameter("give a request id or --latest, not both", param_hint="'--latest'")
    answer = await call.request("device.pair.list")
    request = _pick(answer["pending"], request_id)
    if request_id is None and not yes:
        _preview(call, request, answer["paired"])
        raise typer.Exit(FAILED)
    approved = await call.request("device.pair.approve", {"requestId": request["requestId"]})
    device_id = approved.get("device", {}).get("deviceId", request["deviceId"])
    call.show(approved, f"Approved {device_id} ({approved['requestId']})")


def _pick(pending: list[Record], request_id: str | None) -> Record:
    if request_id is not None:
        for item in pending:
            if item["requestId"] == request_id:
                return item
        raise CliError(
            f"No pending device request matches {request_id}.",
            code="UNKNOWN_REQUEST",
            details={"requestId": request_id, "pending": [item["requestId"] for item in pending]},
            steps=("run this and retry with the current request ID: openclaw devices list",),
        )
    if not pending:
        raise CliError(
            "No pending device pairing requests to approve",
            code="NOTHING_PENDING",
            steps=("a request lasts 5 minutes; let the device connect again, then: openclaw devices list",),
        )
    return max(pending, key=lambda item: int(item.get("ts") or 0))


def _preview(call: Call, request: Record, paired: list[Record]) -> None:
    state = tables.approval_state(request, paired)
    url = ["--url", call.flags.url] if call.flags.url else []
    words = [
        "openclaw",
        "devices",
        "approve",
        request["requestId"],
        *url,
        *(["--json"] if call.as_json else []),
    ]
    preview = {
        "selected": request,
        "approvalState": state,
        "approveCommand": shlex.join(words),
        "requiresAuthFlags": {"token": bool(call.flags.token), "password": bool(call.flags.password)},
    }
    lines = tables.preview_lines(request, state, shlex.join(words))
    for name, given in (("--token", call.flags.token), ("--password", call.flags.password)):
        if given:
            lines.append(f"Reuse the same {name} *** when rerunning.")
    call.show(preview, *lines)


@gateway_command(app, "reject", PAIRING, extra_scopes=_OTHERS)
async def reject(
    call: Call,
    request_id: Annotated[str, typer.Argument(metavar="REQUEST_ID", help="From: openclaw devices list.")],
) -> None:
    """Refuse a pairing request."""
    _pick((await call.request("device.pair.list"))["pending"], request_id)
    answer = await call.request("device.pair.reject", {"requestId": request_id})
    call.show(answer, f"Rejected {answer['deviceId']}")


@gateway_command(app, "remove", PAIRING, extra_scopes=_OTHERS)
async def remove(
    call: Call,
    device: Annotated[str, typer.Argument(metavar="DEVICE_ID", help="From: openclaw devices list.")],
) -> None:
    """Forget a device: its tokens and connections end."""
    answer = await call.request("device.pair.remove", {"deviceId": await _find(call, device)})
    call.show(answer, f"Removed {answer['deviceId']}")


@gateway_command(app, "rename", PAIRING, extra_scopes=_OTHERS)
async def rename(
    call: Call,
    device: DeviceFlag,
    name: Annotated[str, typer.Option("--name", help="Label, 1 to 64 characters.")],
) -> None:
    """Label a device; the label beats the name it gives itself."""
    params = {"deviceId": await _find(call, device), "label": name}
    answer = await call.request("device.pair.rename", params)
    call.show(answer, f"Renamed {answer['deviceId']} → {answer.get('label', name)}")


@gateway_command(app, "rotate", PAIRING, extra_scopes=_OTHERS)
async def rotate(
    call: Call,
    device: DeviceFlag,
    role: RoleFlag,
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help="Scope of the new token; repeat for more. Default: as before."),
    ] = None,
    no_scopes: Annotated[bool, typer.Option("--no-scopes", help="A new token without scopes.")] = False,
) -> None:
    """Replace a device's token; the old one ends at once."""
    if scope and no_scopes:
        raise typer.BadParameter("give --scope or --no-scopes, not both", param_hint="'--no-scopes'")
    params: Record = {"deviceId": await _find(call, device), "role": role}
    if scope or no_scopes:
        params["scopes"] = scope or []
    print_json(await call.request("device.token.rotate", params))


@gateway_command(app, "revoke", PAIRING, extra_scopes=_OTHERS)
async def revoke(call: Call, device: DeviceFlag, role: RoleFlag) -> None:
    """End a device's token; the role must be approved again."""
    params = {"deviceId": await _find(call, device), "role": role}
    print_json(await call.request("device.token.revoke", params))


gateway_command(app, "setup-code", ADMIN)(setup_code)
gateway_command(app, "join-code", ADMIN)(join_code)
app.command("recover")(recover_devices)


async def _find(call: Call, query: str) -> str:
    paired = (await call.request("device.pair.list"))["paired"]
    return resolve(query, candidates_of_devices(paired), noun="device").id

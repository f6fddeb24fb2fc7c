"""`openclaw audit`: who did what, and whether the trail is as it was written."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from openclaw_core.cli.ages import duration_ms
from openclaw_core.cli.call import ADMIN, Call, load_endpoint, run_call
from openclaw_core.cli.endpoint import Flags
from openclaw_core.cli.failure import FAILED, funnel
from openclaw_core.cli.output import Column, Table, clean, print_json, print_line, print_table

__all__ = ["app"]

app = typer.Typer()

_FOLLOW_SECONDS = 1.0
_MOST_PER_CALL = 500
_COLUMNS = (
    Column("Row", no_wrap=True),
    Column("Time (UTC)", no_wrap=True),
    Column("Outcome", no_wrap=True),
    Column("Kind", no_wrap=True),
    Column("Actor"),
    Column("Subject"),
    Column("From"),
    Column("Details"),
)
_OUTCOMES = ("ok", "refused", "failed")

Event = dict[str, Any]


@app.callback(invoke_without_command=True)
def show(
    ctx: typer.Context,
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", help="E.g. invoke, or device for every device.…; repeatable."),
    ] = None,
    actor: Annotated[
        str | None, typer.Option("--actor", help="Who: a device id or its beginning, client:cli, rule:…")
    ] = None,
    subject: Annotated[
        str | None, typer.Option("--subject", help="The device or node it is about: id or its beginning.")
    ] = None,
    outcome: Annotated[
        str | None, typer.Option("--outcome", metavar="|".join(_OUTCOMES), help="How it ended.")
    ] = None,
    since: Annotated[str | None, typer.Option("--since", help="No older than this: 30m, 24h, 7d.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many of the newest.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new ones until Ctrl-C.")] = False,
    url: Annotated[str | None, typer.Option("--url", help="Gateway WebSocket URL.")] = None,
    token: Annotated[str | None, typer.Option("--token", help="Gateway token.")] = None,
    password: Annotated[str | None, typer.Option("--password", help="Gateway password.")] = None,
    timeout_ms: Annotated[
        int, typer.Option("--timeout", min=1, help="How long to wait, in milliseconds.")
    ] = 30_000,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON; with --follow one object per line.")
    ] = False,
) -> None:
    """Who did what to which device, and every refusal: the newest entries, oldest of them first."""
    if ctx.invoked_subcommand is not None:
        return
    if outcome is not None and outcome not in _OUTCOMES:
        raise typer.BadParameter(f"{outcome!r} is none of {', '.join(_OUTCOMES)}", param_hint="'--outcome'")
    since_ms = time.time_ns() // 1_000_000 - duration_ms(since, "--since") if since is not None else None
    wanted = {"kinds": kind, "actor": actor, "subject": subject, "outcome": outcome, "sinceMs": since_ms}
    wanted = {key: value for key, value in wanted.items() if value is not None}
    flags = Flags(url, token, password, timeout_ms, as_json)
    with funnel(as_json=as_json):
        call = Call(load_endpoint(flags), flags, (ADMIN,))
        run_call(call, lambda: _follow(call, wanted, limit) if follow else _show(call, wanted, limit))


async def _show(call: Call, wanted: dict[str, Any], limit: int) -> None:
    events, more = await _fetch(call, wanted, limit)
    if call.as_json:
        print_json({"events": events} | ({} if more is None else {"nextBeforeId": more}))
    elif events:
        print_table(Table(_COLUMNS, tuple(_cells(event) for event in events)))
    else:
        print_line("No audit entries match.")


async def _follow(call: Call, wanted: dict[str, Any], limit: int) -> None:
    newest, _ = await _fetch(call, {}, 1)
    events, _ = await _fetch(call, wanted, limit)
    last = newest[-1]["id"] if newest else 0
    while True:
        for event in events:
            line = json.dumps(event, ensure_ascii=False) if call.as_json else clean("  ".join(_cells(event)))
            sys.stdout.write(line + "\n")
        sys.stdout.flush()
        await asyncio.sleep(_FOLLOW_SECONDS)
        events, _ = await _fetch(call, {**wanted, "afterId": last}, None)
        last = events[-1]["id"] if events else last


async def _fetch(call: Call, wanted: dict[str, Any], limit: int | None) -> tuple[list[Event], int | None]:
    """The newest matching entries, oldest first, and where older ones begin; None takes all there are."""
    found: list[Event] = []
    before: int | None = None
    while limit is None or len(found) < limit:
        size = _MOST_PER_CALL if limit is None else min(_MOST_PER_CALL, limit - len(found))
        page = {} if before is None else {"beforeId": before}
        answer = await call.request("audit.list", {**wanted, **page, "limit": size})
        found += answer["events"]
        before = answer.get("nextBeforeId")
        if before is None:
            break
    return found[::-1], before


def _cells(event: Event) -> tuple[str, ...]:
    at = datetime.fromtimestamp(event["ts"] / 1000, UTC).isoformat(" ", "milliseconds")
    details = event.get("details") or {}
    told = ", ".join(f"{key}={_plain(value)}" for key, value in details.items())
    return (
        str(event["id"]),
        at.removesuffix("+00:00"),
        event["outcome"],
        event["kind"],
        event["actor"],
        event.get("subject", ""),
        event.get("remoteIp", ""),
        told,
    )


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@app.command("verify")
def verify(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Recompute the hash chain of this machine's gateway; works beside a running one.

    Exit code 1 when a row was changed or removed.
    """
    with funnel(as_json=as_json):
        from openclaw_core.cli.trail import verify_trail
        from openclaw_core.config import load_settings

        report = verify_trail(load_settings())
        if as_json:
            print_json(report.as_json())
        else:
            for line in report.lines():
                print_line(line)
        if not report.ok:
            raise typer.Exit(FAILED)

"""`openclaw doctor`: is everything as it should be, and if not, which command cures it?"""

from __future__ import annotations

import ipaddress
import time
from typing import TYPE_CHECKING, Annotated

import typer

from openclaw_core.cli.failure import FAILED, funnel
from openclaw_core.cli.output import print_json, print_line
from openclaw_core.cli.waiting import Waiting

if TYPE_CHECKING:
    from openclaw_core.cli.findings import Finding

__all__ = ["doctor"]


def doctor(
    fix: Annotated[bool, typer.Option("--fix", help="Repair file permissions.")] = False,
    forwarded_for: Annotated[
        str | None,
        typer.Option("--forwarded-for", metavar="IP", help="Only tell how a proxied request is seen."),
    ] = None,
    peer: Annotated[
        str | None, typer.Option("--peer", metavar="IP", help="The address that request's socket has.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check this machine's gateway: state, database, families, configuration, reachability.

    Exit code 1 when something fails. `--peer` and `--forwarded-for` only tell how the gateway
    would see such a request: local, remote or refused.
    """
    with funnel(as_json=as_json):
        if peer is not None or forwarded_for is not None:
            findings = [_classify(peer or "127.0.0.1", forwarded_for)]
        else:
            with Waiting("checking this machine's gateway", quiet=as_json):
                findings = _examine(fix=fix)
        failed = any(item.status == "fail" for item in findings)
        if as_json:
            print_json({"ok": not failed, "findings": [item.as_json() for item in findings]})
        else:
            for item in findings:
                print_line(f"{item.status:4}  {item.check}: {item.text}")
                if item.cure is not None:
                    print_line(f"      -> {item.cure}")
        if failed:
            raise typer.Exit(FAILED)


def _examine(*, fix: bool) -> list[Finding]:
    from openclaw_core.cli import doctor_gateway as gateway
    from openclaw_core.cli import doctor_state as state
    from openclaw_core.cli.findings import fail
    from openclaw_core.config import Settings, load_settings
    from openclaw_core.errors import ConfigError

    try:
        settings: Settings | None = load_settings()
        findings: list[Finding] = []
    except ConfigError as error:
        settings, findings = None, [fail("config", str(error), "edit the file and run: openclaw doctor")]
    if settings is None:
        return [*findings, *gateway.check_families()]
    return [
        *state.check_permissions(settings.state_dir, fix=fix),
        *state.check_clock(settings, time.time_ns() // 1_000_000),
        *state.check_keys(settings.state_dir),
        *state.check_database(settings),
        *state.check_trail(settings),
        *gateway.check_exposure(settings),
        *gateway.check_families(),
        *gateway.check_gateway(settings),
    ]


def _classify(peer: str, forwarded_for: str | None) -> Finding:
    from openclaw_core.cli.doctor_gateway import classify
    from openclaw_core.config import load_settings

    try:
        ipaddress.ip_address(peer)
    except ValueError:
        raise typer.BadParameter(f"{peer!r} is no IP address", param_hint="'--peer'") from None
    return classify(load_settings(), peer, forwarded_for)

"""`openclaw gateway …`: run one, or ask one how it is."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from openclaw_core.cli.ages import span
from openclaw_core.cli.call import PAIRING, READ, Call, gateway_command
from openclaw_core.cli.discover import discover
from openclaw_core.cli.failure import NO_GATEWAY, CliError, funnel
from openclaw_core.cli.recover import recover_gateway
from openclaw_core.cli.service.commands import (
    JsonFlag,
    PrintFlag,
    add_service_commands,
    install_service,
    open_service,
)
from openclaw_core.cli.service.control import State
from openclaw_core.errors import GatewayUnreachableError

__all__ = ["app"]

app = typer.Typer()

AuthFlag = Annotated[
    str | None, typer.Option("--auth", metavar="token|password|none", help="How clients prove themselves.")
]
_AUTH_MODES = ("token", "password", "none")


@app.command("run")
def run(
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65_535, help="TCP port; 0 takes a free one. Default 18789."),
    ] = None,
    bind: Annotated[
        str | None,
        typer.Option("--bind", metavar="loopback|lan|HOST", help="Where to listen. Default loopback."),
    ] = None,
    auth: AuthFlag = None,
    token: Annotated[str | None, typer.Option("--token", help="Shared token; default: minted once.")] = None,
    password: Annotated[str | None, typer.Option("--password", help="Shared password.")] = None,
    log_format: Annotated[
        Literal["console", "json"] | None,
        typer.Option("--log-format", help="Log lines for people, or one JSON object per line."),
    ] = None,
) -> None:
    """Serve until SIGINT or SIGTERM."""
    if auth is not None and auth not in _AUTH_MODES:
        raise typer.BadParameter(f"{auth!r} is none of {', '.join(_AUTH_MODES)}", param_hint="'--auth'")
    with funnel():
        from openclaw_core.config import load_settings
        from openclaw_core.control_ui import ControlUiMount
        from openclaw_core.gateway.server import run_gateway
        from openclaw_core.mcp.mount import McpMount

        overrides = {
            "port": port,
            "bind": bind,
            "auth.mode": auth,
            "auth.token": token,
            "auth.password": password,
        }
        settings = load_settings(overrides=overrides)
        mounts = (McpMount, ControlUiMount) if settings.gateway.control_ui.enabled else (McpMount,)
        raise typer.Exit(run_gateway(settings, log_format, mounts=mounts))


app.command("recover")(recover_gateway)
app.command("discover")(discover)
add_service_commands(app, "gateway")


@app.command("install")
def install(only_print: PrintFlag = False, as_json: JsonFlag = False) -> None:
    """Run the gateway as a service of your session: systemd, launchd or a Windows task."""
    install_service("gateway", (), only_print=only_print, as_json=as_json)


@gateway_command(app, "status", READ, extra_scopes=(PAIRING,))
async def status(call: Call) -> None:
    """Is a gateway there, which one, and what is connected to it?"""
    state = _service_state(call)
    try:
        hello = await call.hello()
    except GatewayUnreachableError as error:
        raise _unreachable(error, state) from None
    nodes = (await call.request("node.list"))["nodes"]
    answer = await call.request("status")
    report = {
        "ok": True,
        "url": call.endpoint.url,
        "tlsFingerprint": call.endpoint.tls_fingerprint,
        "version": hello.server.version,
        "protocol": hello.protocol,
        "uptimeMs": hello.snapshot.uptime_ms,
        "auth": answer.get("authMode") or hello.auth.method,
        "scopes": hello.auth.scopes,
        "nodes": _count(nodes),
        "plugins": _plugins(answer),
        "service": state.as_json() if state is not None else None,
    }
    call.show(report, *_lines(report, state))


def _service_state(call: Call) -> State | None:
    """This machine's own gateway as a service; None when another gateway is asked."""
    if call.flags.url is not None:
        return None
    from openclaw_core.config import load_settings  # read again: a call keeps only its endpoint

    settings = load_settings()
    return None if settings.gateway.mode == "remote" else open_service("gateway", settings).state()


def _unreachable(error: GatewayUnreachableError, state: State | None) -> Exception:
    if state is None or state.manager is None:
        return error
    return CliError(
        str(error),
        code="GATEWAY_UNREACHABLE",
        steps=(f"as a service it is {state.sentence()}", "start it: openclaw gateway restart"),
        exit_code=NO_GATEWAY,
    )


def _count(nodes: list[dict[str, Any]]) -> dict[str, int]:
    waiting = ("pending-approval", "pending-reapproval")
    return {
        "known": len(nodes),
        "paired": sum(bool(node.get("paired")) for node in nodes),
        "connected": sum(bool(node.get("connected")) for node in nodes),
        "pending": sum(node.get("approvalState") in waiting for node in nodes),
    }


def _plugins(answer: dict[str, Any]) -> dict[str, int] | None:
    """How many families the gateway loaded and lost; None when it does not say."""
    loaded, failed = answer.get("families"), answer.get("failedFamilies")
    if not isinstance(loaded, list) or not isinstance(failed, list):
        return None
    return {"loaded": len(loaded), "failed": len(failed)}


def _lines(report: dict[str, Any], state: State | None) -> list[str]:
    nodes, plugins = report["nodes"], report["plugins"]
    lines = [
        f"Gateway: reachable at {report['url']}",
        *([f"TLS:     certificate SHA-256 {report['tlsFingerprint']}"] if report["tlsFingerprint"] else []),
        f"Version: {report['version']} (protocol {report['protocol']})",
        f"Uptime:  {span(report['uptimeMs'])}",
        f"Auth:    {report['auth'] or 'unknown'}",
        f"Nodes:   {nodes['connected']} connected, {nodes['paired']} paired, {nodes['known']} known",
    ]
    if plugins is not None:
        failed = f", {plugins['failed']} failed (see: openclaw plugins list)" if plugins["failed"] else ""
        lines.append(f"Plugins: {plugins['loaded']} loaded{failed}")
    if state is not None:
        lines.append(f"Service: {state.sentence()}")
    if nodes["pending"]:
        lines.append(f"{nodes['pending']} waiting for approval: openclaw nodes pending")
    return lines

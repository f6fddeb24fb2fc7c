"""`openclaw node`: run this machine as a node, show its identity."""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
from dataclasses import dataclass
from typing import Annotated

import typer

from openclaw_core.auth.verification_code import verification_code
from openclaw_core.cli.discover import find_gateway
from openclaw_core.cli.failure import funnel
from openclaw_core.cli.node_offer import entries, table, withheld_lines
from openclaw_core.cli.node_service import add_node_service
from openclaw_core.cli.output import print_json, print_line, print_table
from openclaw_core.cli.setup_offer import read_offer
from openclaw_core.cli.waiting import Waiting
from openclaw_core.config import Settings, load_settings
from openclaw_core.endpoint import is_loopback, known_pin
from openclaw_core.family_settings import FamilySettings

__all__ = ["app"]

app = typer.Typer()
add_node_service(app)

HostOption = Annotated[
    str | None, typer.Option("--host", help="Gateway's host; default: the configured gateway.")
]
PortOption = Annotated[
    int | None, typer.Option("--port", min=1, max=65_535, help="Gateway's port; default: the configured one.")
]

DiscoverOption = Annotated[
    bool, typer.Option("--discover", help="Look for the gateway whose certificate is known here.")
]


@app.command()
def run(
    host: HostOption = None,
    port: PortOption = None,
    display_name: Annotated[str | None, typer.Option(help="Name people see; default: host name.")] = None,
    commands: Annotated[str | None, typer.Option(help="Offer only these, comma-separated.")] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Connect with wss://.")] = False,
    tls_fingerprint: Annotated[
        str | None, typer.Option(help="SHA-256 of the gateway's certificate; implies --tls.")
    ] = None,
    node_id: Annotated[
        str | None, typer.Option(help="Instance id to report; the device id stays the key's hash.")
    ] = None,
    token: Annotated[str | None, typer.Option(help="Gateway token; default: OPENCLAW_GATEWAY_TOKEN.")] = None,
    password: Annotated[
        str | None, typer.Option(help="Gateway password; default: OPENCLAW_GATEWAY_PASSWORD.")
    ] = None,
    pair: Annotated[
        str | None, typer.Option(metavar="CODE", help="Pair with a setup code or join link; once is enough.")
    ] = None,
    discover: DiscoverOption = False,
) -> None:
    """Connect this machine to a gateway and run what it is asked to, until stopped."""
    from openclaw_core.node_host import Machine, NodeHost, NodeHostOptions
    from openclaw_core.node_host.process import run_process
    from openclaw_core.plugins import load_plugins

    with funnel():
        _log_to_stderr()
        settings = load_settings()
        gateway = _choose_gateway(settings, host, port, tls, tls_fingerprint, pair)
        if discover:
            gateway = _discover_gateway(settings, gateway, host or port, tls_fingerprint or pair)
        token, password = (None, None) if pair else _credentials(settings, gateway.url, token, password)
        options = NodeHostOptions(
            url=gateway.url,
            directory=settings.state_dir / "node",
            display_name=display_name or socket.gethostname(),
            instance_id=node_id,
            token=token,
            password=password,
            tls_fingerprint=gateway.tls_fingerprint,
            bootstrap_token=gateway.bootstrap_token,
        )
        own = FamilySettings.load(settings.config_path)
        machine = Machine(load_plugins(), own, _names(commands))
        surface = machine.look(all_named=True)
        for line in withheld_lines(surface):
            print_line(line)
        node = NodeHost(options, surface)
        raise typer.Exit(run_process(node, machine.look))


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show what this machine can offer as a node, and why the rest does not work."""
    from openclaw_core.node_host import Machine
    from openclaw_core.plugins import load_plugins

    with funnel(as_json=as_json):
        with Waiting("asking every family what works here", quiet=as_json):
            machine = Machine(load_plugins(), FamilySettings.load(load_settings().config_path))
            surface = machine.look()
        if as_json:
            print_json({"commands": entries(machine, surface), "permissions": dict(surface.permissions)})
        elif not machine.plugins.families:
            print_line("No capability families are installed. Add one: pip install openclaw-FAMILY[node]")
        else:
            print_table(table(machine, surface))


@app.command()
def identity(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show the device id and public key of this machine's node; made at first use."""
    from openclaw_core.client import load_or_create_identity

    with funnel(as_json=as_json):
        own = load_or_create_identity(load_settings().state_dir / "node" / "identity.json")
        if as_json:
            typer.echo(json.dumps({"deviceId": own.device_id, "publicKey": own.public_key}, indent=2))
        else:
            typer.echo(f"deviceId   {own.device_id}\npublicKey  {own.public_key}")
            typer.echo(f"code       {verification_code(own.device_id)}")


@dataclass(frozen=True, slots=True)
class _Gateway:
    url: str
    tls_fingerprint: str | None
    bootstrap_token: str | None = None


def _choose_gateway(
    settings: Settings,
    host: str | None,
    port: int | None,
    tls: bool,
    fingerprint: str | None,
    pair: str | None,
) -> _Gateway:
    """The address that flags, setup code and settings name, in this order, with its pin."""
    if pair is not None:
        offer = read_offer(pair)
        secure = tls or bool(fingerprint) or offer.url.startswith("wss://")
        url = offer.url if host is None and port is None else _gateway_url(settings, host, port, tls=secure)
        return _Gateway(url, fingerprint or offer.tls_fingerprint, offer.bootstrap_token)
    own = settings.gateway.tls.enabled and is_loopback(f"ws://{host or '127.0.0.1'}")
    url = _gateway_url(settings, host, port, tls=tls or bool(fingerprint) or own)
    known = _configured_fingerprint(settings, host, port) or known_pin(settings, url)
    return _Gateway(url, fingerprint or known)


def _discover_gateway(
    settings: Settings, named: _Gateway, address: str | int | None, vouched: str | None
) -> _Gateway:
    if address is not None:
        raise typer.BadParameter("--discover looks for the address: leave out --host and --port")
    url, pin = find_gateway(settings, None, named.tls_fingerprint if vouched else None)
    print_line(f"Found the gateway at {url}; it has to show the certificate {pin}")
    return _Gateway(url, pin, named.bootstrap_token)


def _gateway_url(settings: Settings, host: str | None, port: int | None, *, tls: bool) -> str:
    if host is None and port is None and not tls:
        return settings.local_url()
    name = host or "127.0.0.1"
    name = f"[{name}]" if ":" in name and not name.startswith("[") else name
    return f"{'wss' if tls else 'ws'}://{name}:{port or settings.gateway.port}"


def _configured_fingerprint(settings: Settings, host: str | None, port: int | None) -> str | None:
    remote = settings.gateway.remote
    uses_remote = host is None and port is None and settings.local_url() == remote.url
    return remote.tls_fingerprint if uses_remote else None


def _credentials(
    settings: Settings, url: str, token: str | None, password: str | None
) -> tuple[str | None, str | None]:
    """Flags, then environment, then the settings, whose secrets go to their own gateway only."""
    if token or password:
        return token, password
    if is_loopback(url) or url == settings.local_url():
        return settings.local_token(), settings.local_password()
    return settings.environment.gateway_token, settings.environment.gateway_password


def _names(commands: str | None) -> frozenset[str] | None:
    if commands is None:
        return None
    return frozenset(name.strip() for name in commands.split(",") if name.strip())


def _log_to_stderr() -> None:
    level = logging.DEBUG if os.environ.get("OPENCLAW_DEBUG") == "1" else logging.WARNING
    logging.basicConfig(stream=sys.stderr, level=level, format="%(levelname)s %(name)s: %(message)s")

"""`openclaw gateway discover`, and the gateway that `openclaw node run --discover` may follow."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from openclaw_core.cli.failure import funnel
from openclaw_core.cli.output import Column, Table, clean, print_json, print_line, print_table
from openclaw_core.cli.waiting import Waiting
from openclaw_core.config import Settings, load_settings
from openclaw_core.lan import Advert, Pins, choose
from openclaw_core.lan.browse import browse
from openclaw_core.lan.settings import parse_interfaces

__all__ = ["discover", "find_gateway", "stored_pin"]

_TIMEOUT_MS = 3_000
_COLUMNS = (
    Column("Gateway"),
    Column("Address", no_wrap=True),
    Column("Certificate (SHA-256), as it claims", no_wrap=True),
    Column("Known here", no_wrap=True),
)


def discover(
    timeout_ms: Annotated[
        int, typer.Option("--timeout", min=100, max=60_000, help="How long to listen, in milliseconds.")
    ] = _TIMEOUT_MS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Gateways that say they are on this network. Nothing of it is proven: see `Known here`."""
    with funnel(as_json=as_json):
        settings = load_settings()
        pins = Pins(stored=stored_pin(settings))
        with Waiting("listening for gateways on this network", quiet=as_json):
            adverts = _listen(settings, timeout_ms)
        if as_json:
            print_json({"gateways": [_as_json(advert, pins) for advert in adverts], "count": len(adverts)})
        elif adverts:
            print_table(Table(_COLUMNS, tuple(_row(advert, pins) for advert in adverts)))
        else:
            print_line("No gateway was heard. One says that it is there where gateway.bind is not loopback,")
            print_line("with the extra installed there: pip install 'openclaw-core[discovery]'")


def find_gateway(settings: Settings, name: str | None, given_pin: str | None) -> tuple[str, str]:
    """URL and pin of a gateway on this network that the person vouched for.

    Args:
        name: which one; None for whichever has the trusted certificate.
        given_pin: fingerprint from a flag or a setup code.

    Raises:
        UntrustedAdvertError: none may be followed, and why.
    """
    pins = Pins(given_pin, stored_pin(settings))
    adverts = _listen(settings, _TIMEOUT_MS) if pins.trusted else []
    advert = choose(adverts, pins, name)
    assert pins.trusted is not None
    return advert.urls[0], pins.trusted


def stored_pin(settings: Settings) -> str | None:
    """The fingerprint of the gateway that this machine is configured for."""
    from openclaw_core.client.tls import normalize_fingerprint

    pin = settings.gateway.remote.tls_fingerprint
    return normalize_fingerprint(pin) if pin else None


def _listen(settings: Settings, timeout_ms: int) -> list[Advert]:
    return asyncio.run(browse(timeout_ms, parse_interfaces(settings.environment.mdns_interfaces)))


def _as_json(advert: Advert, pins: Pins) -> dict[str, Any]:
    return {
        "name": advert.name,
        "urls": list(advert.urls),
        "tls": advert.tls,
        "tlsFingerprint": advert.fingerprint,
        "known": pins.knows(advert),
    }


def _row(advert: Advert, pins: Pins) -> tuple[str, ...]:
    known = "yes, if it shows this certificate" if pins.knows(advert) else "no"
    certificate = (advert.fingerprint or "unnamed") if advert.tls else "none: not encrypted"
    return clean(advert.name), advert.urls[0], certificate, known

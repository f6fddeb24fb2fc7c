"""Listening for gateways on the local network, with zeroconf (the extra `discovery`)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from openclaw_core.errors import ConfigError
from openclaw_core.lan.advert import SERVICE_TYPE, Advert, read_advert

if TYPE_CHECKING:
    from zeroconf.asyncio import AsyncZeroconf

__all__ = ["INSTALL", "browse", "has_zeroconf", "open_zeroconf"]

INSTALL = "pip install 'openclaw-core[discovery]'"

_MOST = 64
_RESOLVE_MS = 1_000


def has_zeroconf() -> bool:
    """True when the extra is installed."""
    return find_spec("zeroconf") is not None


def open_zeroconf(interfaces: Iterable[str]) -> AsyncZeroconf:
    """A socket for multicast on these addresses of this machine; on all when there are none.

    Raises:
        ConfigError: the extra is missing, or no interface can be used.
    """
    if not has_zeroconf():
        raise ConfigError(f"discovery needs the extra of that name: {INSTALL}")
    from zeroconf import InterfaceChoice
    from zeroconf.asyncio import AsyncZeroconf

    chosen: Any = list(interfaces) or InterfaceChoice.All
    try:
        return AsyncZeroconf(interfaces=chosen)
    except OSError as error:
        raise ConfigError(
            f"mDNS is not possible here ({error}); name the address to use in OPENCLAW_MDNS_INTERFACES, or "
            "give the gateway's address instead of looking for it"
        ) from None


async def browse(timeout_ms: int, interfaces: Iterable[str] = ()) -> list[Advert]:
    """Everything that calls itself a gateway within that time, at most 64, sorted by name.

    Args:
        interfaces: addresses of this machine to listen on; none for all.

    Raises:
        ConfigError: as `open_zeroconf`.
    """
    zeroconf = open_zeroconf(interfaces)
    try:
        return await _collect(zeroconf, timeout_ms)
    finally:
        await zeroconf.async_close()


async def _collect(zeroconf: AsyncZeroconf, timeout_ms: int) -> list[Advert]:
    from zeroconf import ServiceStateChange
    from zeroconf.asyncio import AsyncServiceBrowser

    found: dict[str, asyncio.Task[Advert | None]] = {}

    def hear(name: str, state_change: ServiceStateChange, **_: Any) -> None:
        if state_change is ServiceStateChange.Removed:
            if (gone := found.pop(name, None)) is not None:
                gone.cancel()
        elif name not in found and len(found) < _MOST:
            found[name] = asyncio.get_running_loop().create_task(_resolve(zeroconf, name))

    browser = AsyncServiceBrowser(zeroconf.zeroconf, SERVICE_TYPE, handlers=[hear])
    try:
        await asyncio.sleep(timeout_ms / 1000)
    finally:
        await browser.async_cancel()
    adverts = []
    for task in found.values():
        with suppress(asyncio.CancelledError):
            adverts.append(await task)
    return sorted((item for item in adverts if item is not None), key=lambda item: (item.name, item.urls))


async def _resolve(zeroconf: AsyncZeroconf, name: str) -> Advert | None:
    from zeroconf import BadTypeInNameException
    from zeroconf.asyncio import AsyncServiceInfo

    try:
        info = AsyncServiceInfo(SERVICE_TYPE, name)
    except BadTypeInNameException:
        return None
    if not await info.async_request(zeroconf.zeroconf, _RESOLVE_MS):
        return None
    told = {key: value or "" for key, value in info.decoded_properties.items()}
    return read_advert(name.removesuffix(f".{SERVICE_TYPE}"), info.parsed_addresses(), info.port, told)

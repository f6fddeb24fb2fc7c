"""The gateway's own advert on the local network; it neither delays nor breaks serving."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from openclaw_core.config import Settings
from openclaw_core.errors import ConfigError
from openclaw_core.lan import SERVICE_TYPE, describe_gateway
from openclaw_core.lan.browse import INSTALL, has_zeroconf, open_zeroconf
from openclaw_core.lan.settings import parse_interfaces
from openclaw_core.services.advertised_url import own_addresses

if TYPE_CHECKING:
    from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

__all__ = ["Beacon"]

_log = logging.getLogger(__name__)
_NOT_IN_A_LABEL = re.compile(r"[^A-Za-z0-9-]+")
_MAX_LABEL_CHARS = 63


class Beacon:
    """Use `start`, then `stop`, which says goodbye to the network.

    Args:
        port: the one the gateway listens on.
        fingerprint: SHA-256 of its certificate; None without TLS.
    """

    def __init__(self, settings: Settings, port: int, fingerprint: str | None) -> None:
        self._settings = settings
        self._port = port
        self._fingerprint = fingerprint
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, unless the settings say that nobody is to be told."""
        if _is_wanted(self._settings):
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """End; the advert is withdrawn."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            info = await asyncio.to_thread(self._describe)
            zeroconf = open_zeroconf(parse_interfaces(self._settings.environment.mdns_interfaces))
        except (ConfigError, OSError) as error:
            _log.warning("this gateway is not advertised: %s", error)
            return
        try:
            await zeroconf.async_register_service(info, allow_name_change=True)
            await asyncio.get_running_loop().create_future()  # until `stop`
        except Exception:
            _log.warning("this gateway is not advertised any more", exc_info=True)
        finally:
            await self._withdraw(zeroconf, info)

    async def _withdraw(self, zeroconf: AsyncZeroconf, info: AsyncServiceInfo) -> None:
        try:
            await (await zeroconf.async_unregister_service(info))
        except Exception:
            _log.debug("others forget this gateway when its advert expires", exc_info=True)
        await zeroconf.async_close()

    def _describe(self) -> AsyncServiceInfo:
        if not has_zeroconf():
            raise ConfigError(f"discovery.mdns.mode is set, and the extra of that name is missing: {INSTALL}")
        from zeroconf.asyncio import AsyncServiceInfo

        name = socket.gethostname()
        label = _NOT_IN_A_LABEL.sub("-", name.partition(".")[0]).strip("-")[:_MAX_LABEL_CHARS] or "openclaw"
        reachable = not self._settings.binds_loopback_only
        told = describe_gateway(name, label, self._port, fingerprint=self._fingerprint, reachable=reachable)
        return AsyncServiceInfo(
            SERVICE_TYPE,
            f"{label} {self._port}.{SERVICE_TYPE}",
            parsed_addresses=self._addresses(),
            port=self._port,
            properties=told,
            server=f"{label}.local.",
        )

    def _addresses(self) -> list[str]:
        host = self._settings.bind_host
        with suppress(ValueError):
            if not ipaddress.ip_address(host).is_unspecified:
                return [host]
        return own_addresses() or ["127.0.0.1"]


def _is_wanted(settings: Settings) -> bool:
    mode = settings.discovery.mdns.mode
    if mode is None:
        return not settings.binds_loopback_only and has_zeroconf()
    return mode != "off"

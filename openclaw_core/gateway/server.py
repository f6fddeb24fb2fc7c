"""The gateway process: lock, state, port, clockwork, graceful stop (PROTOCOL 1)."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Iterator

import uvicorn

from openclaw_core import __version__
from openclaw_core.config import Settings
from openclaw_core.database_url import secrets_of
from openclaw_core.errors import ConfigError, OpenClawError
from openclaw_core.gateway.beacon import Beacon
from openclaw_core.gateway.clockwork import Clockwork
from openclaw_core.gateway.connection import Connection
from openclaw_core.gateway.gateway import Gateway
from openclaw_core.gateway.http import FrontDoor, build_app
from openclaw_core.gateway.lock import StateLock
from openclaw_core.gateway.logs import LogFormat, configure_logging
from openclaw_core.gateway.mounts import MountFactory, Site
from openclaw_core.gateway.tls import prepare_certificate
from openclaw_core.plugins import Plugins, load_plugins
from openclaw_core.services.audit_trail import open_chain
from openclaw_core.services.runtime import Runtime, wall_clock_ms
from openclaw_core.store.backup import finish_restore
from openclaw_core.store.sql import SqlStore

__all__ = ["GatewayServer", "refuse_exposure", "run_gateway"]


class _Uvicorn(uvicorn.Server):
    """uvicorn without its signal handling: the gateway decides how it ends."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self.stopping = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        # uvicorn wakes ten times a second for headers that this gateway does not send.
        await self.stopping.wait()


class GatewayServer:
    """A gateway on its port: `start`, then `stop`; both exactly once.

    Args:
        plugins: the families to serve; every installed one by default.
        now_ms: the clock of every decision, Unix ms; timers run on the event loop's own.
        mounts: what else is served on the port.

    Attributes:
        port: the port in use, also when 0 was asked for.
    """

    def __init__(
        self,
        settings: Settings,
        plugins: Plugins | None = None,
        *,
        now_ms: Callable[[], int] = wall_clock_ms,
        mounts: Iterable[MountFactory] = (),
    ) -> None:
        self._settings = settings
        self._plugins = plugins
        self._factories = tuple(mounts)
        self._now_ms = now_ms
        self._stack = contextlib.AsyncExitStack()
        self.port = 0
        self.gateway: Gateway

    async def start(self) -> None:
        """Serve.

        Raises:
            ConfigError: a client's configuration, exposed without auth, state dir in use, port taken.
            StoreError: the state cannot be opened.
        """
        settings = self._settings
        if settings.gateway.mode == "remote":
            raise ConfigError(
                "gateway.mode is remote: this machine is set up as a client of another gateway; set "
                "gateway.mode to local to serve here"
            )
        refuse_exposure(settings)
        listeners = bind_port(settings)
        self.port = listeners[0].getsockname()[1]
        for listener in listeners:
            self._stack.callback(listener.close)
        try:
            await self._start(listeners)
        except BaseException:
            await self._stack.aclose()
            raise

    async def _start(self, listeners: list[socket.socket]) -> None:
        settings = self._settings
        self._stack.enter_context(StateLock(settings.state_dir))
        finish_restore(settings.state_dir)
        store = SqlStore(settings.database_url, chain=open_chain(settings.state_dir))
        await store.start()
        self._stack.push_async_callback(store.close)
        plugins = self._plugins if self._plugins is not None else load_plugins()
        runtime = Runtime(settings, store, plugins, version=__version__, now_ms=self._now_ms)
        await runtime.load()
        certificate = prepare_certificate(settings)
        runtime.port = self.port
        runtime.tls_fingerprint = certificate.fingerprint if certificate is not None else None
        self._stack.callback(runtime.audit.flush)
        self.gateway = Gateway(runtime)
        runtime.families.start()
        site = Site(settings.own_url(self.port), runtime.tls_fingerprint)
        mounts = [make(site) for make in self._factories]
        server = _Uvicorn(
            uvicorn.Config(
                build_app(self.gateway, mounts),
                http=FrontDoor,
                ws=Connection,
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                timeout_graceful_shutdown=3,
                ssl_certfile=certificate.cert_file if certificate is not None else None,
                ssl_keyfile=certificate.key_file if certificate is not None else None,
            )
        )
        serving = asyncio.create_task(server.serve(sockets=listeners))
        self._stack.push_async_callback(self._finish, server, serving)
        for mount in mounts:
            self._stack.push_async_callback(mount.close)
        await asyncio.wait({serving, asyncio.create_task(server.ready.wait())}, return_when="FIRST_COMPLETED")
        beacon = Beacon(settings, self.port, runtime.tls_fingerprint)
        beacon.start()
        self._stack.push_async_callback(beacon.stop)
        clockwork = Clockwork(self.gateway)
        clockwork.start()
        self._stack.push_async_callback(clockwork.stop)

    async def _finish(self, server: _Uvicorn, serving: asyncio.Task[None]) -> None:
        await self.gateway.stop()
        server.should_exit = True
        server.stopping.set()
        await serving

    async def stop(self) -> None:
        """Send `shutdown`, close every socket with 1012, store what waits."""
        await self._stack.aclose()


def refuse_exposure(settings: Settings) -> None:
    """Refuse to listen beyond this host without authentication.

    Raises:
        ConfigError: names the setting and the cure.
    """
    mode = settings.auth_mode
    if mode == "password" and not settings.gateway.auth.password:
        raise ConfigError(
            "gateway.auth.mode is password but no password is set: pass --password, or set "
            "OPENCLAW_GATEWAY_PASSWORD or gateway.auth.password"
        )
    if mode == "trusted-proxy" and not (
        settings.gateway.trusted_proxies and settings.gateway.auth.trusted_proxy.user_header
    ):
        raise ConfigError(
            "gateway.auth.mode is trusted-proxy: set gateway.trustedProxies to the proxy's address, and "
            "gateway.auth.trustedProxy.userHeader to the header in which it names the user"
        )
    if mode == "none" and not settings.binds_loopback_only:
        raise ConfigError(
            f"refusing to listen on {settings.bind_host} without authentication: use --auth token or "
            "--auth password, or --bind loopback"
        )


def bind_port(settings: Settings) -> list[socket.socket]:
    """The listening sockets; `loopback` means 127.0.0.1 and, where there is IPv6, ::1 (1.1).

    Raises:
        ConfigError: the port is taken or the address is not this host's.
    """
    host, port = settings.bind_host, settings.gateway.port
    try:
        listeners = [_listen(host, port)]
    except OSError as error:
        cure = "choose another port with --port, or stop the program that holds it"
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            cure = "give an address of this host: --bind loopback, --bind lan or --bind ADDRESS"
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror}; {cure}") from None
    if settings.gateway.bind == "loopback":
        # A host without IPv6, or another program on ::1 alone, is no reason not to serve.
        with contextlib.suppress(OSError):
            listeners.append(_listen("::1", listeners[0].getsockname()[1]))
    return listeners


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def run_gateway(
    settings: Settings,
    log_format: LogFormat | None = None,
    plugins: Plugins | None = None,
    mounts: Iterable[MountFactory] = (),
) -> int:
    """Serve until SIGTERM or SIGINT; the process's exit code.

    Args:
        log_format: instead of `OPENCLAW_LOG_FORMAT`.
        plugins: the families to serve; every installed one by default.
        mounts: what else is served on the port.
    """
    log_format = log_format or settings.environment.log_format
    if sys.platform != "win32":
        import uvloop  # only here: tests and clients run on the standard loop

        return uvloop.run(_serve(settings, log_format, plugins, mounts))
    return asyncio.run(_serve(settings, log_format, plugins, mounts))


async def _serve(
    settings: Settings, log_format: LogFormat, plugins: Plugins | None, mounts: Iterable[MountFactory]
) -> int:
    token_note = ""
    if settings.auth_mode == "token" and not settings.gateway.auth.token:
        _, minted = settings.mint_token()
        token_note = f"; {'new ' if minted else ''}token in {settings.token_file}"
    secrets = (settings.local_token(), settings.local_password(), *secrets_of(settings.database_url))
    configure_logging(log_format, secrets, level=settings.environment.log_level)
    server = GatewayServer(settings, plugins, mounts=mounts)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        # Windows has no such handlers; there Ctrl-C ends asyncio.run itself.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(name, stopping.set)
    try:
        await server.start()
    except OpenClawError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return 1
    # What lives now lives long: spare the collector from walking it again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    host, fingerprint = settings.bind_host, server.gateway.runtime.tls_fingerprint
    pin = f"; certificate SHA-256 {fingerprint}" if fingerprint is not None else ""
    print(
        f"openclaw gateway {__version__} serves on {'wss' if pin else 'ws'}://{host}:{server.port} "
        f"(auth {settings.auth_mode}{token_note}{pin})",
        flush=True,
    )
    await stopping.wait()
    await server.stop()
    return 0

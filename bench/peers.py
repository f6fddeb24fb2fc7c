"""The servers that get the same load: ours, the original gateway, and two bare relays."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.process import SERVER_CORE, ServerProcess, pinned, start_server
from bench.session import Target, await_ready
from tests.interop.peers import ensure_peers
from tests.interop.process import clean_env, free_port

__all__ = ["PEERS", "Peer", "RunningPeer"]

TOKEN = "bench-shared-token"
IMPORT_TIMEOUT_S = 60.0
SETTLE_S = 3.0
"""Rest after the start, so that work a gateway does behind its start is not measured as load."""


@dataclass(frozen=True, slots=True)
class RunningPeer:
    """A serving peer: where it listens and its process."""

    port: int
    token: str
    server: ServerProcess
    ready_s: float
    """Seconds from spawn to the first accepted operator connect."""


@dataclass(frozen=True, slots=True)
class Peer:
    """How to start one server, and how to only load its code."""

    name: str
    title: str
    serve: Callable[[int], Sequence[str]]
    load_code: Sequence[str] | None
    config: dict[str, object] = field(default_factory=dict)
    """`openclaw.json` of a gateway; empty for a relay."""

    def start(self, state_dir: Path) -> RunningPeer:
        """Start it on a free port with `state_dir` as its own state and home.

        Raises TimeoutError with the end of its log when it does not serve.
        """
        port = free_port()
        command = self.serve(port)
        environment = clean_env(state_dir, {"PYTHONPATH": str(_CHECKOUT)})
        if self.config:
            (state_dir / "openclaw.json").write_text(json.dumps(self.config))
        begun = time.perf_counter()
        server = start_server(command, port, environment, state_dir / "server.log")
        try:
            asyncio.run(await_ready(Target(port, TOKEN)))
        except BaseException:
            server.stop()
            raise
        ready_s = time.perf_counter() - begun
        time.sleep(SETTLE_S)
        return RunningPeer(port, TOKEN, server, ready_s)

    def time_code_load(self, state_dir: Path) -> float | None:
        """Seconds a process takes that imports the server's code and ends; None if it cannot."""
        if self.load_code is None:
            return None
        environment = clean_env(state_dir, {"PYTHONPATH": str(_CHECKOUT)})
        command, sink = self.load_code, subprocess.DEVNULL
        begun = time.perf_counter()
        with pinned(SERVER_CORE):
            subprocess.run(command, env=environment, check=True, timeout=IMPORT_TIMEOUT_S, stdout=sink)
        return time.perf_counter() - begun


_CHECKOUT = Path(__file__).resolve().parents[1]
_GATEWAY_RUN = ("gateway", "run", "--token", TOKEN, "--port")
_CONFIG: dict[str, object] = {
    "gateway": {"mode": "local", "bind": "loopback", "auth": {"mode": "token", "token": TOKEN}}
}


def _module(name: str) -> Callable[[int], Sequence[str]]:
    return lambda port: (sys.executable, "-m", name, str(port))


def _importing(name: str) -> Sequence[str]:
    return (sys.executable, "-c", f"import {name}")


PEERS = {
    peer.name: peer
    for peer in (
        Peer(
            "ours",
            "openclaw-core",
            lambda port: (sys.executable, "-m", "openclaw_core", *_GATEWAY_RUN, str(port)),
            _importing("openclaw_core.gateway.server"),
            _CONFIG,
        ),
        Peer(
            "real",
            "original gateway",
            lambda port: (*ensure_peers().argv, *_GATEWAY_RUN, str(port)),
            None,
            _CONFIG,
        ),
        Peer(
            "sansio",
            "bare sans-I/O relay",
            _module("bench.relay_sansio"),
            _importing("bench.relay_sansio"),
        ),
        Peer(
            "asyncio",
            "bare asyncio relay",
            _module("bench.relay_asyncio"),
            _importing("bench.relay_asyncio"),
        ),
    )
}
"""Every peer by its name on the command line, in the order of the table."""

"""`openclaw up`: a gateway and a node on this machine, as one foreground process."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from openclaw_core.cli.call import ADMIN, PAIRING, READ, WRITE, Call
from openclaw_core.cli.children import Child, run_once
from openclaw_core.cli.dashboard import dashboard_link
from openclaw_core.cli.endpoint import Flags
from openclaw_core.cli.failure import CliError
from openclaw_core.cli.output import clean, print_line
from openclaw_core.cli.own_node import await_approved, first_example
from openclaw_core.config import Settings, load_settings
from openclaw_core.control_ui import BUILD_COMMAND, is_built
from openclaw_core.endpoint import Endpoint, known_pin

__all__ = ["console_command", "next_command", "run_up"]

READY_TIMEOUT_S = 60.0
_POLL_S = 0.1
_URL = re.compile(r"wss?://[^\s,;)]+")


def run_up(port: int | None, display_name: str | None) -> int:
    """Start both, approve the node, tell the next command, stay until a signal or a death.

    Returns:
        0 after SIGINT or SIGTERM, else the exit code of the child that died.

    Raises:
        CliError: a child died before everything was up, or did not get ready in 60 seconds.
        ConfigError: the settings are wrong.
    """
    settings = load_settings(overrides={"port": port})
    return asyncio.run(_Up(settings, display_name or socket.gethostname(), port).run())


@dataclass
class _Up:
    settings: Settings
    display_name: str
    port: int | None
    env: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    children: list[Child] = field(default_factory=list)

    async def run(self) -> int:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError):  # Windows: Ctrl-C ends asyncio.run itself
                loop.add_signal_handler(number, stopped.set)
        signalled = loop.create_task(stopped.wait())
        setup = loop.create_task(self._bring_up())
        try:
            return await self._supervise(setup, signalled)
        finally:
            for task in (setup, signalled):
                task.cancel()
            # Its failure is told already, or follows from the death that is.
            await asyncio.gather(setup, signalled, return_exceptions=True)
            for child in reversed(self.children):
                await child.stop()

    async def _supervise(self, setup: asyncio.Task[None], signalled: asyncio.Task[Any]) -> int:
        watched: set[asyncio.Task[Any]] = {setup, signalled}
        while True:
            # A child appears while the set-up runs, so look again when one did.
            lives = {child.exited for child in self.children}
            await asyncio.wait(watched | lives, timeout=_POLL_S, return_when=asyncio.FIRST_COMPLETED)
            if signalled.done():
                return 0
            for child in self.children:
                if child.exited.done():
                    raise _died(child, self.settings)
            if setup.done() and setup in watched:
                setup.result()
                watched.discard(setup)

    async def _bring_up(self) -> None:
        url = await self._start_gateway()
        endpoint = self._operator_endpoint(url)
        for name, secret in (("TOKEN", endpoint.token), ("PASSWORD", endpoint.password)):
            if secret:
                self.env[f"OPENCLAW_GATEWAY_{name}"] = secret
        port = str(urlsplit(url).port)
        node_id = await self._node_id()
        arguments = ["node", "run", "--host", "127.0.0.1", "--port", port]
        arguments += ["--display-name", self.display_name]
        self.children.append(await Child.start("node   ", arguments, self.env))
        call = Call(endpoint, Flags(), (READ, PAIRING), (WRITE, ADMIN))
        try:
            node = await await_approved(call, node_id)
            page = await self._page(call)
        finally:
            await call.close()
        print_line(f"Node {clean(self.display_name)} is connected and approved.")
        for line in page:
            print_line(line)
        print_line("Next, in another terminal:")
        print_line(f"  {next_command(node, self._command_prefix(port))}")
        sys.stdout.flush()

    async def _page(self, call: Call) -> tuple[str, ...]:
        if not self.settings.gateway.control_ui.enabled:
            return ("The Control UI is switched off (gateway.controlUi.enabled).",)
        if not is_built():
            return (f"The Control UI is not built, which takes Node.js and npm: {BUILD_COMMAND}",)
        link = await dashboard_link(call)
        return f"Control UI: {link.url}", f"  {link.validity} Another link: openclaw dashboard"

    async def _start_gateway(self) -> str:
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def hear(line: str) -> None:
            found = _URL.search(line)
            if found and not ready.done():
                ready.set_result(found.group())

        # A person reads this terminal: the routine of each connection stays in the audit trail.
        env = {"OPENCLAW_LOG_LEVEL": "warning", **self.env}
        arguments = ["gateway", "run"]
        if self.port is not None:
            arguments += ["--port", str(self.port)]
        self.children.append(await Child.start("gateway", arguments, env, hear))
        try:
            return await asyncio.wait_for(ready, READY_TIMEOUT_S)
        except TimeoutError:
            raise CliError(
                f"the gateway did not get ready within {READY_TIMEOUT_S:.0f} s",
                code="NOT_READY",
                steps=("start it alone to see why: openclaw gateway run",),
            ) from None

    def _operator_endpoint(self, url: str) -> Endpoint:
        return Endpoint(
            url=(local := f"{urlsplit(url).scheme}://127.0.0.1:{urlsplit(url).port}"),
            tls_fingerprint=known_pin(self.settings, local),
            token=self.settings.local_token(),
            password=self.settings.local_password(),
            needs_identity=self.settings.auth_mode == "none",
            state_dir=self.settings.state_dir,
        )

    async def _node_id(self) -> str:
        code, out, err = await run_once(["node", "identity", "--json"], self.env)
        if code != 0:
            raise CliError(
                f"this machine's node has no usable identity: {err.strip()}",
                code="NODE_IDENTITY",
                steps=("see for yourself: openclaw node identity",),
            )
        return str(json.loads(out)["deviceId"])

    def _command_prefix(self, port: str) -> list[str]:
        # The next command runs in a shell that was not told `--port`.
        told = load_settings().gateway.port
        return [] if port == str(told) else [f"OPENCLAW_GATEWAY_PORT={port}"]


def _died(child: Child, settings: Settings) -> CliError:
    code = child.exited.result()
    words = [line for line in child.last_words if line.strip()]
    steps = [f"{child.label.strip()} said: {line}" for line in words]
    if child.label.strip() == "gateway":
        steps.append(f"if the port is taken, choose another: openclaw up --port {settings.gateway.port + 1}")
        steps.append(f"if another gateway uses {settings.state_dir}, stop it, or: openclaw gateway status")
    return CliError(
        f"the {child.label.strip()} ended unexpectedly with exit code {code}",
        code="CHILD_DIED",
        steps=tuple(steps),
        exit_code=code if code > 0 else 128 - code if code < 0 else 1,
    )


def next_command(node: dict[str, Any], prefix: list[str] | None = None) -> str:
    """A command worth typing first: a harmless one of the node's with an example, else describe."""
    name = str(node.get("displayName") or node["nodeId"])
    example = first_example(node.get("commands") or ())
    words = [*console_command(), "nodes"]
    if example is None:
        words += ["describe", "--node", name]
    else:
        words += [
            "invoke",
            "--node",
            name,
            "--command",
            example[0],
            "--params",
            json.dumps(example[1], separators=(",", ":")),
        ]
    return " ".join([*(prefix or ()), shlex.join(words)])


def console_command() -> list[str]:
    """This program as the person can type it from the current directory."""
    script = Path(sys.argv[0])
    if script.name not in ("openclaw", "openclaw.exe"):
        beside = Path(sys.executable).with_name("openclaw")
        if not beside.exists():
            return [sys.executable, "-m", "openclaw_core"]
        script = beside
    found = shutil.which("openclaw")
    if found and Path(found).absolute() == script.absolute():
        return ["openclaw"]
    with suppress(ValueError):
        return [str(script.absolute().relative_to(Path.cwd()))]
    return [str(script.absolute())]

"""The gateway and this machine's node: running, as a service or in the background; the node approved."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from openclaw_core.cli.call import Call
from openclaw_core.cli.failure import CliError
from openclaw_core.cli.onboard.setup import Setup
from openclaw_core.cli.own_node import await_approved
from openclaw_core.cli.service import background
from openclaw_core.cli.service.plan import Kind, refuse_shell_secrets
from openclaw_core.client import load_or_create_identity
from openclaw_core.errors import GatewayUnreachableError

__all__ = ["Gateway", "Node", "decide_service"]

_READY_TIMEOUT_S = 60.0
_POLL_S = 0.2


def decide_service(setup: Setup) -> bool:
    """How both shall run, as services or in the background; False when the person wants neither.

    Raises:
        CliError: a service was asked for and this machine has no manager for it.
    """
    service = setup.service("gateway")
    wanted = setup.wanted.install_service
    if wanted is False and background.SUPPORTED:
        setup.as_service = False
        return True
    why = service.manager.why_unusable()
    if why is not None:
        if wanted or not background.SUPPORTED:
            raise CliError(
                f"cannot install a service: {why}",
                code="NO_SERVICE_MANAGER",
                steps=("run them in the background instead: openclaw onboard --no-install-service",),
            )
        setup.as_service = False
        setup.interview.tell(f"There is no service manager here: {why}.")
        question = "Run gateway and node in the background, until this machine restarts?"
        return setup.interview.confirm(question, default=True)
    if wanted is None:
        question = f"Start gateway and node with your session, by the {service.manager.title}?"
        wanted = setup.interview.confirm(question, default=True)
    setup.as_service = wanted
    if not wanted:
        setup.interview.tell("They run in the background then, until this machine restarts.")
    return True


def _start(setup: Setup, kind: Kind) -> str:
    """Start it the way that was decided; how it runs now."""
    service = setup.service(kind)
    if setup.as_service:
        refuse_shell_secrets(kind, setup.settings)
        service.install()
        if not service.state().running:
            service.start()
    elif not service.state().running:
        service.start_in_background()
    return service.state().sentence()


def _with_call(setup: Setup, ask: Callable[[Call], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        call = setup.call()
        try:
            return await ask(call)
        finally:
            await call.close()

    return asyncio.run(run())


class Gateway:
    """A gateway answers, with the settings of the file."""

    def check(self, setup: Setup) -> str | None:
        """It answers this machine's own tools.

        Raises:
            HandshakeRefusedError: it is there and does not let this machine in.
        """
        if setup.outdated:
            return None
        try:
            self._report(setup)
        except GatewayUnreachableError:
            return None
        return self._sentence(setup, "answers")

    def ask(self, setup: Setup) -> bool:
        """As a service or in the background, unless it runs as one of them already."""
        state = setup.service("gateway").state()
        if state.manager is None:
            return decide_service(setup)
        setup.as_service = state.manager != "background"
        return True

    def do(self, setup: Setup) -> str:
        """Start it, or start it anew for changed settings, and wait until it answers."""
        if setup.outdated:
            # The node was told the old address at its start; its own step starts it anew.
            setup.service("node").stop()
            setup.service("gateway").stop()
        setup.say("      starting the gateway …")
        how = _start(setup, "gateway")
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while True:
            try:
                self._report(setup)
                break
            except GatewayUnreachableError as error:
                if time.monotonic() > deadline:
                    raise CliError(
                        f"the gateway was started ({how}) but does not answer: {error}",
                        code="NOT_READY",
                        steps=("run it in this terminal to see why: openclaw gateway run",),
                    ) from None
            time.sleep(_POLL_S)
        setup.outdated = False
        return self._sentence(setup, "started:")

    def _report(self, setup: Setup) -> None:
        hello = _with_call(setup, Call.hello)
        settings = setup.settings
        setup.report["gateway"] = {
            "url": settings.local_url(),
            "version": hello.server.version,
            "bind": settings.gateway.bind,
            "auth": settings.auth_mode,
            "tls": settings.gateway.tls.enabled,
            "service": setup.service("gateway").state().as_json(),
        }

    @staticmethod
    def _sentence(setup: Setup, verb: str) -> str:
        state = setup.service("gateway").state()
        how = state.sentence() if state.manager is not None else "not as a service"
        return f"gateway {verb} {setup.settings.local_url()} ({how})"


class Node:
    """This machine's node is connected, and what it offers is approved."""

    def check(self, setup: Setup) -> str | None:
        """The gateway lists it so."""
        own = self._own_id(setup)
        nodes = _with_call(setup, lambda call: call.request("node.list"))["nodes"]
        node = next((item for item in nodes if item["nodeId"] == own and item.get("connected")), None)
        if node is None or node.get("approvalState") != "approved":
            return None
        return self._sentence(setup, node, "is connected and approved")

    def ask(self, setup: Setup) -> bool:
        """May operators use this machine, and how shall its node run?"""
        setup.interview.tell(
            "A node lets operators of this gateway use this machine: run commands, read files"
        )
        setup.interview.tell(
            "and what else its families offer. See what, before or after: openclaw node doctor"
        )
        if not setup.interview.confirm("Pair this machine as a node?", default=True):
            return False
        state = setup.service("node").state()
        if state.manager is not None:
            setup.as_service = state.manager != "background"
        if setup.as_service is None:
            gateway = setup.service("gateway").state()
            setup.as_service = None if gateway.manager is None else gateway.manager != "background"
        return setup.as_service is not None or decide_service(setup)

    def do(self, setup: Setup) -> str:
        """Start it and approve it: its key, if the gateway does not do so itself, and its commands."""
        setup.say("      starting this machine's node …")
        how = _start(setup, "node")
        own = self._own_id(setup)

        async def wait(call: Call) -> dict[str, Any]:
            async with asyncio.timeout(_READY_TIMEOUT_S):
                return await await_approved(call, own, setup.say, approve_device=True)

        try:
            node = _with_call(setup, wait)
        except TimeoutError:
            raise CliError(
                f"the node was started ({how}) but did not connect within {_READY_TIMEOUT_S:.0f} s",
                code="NOT_READY",
                steps=("see what it says: openclaw node status",),
            ) from None
        return self._sentence(setup, node, "started and approved")

    @staticmethod
    def _own_id(setup: Setup) -> str:
        return load_or_create_identity(setup.settings.state_dir / "node" / "identity.json").device_id

    @staticmethod
    def _sentence(setup: Setup, node: dict[str, Any], what: str) -> str:
        state = setup.service("node").state()
        setup.node = node
        setup.report["node"] = {
            "nodeId": node["nodeId"],
            "displayName": node.get("displayName"),
            "commands": node.get("commands"),
            "service": state.as_json(),
        }
        how = state.sentence() if state.manager is not None else "not as a service"
        return f"node {node.get('displayName') or node['nodeId'][:12]} {what} ({how})"

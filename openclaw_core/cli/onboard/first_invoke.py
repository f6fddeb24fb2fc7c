"""The proof that it works: one harmless command on this machine's node."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any

from openclaw_core.cli.call import READ, WRITE
from openclaw_core.cli.failure import CliError
from openclaw_core.cli.onboard.setup import Setup
from openclaw_core.cli.own_node import first_example

__all__ = ["FirstInvoke"]

_TIMEOUT_MS = 15_000


class FirstInvoke:
    """Only after this run started the node: a set-up that stands is not tried out again."""

    def __init__(self, node_was_there: bool) -> None:
        self._node_was_there = node_was_there

    def check(self, setup: Setup) -> str | None:
        """The node was there before this run."""
        if setup.node is None:
            return "no node of this machine, so nothing to try"
        return (
            "the node was there before this run, and is not tried out again" if self._node_was_there else None
        )

    def ask(self, setup: Setup) -> bool:
        """Is there a read-only command with an example?"""
        return self._example(setup) is not None

    def do(self, setup: Setup) -> str:
        """Invoke it as any operator would."""
        found = self._example(setup)
        assert found is not None
        assert setup.node is not None
        name, params = found
        request = {
            "nodeId": setup.node["nodeId"],
            "command": name,
            "params": params,
            "timeoutMs": _TIMEOUT_MS,
            "idempotencyKey": secrets.token_hex(16),
        }
        answer = asyncio.run(self._invoke(setup, request))
        setup.report["invoke"] = {"command": name, "params": params, "payload": answer.get("payload")}
        shown = json.dumps(answer.get("payload"), ensure_ascii=False)
        return f"invoked {name} {json.dumps(params)} -> {shown if len(shown) <= 160 else shown[:159] + '…'}"

    @staticmethod
    def _example(setup: Setup) -> tuple[str, Any] | None:
        return first_example((setup.node or {}).get("commands") or ())

    @staticmethod
    async def _invoke(setup: Setup, request: dict[str, Any]) -> dict[str, Any]:
        call = setup.call(READ, WRITE)
        try:
            answer = await call.invoke(request, _TIMEOUT_MS + 10_000)
        finally:
            await call.close()
        if not isinstance(answer, dict):
            raise CliError(f"the node answered {answer!r}", code="BAD_ANSWER")
        return answer

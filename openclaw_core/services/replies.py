"""Telling callers what became of their invokes; every answer leaves an audit entry."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from openclaw_core.errors import RpcError, StoreError
from openclaw_core.hookspecs import Caller, Invocation
from openclaw_core.protocol.nodes import NodeInvokeParams
from openclaw_core.services import outcomes
from openclaw_core.services.audit import Audit, Outcome
from openclaw_core.services.flights import Reply
from openclaw_core.services.tally import Tally

__all__ = ["Replies"]


class Replies:
    """Answers and their entries in the trail."""

    def __init__(self, audit: Audit, tally: Tally) -> None:
        self._audit = audit
        self._tally = tally

    def tell(
        self,
        invocation: Invocation,
        answer: bytes | RpcError,
        reply: Reply,
        *,
        caller: Caller | None = None,
        **facts: Any,
    ) -> None:
        """The invoke's end.

        Args:
            caller: who asked, when it is not who asked first.
            facts: for the entry, besides command and code.
        """
        outcome: Outcome = "ok"
        if isinstance(answer, RpcError):
            outcome, facts["code"] = "failed", outcomes.code_of(answer)
        caller, command = caller or invocation.caller, invocation.command
        self._audit.note("invoke", caller, invocation.node_id, outcome, command=command, **facts)
        reply(answer)

    async def tell_later(
        self, invocation: Invocation, later: Awaitable[bytes | RpcError], reply: Reply
    ) -> None:
        """The same, of a refusal that became work for later, or could not.

        The entry says that it was `queued` only; what came of it is an entry of its own.
        """
        facts: dict[str, Any] = {}
        try:
            answer = await later
            facts = {"queued": True}
        except RpcError as error:
            answer = error
        except StoreError as error:
            answer = outcomes.not_recorded(invocation.command, error)
        self.tell(invocation, answer, reply, **facts)

    def refuse(self, caller: Caller, params: NodeInvokeParams, refusal: RpcError, reply: Reply) -> None:
        """Nothing was sent."""
        self._tally.refused_invoke(params.command)
        facts = {"command": params.command, "code": outcomes.code_of(refusal)}
        self._audit.note("invoke", caller, params.node_id, "refused", **facts)
        reply(refusal)

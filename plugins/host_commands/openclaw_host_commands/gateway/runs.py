"""Runs this gateway authorised, so that a node's `exec.*` events can be believed (PROTOCOL 12.5)."""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import Any

__all__ = ["EXEC_EVENTS", "AuthorisedRuns"]

EXEC_EVENTS = frozenset({"exec.started", "exec.finished", "exec.denied"})
MAX_RUNS = 4_096

_log = logging.getLogger(__name__)


class AuthorisedRuns:
    """The newest runs by node and run id; each may be reported as ended once."""

    def __init__(self) -> None:
        self._runs: OrderedDict[tuple[str, str], None] = OrderedDict()

    def add(self, node_id: str, run_id: str) -> None:
        """Remember a run that is about to be sent to the node."""
        self._runs[node_id, run_id] = None
        self._runs.move_to_end((node_id, run_id))
        if len(self._runs) > MAX_RUNS:
            self._runs.popitem(last=False)

    def handle(self, node_id: str, event: str, payload: Any) -> dict[str, Any]:
        """The result of the node's `exec.*` event: matched to a run, or left unhandled."""
        run_id = payload.get("runId") if isinstance(payload, dict) else None
        known = isinstance(run_id, str) and (node_id, run_id) in self._runs
        if not known or not isinstance(run_id, str):
            return {"ok": True, "event": event, "handled": False, "reason": "unmatched_exec_event"}
        if event != "exec.started":
            del self._runs[node_id, run_id]
        _log.info(
            "%s on node %s: run %s, exit %s, reason %s",
            event, node_id, run_id, payload.get("exitCode"), payload.get("reason"),
        )  # fmt: skip
        return {"ok": True}

"""Checks every frame a gateway sent against the schema its authors publish.

What is checked: the frame itself (ResponseFrame, EventFrame), hello-ok, and those results, events
and error details for which the schema has a definition. `faults()` answers sentences, so that one
failed test shows everything that is wrong in a recording.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema

from .recorder import Link

__all__ = ["ERRORS", "EVENTS", "RESULTS", "Schema"]

Json = dict[str, Any]

RESULTS = {
    "connect": "HelloOk",
    "device.pair.setupCode": "DevicePairSetupCodeResult",
    "device.pair.setupStatus": "DevicePairSetupStatusResult",
    "device.token.rotate": "DeviceTokenRotateResult",
    "exec.approvals.node.get": "ExecApprovalsNodeSnapshot",
    "exec.approvals.node.set": "ExecApprovalsNodeSnapshot",
    "node.event": "NodeEventResult",
    "node.pending.drain": "NodePendingDrainResult",
    "node.pending.enqueue": "NodePendingEnqueueResult",
    "system.info": "SystemInfoResult",
}
EVENTS = {
    "device.pair.requested": "DevicePairRequestedEvent",
    "device.pair.resolved": "DevicePairResolvedEvent",
    "device.pair.setup.completed": "DevicePairSetupCompletedEvent",
    "device.pair.setup.deliveryUncertain": "DevicePairSetupDeliveryUncertainEvent",
    "node.invoke.input": "NodeInvokeInputEvent",
    "node.invoke.request": "NodeInvokeRequestEvent",
    "shutdown": "ShutdownEvent",
    "tick": "TickEvent",
}
ERRORS = {"MISSING_SCOPE": "MissingScopeErrorDetails"}


class Schema:
    """The published definitions, each compiled on first use."""

    def __init__(self, path: Path) -> None:
        self.definitions: Json = json.loads(path.read_text())["definitions"]
        self.compiled = cache(self._compile)

    def _compile(self, name: str) -> Callable[[Any], Any]:
        compiled: Callable[[Any], Any] = fastjsonschema.compile(self.definitions[name])
        return compiled

    def fault(self, name: str, value: Any) -> str | None:
        """Why `value` is not a `name` of the schema, or nothing."""
        try:
            self.compiled(name)(value)
        except fastjsonschema.JsonSchemaValueException as problem:
            return f"{name}: {problem.message}"
        return None

    def faults(self, links: Iterable[Link]) -> list[str]:
        """Every distinct fault of the frames the gateway sent, each with the first value that has it."""
        found: dict[str, str] = {}
        for link in links:
            for fault, value in self._faults_of(link):
                found.setdefault(fault, f"{fault} in {json.dumps(value)[:400]}")
        return list(found.values())

    def _faults_of(self, link: Link) -> Iterator[tuple[str, Any]]:
        asked: dict[str, str] = {}
        for frame in link.frames:
            if frame.sender == "client":
                asked[str(frame.body.get("id"))] = str(frame.body.get("method"))
                continue
            for name, value in self._checks(frame.body, asked):
                if fault := self.fault(name, value):
                    yield fault, value

    def _checks(self, body: Json, asked: dict[str, str]) -> Iterator[tuple[str, Any]]:
        """Pairs of definition and value that this gateway frame must satisfy."""
        if body.get("type") == "event":
            yield "EventFrame", body
            yield from self._event_checks(body)
        else:
            yield "ResponseFrame", body
            yield from self._answer_checks(body, asked.get(str(body.get("id")), ""))

    def _event_checks(self, body: Json) -> Iterator[tuple[str, Any]]:
        event = body.get("event", "")
        if event in EVENTS:
            yield EVENTS[event], body.get("payload")
        if event == "presence":
            for entry in body["payload"]["presence"]:
                yield "PresenceEntry", entry

    def _answer_checks(self, body: Json, method: str) -> Iterator[tuple[str, Any]]:
        if body.get("ok") and method in RESULTS:
            yield RESULTS[method], body.get("payload")
        details = (body.get("error") or {}).get("details")
        if isinstance(details, dict) and details.get("code") in ERRORS:
            yield ERRORS[details["code"]], details

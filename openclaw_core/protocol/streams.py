"""Progress, input, cancel and list of invokes in flight (PROTOCOL 11.5).

`node.invoke.progress` from a node and the two events to it are published; what operators send
and get here is an addition of this gateway, which others refuse as an unknown method.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from openclaw_core.protocol.base import Integer, NonEmpty, Omittable, Wire

__all__ = [
    "CHUNK_CHARS",
    "NodeInvokeCancel",
    "NodeInvokeCancelParams",
    "NodeInvokeInput",
    "NodeInvokeInputParams",
    "NodeInvokeListParams",
    "NodeInvokeProgress",
    "NodeInvokeProgressParams",
]

CHUNK_CHARS = 16_384
"""The most one progress chunk or one input may hold, in characters."""

Sequence = Annotated[Integer, Field(ge=0)]
Chunk = Annotated[str, Field(max_length=CHUNK_CHARS)]


class NodeInvokeProgressParams(Wire):
    """A piece of output from a node that runs an invoke; `seq` counts from 0 per delivery."""

    invoke_id: NonEmpty
    node_id: NonEmpty
    seq: Sequence
    chunk: Chunk


class NodeInvokeProgress(Wire):
    """Event to the operator that asked with `progress: true`; a gap in `seq` is a lost chunk."""

    invoke_id: NonEmpty
    idempotency_key: NonEmpty
    node_id: NonEmpty
    seq: Sequence
    chunk: Chunk


class NodeInvokeCancel(Wire):
    """Event to a node: stop this work, no result is needed."""

    invoke_id: NonEmpty
    node_id: NonEmpty


class NodeInvokeInput(Wire):
    """Event to a node: input for a command that runs."""

    id: NonEmpty
    node_id: NonEmpty
    seq: Sequence
    payload_json: Annotated[Chunk, Field(alias="payloadJSON")]


class NodeInvokeCancelParams(Wire):
    """An operator stops an invoke in flight, by the key it was asked with."""

    node_id: NonEmpty
    idempotency_key: NonEmpty


class NodeInvokeInputParams(Wire):
    """An operator's input for an invoke in flight; `seq` counts from 0."""

    node_id: NonEmpty
    idempotency_key: NonEmpty
    seq: Sequence
    payload_json: Annotated[Chunk, Field(alias="payloadJSON")]


class NodeInvokeListParams(Wire):
    """Invokes in flight; of one node, or of all."""

    node_id: Omittable[NonEmpty] = None

"""`node.*`: params, results, events (PROTOCOL 8, 10, 11, 12)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from openclaw_core.protocol.base import Integer, NonEmpty, Omittable, Timestamp, Wire

__all__ = [
    "HostStats",
    "NodeDescribeParams",
    "NodeEventParams",
    "NodeEventResult",
    "NodeInvokeError",
    "NodeInvokeParams",
    "NodeInvokeRequest",
    "NodeInvokeResultParams",
    "NodeListParams",
    "NodePairListParams",
    "NodePairRemoveParams",
    "NodePairRequestParams",
    "NodePluginTool",
    "NodePluginToolsUpdateParams",
    "NodePresenceAlive",
    "NodeRenameParams",
    "NodeRunnerInventoryUpdateParams",
    "NodeSkill",
    "NodeSkillsUpdateParams",
]


def _text_or_number(value: Any) -> Any:
    # One problem at the field instead of one per member of the union.
    if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise ValueError("must be string or number")


TextOrNumber = Annotated[str | int | float, BeforeValidator(_text_or_number)]


class NodeListParams(Wire):
    """No fields."""


class NodeDescribeParams(Wire):
    node_id: NonEmpty


class NodePairListParams(Wire):
    """No fields."""


class NodePairRequestParams(Wire):
    """Names a pending surface request: `node.pair.approve` and `node.pair.reject`."""

    request_id: NonEmpty


class NodePairRemoveParams(Wire):
    node_id: NonEmpty


class NodeRenameParams(Wire):
    node_id: NonEmpty
    display_name: NonEmpty


class NodeInvokeParams(Wire):
    """An operator's call of a node command (11.1); `timeout_ms` 0 means no deadline.

    Two fields are this gateway's own: `if_offline`, so that a node that is away gets the command
    when it is back, and `progress`, so that its output comes as events while it runs (11.5).
    """

    node_id: NonEmpty
    command: NonEmpty
    idempotency_key: NonEmpty
    params: Any = None
    timeout_ms: Omittable[Timestamp] = None
    session_key: Omittable[NonEmpty] = None
    turn_source_channel: Omittable[str] = None
    turn_source_to: Omittable[str] = None
    turn_source_account_id: Omittable[str] = None
    turn_source_thread_id: Omittable[TextOrNumber] = None
    progress: Omittable[bool] = None
    if_offline: Omittable[Literal["queue"]] = None


class NodeInvokeRequest(Wire):
    """Event to a node (11.2); `timeout_ms` is the budget that remains."""

    id: NonEmpty
    node_id: NonEmpty
    command: NonEmpty
    params_json: Annotated[str | None, Field(alias="paramsJSON")] = None
    timeout_ms: Omittable[Timestamp] = None
    idempotency_key: Omittable[NonEmpty] = None
    session_key: Omittable[NonEmpty] = None


class NodeInvokeError(Wire):
    """A node's own failure."""

    code: Omittable[NonEmpty] = None
    message: Omittable[NonEmpty] = None


class NodeInvokeResultParams(Wire):
    """A node's answer (11.3). Real hosts send null for what they leave empty."""

    id: NonEmpty
    node_id: NonEmpty
    ok: bool
    payload: Any = None
    payload_json: Annotated[str | None, Field(alias="payloadJSON")] = None
    error: NodeInvokeError | None = None


class NodeEventParams(Wire):
    """A node's event; one of `payload` and `payload_json` carries data (12)."""

    event: NonEmpty
    payload: Any = None
    payload_json: Annotated[str | None, Field(alias="payloadJSON")] = None


class NodeEventResult(Wire):
    ok: bool
    event: NonEmpty
    handled: bool
    reason: Omittable[NonEmpty] = None


class NodePresenceAlive(Wire):
    """Payload of `node.presence.alive` (12.2). An unknown trigger counts as `background`."""

    trigger: NonEmpty
    sent_at_ms: Omittable[Timestamp] = None
    display_name: Omittable[NonEmpty] = None
    version: Omittable[NonEmpty] = None
    platform: Omittable[NonEmpty] = None
    device_family: Omittable[NonEmpty] = None
    model_identifier: Omittable[NonEmpty] = None
    push_transport: Omittable[NonEmpty] = None


Bytes = Annotated[Integer, Field(ge=0)]


class HostStats(Wire):
    """Payload of `node.host.stats` (12.4); sizes in bytes."""

    cpu_count: Annotated[Integer, Field(ge=1)]
    memory_total_bytes: Bytes
    memory_free_bytes: Bytes
    load_average: Omittable[Annotated[list[float], Field(min_length=3, max_length=3)]] = None
    disk_total_bytes: Omittable[Bytes] = None
    disk_available_bytes: Omittable[Bytes] = None

    @model_validator(mode="after")
    def _free_fits_total(self) -> HostStats:
        if self.memory_free_bytes > self.memory_total_bytes:
            raise ValueError("memoryFreeBytes exceeds memoryTotalBytes")
        if self.disk_available_bytes is not None and self.disk_available_bytes > (self.disk_total_bytes or 0):
            raise ValueError("diskAvailableBytes exceeds diskTotalBytes")
        return self


class McpToolRef(Wire):
    server: NonEmpty
    tool: NonEmpty


class NodePluginTool(Wire):
    """A tool that a node offers to agents (12.6)."""

    plugin_id: NonEmpty
    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}\z")]
    description: NonEmpty
    parameters: Omittable[dict[str, Any]] = None
    command: Omittable[NonEmpty] = None
    mcp: Omittable[McpToolRef] = None


class NodePluginToolsUpdateParams(Wire):
    tools: list[NodePluginTool]


class NodeSkill(Wire):
    name: Annotated[str, Field(pattern=r"^[a-z0-9](?:-?[a-z0-9]){0,63}\z", max_length=64)]
    description: Annotated[str, Field(min_length=1, max_length=1024)]
    content: Annotated[str, Field(min_length=1, max_length=65_536)]


class NodeSkillsUpdateParams(Wire):
    skills: Annotated[list[NodeSkill], Field(max_length=64)]


class RunnerWorkerHost(Wire):
    enabled: Literal[False]


class NodeRunnerInventoryUpdateParams(Wire):
    """Session hosting of the original: only the disabled form is understood (12.6)."""

    protocol_features: list[str]
    worker_host: RunnerWorkerHost

"""`tools.*` and `plugin.approval.*`: node commands as tools of agents.

The fields are those of the published schema, which has them for the tools of an assistant;
additions of this gateway are all but the first two fields of the catalog, and `timeoutMs` and
`progress` of an invoke. Without them the answers are as published.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from openclaw_core.protocol.base import Integer, NonEmpty, Omittable, Timestamp, Wire

__all__ = [
    "APPROVAL_REQUESTED",
    "APPROVAL_RESOLVED",
    "PluginApprovalListParams",
    "PluginApprovalResolveParams",
    "ToolsCatalogParams",
    "ToolsInvokeParams",
]

APPROVAL_REQUESTED = "plugin.approval.requested"
"""Broadcast: an agent wants something for which a person has to be asked."""
APPROVAL_RESOLVED = "plugin.approval.resolved"
"""Broadcast: a person decided."""


class ToolsCatalogParams(Wire):
    """`include_schemas` adds what a program needs to call a tool; `agent_id` is handed back.

    `name` asks for one tool. With `limit` the answer has a `nextCursor` when there are more, which
    is the `cursor` of the next page.
    """

    agent_id: Omittable[NonEmpty] = None
    include_plugins: Omittable[bool] = None
    include_schemas: Omittable[bool] = None
    name: Omittable[NonEmpty] = None
    cursor: Omittable[NonEmpty] = None
    limit: Omittable[Annotated[Integer, Field(ge=1, le=1_000)]] = None


class ToolsInvokeParams(Wire):
    """Call a tool by its name in the catalog.

    `confirm` says that a person agreed to just this call; it takes operator.approvals.
    `session_key`, `agent_id` and `conversation_read_origin` mean nothing here.
    """

    name: NonEmpty
    args: Omittable[dict[str, Any]] = None
    session_key: Omittable[NonEmpty] = None
    agent_id: Omittable[NonEmpty] = None
    confirm: Omittable[bool] = None
    idempotency_key: Omittable[NonEmpty] = None
    conversation_read_origin: Omittable[Literal["direct-operator"]] = None
    timeout_ms: Omittable[Timestamp] = None
    progress: Omittable[bool] = None


class PluginApprovalListParams(Wire):
    """No fields."""


class Reviewer(Wire):
    """Who decided in some chat; the trail here names the connection instead."""

    channel: NonEmpty
    account_id: NonEmpty
    sender_id: NonEmpty


class PluginApprovalResolveParams(Wire):
    """A person's decision on a call that waits for one: `allow-once` or `deny`."""

    id: NonEmpty
    decision: NonEmpty
    reviewer: Omittable[Reviewer] = None

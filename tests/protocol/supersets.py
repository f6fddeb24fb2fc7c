"""Every place where our models differ from the published schema on purpose.

`relaxed()` edits the published definitions accordingly; `test_schema.py` then demands that our
models accept and refuse exactly what the edited definitions accept and refuse.

The one narrowing: an integer that 64 bits cannot hold (`1e300`, valid for the schema) is refused,
because it could never be sent on. No instance made here goes beyond 2**62.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from openclaw_core.protocol import connect, devices, frames, nodes, pending, setup, streams, tools

Json = dict[str, Any]

TEXT = {"type": "string"}
NON_EMPTY = {"type": "string", "minLength": 1}
LEASE = {"type": "integer", "minimum": 1_000, "maximum": 600_000}
DROP = None


@dataclass(frozen=True)
class Difference:
    """In `definition`, `schema` stands at `path` instead; DROP takes away what stands there."""

    definition: str
    path: str
    schema: Any
    why: str


TEXT_OR_NULL = {"type": ["string", "null"]}
READS_ONLY = "a client reads hello-ok of any gateway; parts it does not use are not its business"
UNLISTED = "on the wire between the real programs, missing in the schema"
NULLS = "real programs send null for what they leave empty"
NO_BREAKS = "the pattern ^.*$ lets names with a line break off; we check those too"

CONNECT = (
    ("client/properties/id", NON_EMPTY, "an unknown client connects and is trusted with nothing"),
    ("client/properties/mode", NON_EMPTY, "an unknown mode connects and is trusted with nothing"),
    ("device/properties/nonce", TEXT, "so that DEVICE_AUTH_NONCE_REQUIRED can be answered"),
    ("permissions", {"type": "object", "additionalProperties": {"type": "boolean"}}, NO_BREAKS),
)
FRAMES = (
    ("RequestFrame", "expectedProfileId", TEXT, UNLISTED),
    ("EventFrame", "recipientProfileId", TEXT, UNLISTED),
)
NODES = (
    ("NodeInvokeParams", "progress", {"type": "boolean"}, "live output, our own addition"),
    (
        "NodeInvokeParams",
        "ifOffline",
        {"type": "string", "enum": ["queue"]},
        "pending work, our own addition",
    ),
    ("NodePendingDrainParams", "leaseMs", LEASE, "pending work, our own addition"),
    ("NodeInvokeRequestEvent", "sessionKey", NON_EMPTY, UNLISTED),
    ("NodeInvokeRequestEvent", "paramsJSON", TEXT_OR_NULL, NULLS),
    ("NodeInvokeResultParams", "payloadJSON", TEXT_OR_NULL, NULLS),
    ("NodeInvokeResultParams", "error/type", ["object", "null"], NULLS),
    ("NodeEventParams", "payloadJSON", TEXT_OR_NULL, NULLS),
    ("NodePresenceAlivePayload", "trigger", NON_EMPTY, "an unknown trigger counts as background (12.2)"),
    ("NodePluginToolDescriptor", "parameters", {"type": "object"}, NO_BREAKS),
    ("ToolsCatalogParams", "includeSchemas", {"type": "boolean"}, "for programs, our own addition"),
    ("ToolsCatalogParams", "name", NON_EMPTY, "for programs, our own addition"),
    ("ToolsCatalogParams", "cursor", NON_EMPTY, "pages of a long list, our own addition"),
    (
        "ToolsCatalogParams",
        "limit",
        {"type": "integer", "minimum": 1, "maximum": 1_000},
        "pages of a long list, our own addition",
    ),
    ("ToolsInvokeParams", "progress", {"type": "boolean"}, "live output, our own addition"),
    ("ToolsInvokeParams", "timeoutMs", {"type": "integer", "minimum": 0}, "our own addition"),
    ("ToolsInvokeParams", "args", {"type": "object"}, NO_BREAKS),
    ("NodePluginToolsUpdateParams", "tools/items/properties/parameters", {"type": "object"}, NO_BREAKS),
)
HELLO_PARTS = ("server", "features", "snapshot", "auth", "policy")
HELLO_UNREAD = (
    "controlUiTabs",
    "controlUiWidgetKinds",
    "server/properties/buildId",
    "server/properties/controlUiBuildSource",
    "snapshot/properties/suspension",
    "snapshot/properties/appliedConfigHash",
    "snapshot/properties/configPath",
    "snapshot/properties/stateDir",
    "snapshot/properties/sessionDefaults",
    "snapshot/properties/authMode",
    "snapshot/properties/updateAvailable",
    "snapshot/properties/updateSchedule",
    "auth/properties/recoveryMigrationAllowed",
    "auth/properties/recoveryScope",
    "auth/properties/deviceTokens",
    "policy/properties/attachments",
    "policy/properties/allowedSessionVisibilities",
    "policy/properties/hasMultipleSessionSharingIdentities",
)
HELLO = (
    ("snapshot/properties/presence/items", {"type": "object"}, READS_ONLY),
    ("snapshot/properties/health", {"type": "object"}, READS_ONLY),
    ("auth/properties/method", TEXT, UNLISTED),
    ("pluginSurfaceUrls", {"type": "object", "additionalProperties": NON_EMPTY}, NO_BREAKS),
)

DIFFERENCES = (
    Difference("DevicePairApproveParams", "properties/surface", {"type": "boolean"}, "ours: approve both"),
    *(Difference("ConnectParams", f"properties/{path}", *rest) for path, *rest in CONNECT),
    *(Difference(name, f"properties/{path}", *rest) for name, path, *rest in FRAMES + NODES),
    Difference("HelloOk", "additionalProperties", DROP, READS_ONLY),
    *(
        Difference("HelloOk", f"properties/{part}/additionalProperties", DROP, READS_ONLY)
        for part in HELLO_PARTS
    ),
    *(Difference("HelloOk", f"properties/{path}", DROP, READS_ONLY) for path in HELLO_UNREAD),
    *(Difference("HelloOk", f"properties/{path}", *rest) for path, *rest in HELLO),
)

MODELS = {
    "ConnectParams": connect.ConnectParams,
    "DevicePairApproveParams": devices.DevicePairApproveParams,
    "DevicePairListParams": devices.DevicePairListParams,
    "DevicePairRejectParams": devices.DevicePairRequestParams,
    "DevicePairRemoveParams": devices.DevicePairRemoveParams,
    "DevicePairRenameParams": devices.DevicePairRenameParams,
    "DevicePairRequestedEvent": devices.DevicePairRequested,
    "DevicePairResolvedEvent": devices.DevicePairResolved,
    "DevicePairSetupCodeParams": setup.DevicePairSetupCodeParams,
    "DevicePairSetupCompletedEvent": setup.DevicePairSetupFact,
    "DevicePairSetupDeliveryUncertainEvent": setup.DevicePairSetupFact,
    "DevicePairSetupStatusParams": setup.DevicePairSetupStatusParams,
    "DeviceTokenRevokeParams": devices.DeviceTokenRevokeParams,
    "DeviceTokenRotateParams": devices.DeviceTokenRotateParams,
    "DeviceTokenRotateResult": devices.DeviceTokenRotateResult,
    "ErrorShape": frames.ErrorShape,
    "EventFrame": frames.EventFrame,
    "HelloOk": connect.HelloOk,
    "NodeDescribeParams": nodes.NodeDescribeParams,
    "NodeEventParams": nodes.NodeEventParams,
    "NodeEventResult": nodes.NodeEventResult,
    "NodeInvokeInputEvent": streams.NodeInvokeInput,
    "NodeInvokeParams": nodes.NodeInvokeParams,
    "NodeInvokeProgressParams": streams.NodeInvokeProgressParams,
    "NodeInvokeRequestEvent": nodes.NodeInvokeRequest,
    "NodeInvokeResultParams": nodes.NodeInvokeResultParams,
    "NodeListParams": nodes.NodeListParams,
    "NodePairApproveParams": nodes.NodePairRequestParams,
    "NodePairListParams": nodes.NodePairListParams,
    "NodePairRejectParams": nodes.NodePairRequestParams,
    "NodePairRemoveParams": nodes.NodePairRemoveParams,
    "NodePendingDrainParams": pending.PendingDrainParams,
    "NodePluginToolDescriptor": nodes.NodePluginTool,
    "NodePluginToolsUpdateParams": nodes.NodePluginToolsUpdateParams,
    "NodePresenceAlivePayload": nodes.NodePresenceAlive,
    "NodeRenameParams": nodes.NodeRenameParams,
    "NodeSkillDescriptor": nodes.NodeSkill,
    "NodeSkillsUpdateParams": nodes.NodeSkillsUpdateParams,
    "PluginApprovalResolveParams": tools.PluginApprovalResolveParams,
    "RequestFrame": frames.RequestFrame,
    "ResponseFrame": frames.ResponseFrame,
    "ScopeUpgradeRegistration": devices.DeviceScopesRequestUpgradeResult,
    "ScopeUpgradeRequest": devices.DeviceScopesRequestUpgradeParams,
    "ScopeUpgradeResult": devices.DeviceScopesWaitUpgradeResult,
    "ScopeUpgradeWait": devices.DeviceScopesWaitUpgradeParams,
    "StateVersion": frames.StateVersion,
    "ToolsCatalogParams": tools.ToolsCatalogParams,
    "ToolsInvokeParams": tools.ToolsInvokeParams,
}
"""Published definition → our model of it."""

UNPUBLISHED = frozenset(
    (
        connect.Challenge,
        streams.NodeInvokeCancel,
        streams.NodeInvokeCancelParams,
        streams.NodeInvokeInputParams,
        streams.NodeInvokeListParams,
        streams.NodeInvokeProgress,
        nodes.HostStats,
        nodes.NodeRunnerInventoryUpdateParams,
        tools.PluginApprovalListParams,
    )
)
"""Models of frames that the schema does not define; PROTOCOL was captured from the wire."""


def relaxed(definitions: Json) -> Json:
    """The definitions of `MODELS`, with every difference worked in."""
    edited = {name: copy.deepcopy(definitions[name]) for name in MODELS}
    for difference in DIFFERENCES:
        *parents, last = difference.path.split("/")
        place = edited[difference.definition]
        for part in parents:
            place = place[part]
        if difference.schema is DROP:
            del place[last]
        else:
            place[last] = difference.schema
    return edited

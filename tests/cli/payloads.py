"""Payloads in the shape that gateways answer with (PROTOCOL 6, 8.3, 10)."""

from __future__ import annotations

from typing import Any

NOW = 1_795_399_200_000
NODE_ID = "6b72dfae1c2ad759c1ed5e6ffb049914adb2def9d1e0b8d77a1f5fead041a601"
OTHER_ID = "9678e8271c3088d7a38eac6e592131f10a3c3df6f4ecde8684c0d034597e1294"
REQUEST_ID = "1824d356-6415-43f6-9864-af96c304d266"

PENDING_SURFACE: dict[str, Any] = {
    "requestId": REQUEST_ID,
    "nodeId": NODE_ID,
    "clientId": "node-host",
    "clientMode": "node",
    "displayName": "Lab",
    "platform": "linux",
    "version": "2026.9.6",
    "deviceFamily": "Linux",
    "caps": ["mcp", "demo"],
    "commands": ["demo.echo", "demo.which"],
    "requiredApproveScopes": ["operator.pairing", "operator.admin"],
    "silent": True,
    "ts": NOW - 30_000,
}

WAITING_NODE: dict[str, Any] = {
    "nodeId": NODE_ID,
    "displayName": "Lab",
    "platform": "linux",
    "version": "2026.9.6",
    "clientId": "node-host",
    "clientMode": "node",
    "deviceFamily": "Linux",
    "caps": [],
    "commands": [],
    "sessionHost": False,
    "nodePluginTools": [],
    "pathEnv": "/usr/bin:/bin",
    "approvalState": "pending-approval",
    "pendingRequestId": REQUEST_ID,
    "pendingDeclaredCaps": ["demo", "mcp"],
    "pendingDeclaredCommands": ["demo.echo", "demo.which"],
    "connectedAtMs": NOW - 90_000,
    "lastConnectedAtMs": NOW - 90_000,
    "lastSeenAtMs": NOW - 90_000,
    "lastSeenReason": "connect",
    "approvedAtMs": NOW - 95_000,
    "paired": True,
    "connected": True,
}

OFFLINE_NODE: dict[str, Any] = {
    "nodeId": OTHER_ID,
    "displayName": "Attic",
    "platform": "linux",
    "version": "2026.9.6",
    "deviceFamily": "Linux",
    "remoteIp": "192.0.2.7",
    "caps": ["demo"],
    "commands": ["demo.echo"],
    "permissions": {"screen": False, "lens": True},
    "hostStats": {
        "cpuCount": 2,
        "loadAverage": [0.62, 1.88, 1.31],
        "memoryTotalBytes": 25_276_502_016,
        "memoryFreeBytes": 23_387_996_160,
        "diskTotalBytes": 270_553_174_016,
        "diskAvailableBytes": 82_904_367_104,
        "updatedAtMs": NOW - 60_000,
    },
    "approvalState": "approved",
    "lastSeenAtMs": NOW - 7_200_000,
    "lastSeenReason": "connect",
    "paired": True,
    "connected": False,
}

PAIRED_DEVICE: dict[str, Any] = {
    "deviceId": NODE_ID,
    "publicKey": "Ys9fse5Y_XUJYTn__TsFpIK_Wx6cZkQP7iLK0h-UH8o",
    "displayName": "Lab",
    "platform": "linux",
    "deviceFamily": "Linux",
    "clientId": "node-host",
    "clientMode": "node",
    "role": "node",
    "roles": ["node"],
    "scopes": [],
    "approvedVia": "silent",
    "createdAtMs": NOW - 95_000,
    "approvedAtMs": NOW - 95_000,
    "connected": True,
    "tokens": [{"role": "node", "scopes": [], "createdAtMs": NOW - 95_000}],
}

PAIR_REQUEST: dict[str, Any] = {
    "requestId": "61a7cdde-d999-45fe-b6cd-dc4f43255e3b",
    "deviceId": NODE_ID,
    "publicKey": "Ys9fse5Y_XUJYTn__TsFpIK_Wx6cZkQP7iLK0h-UH8o",
    "displayName": "Lab",
    "role": "node",
    "roles": ["node"],
    "scopes": [],
    "silent": False,
    "isRepair": True,
    "ts": NOW - 5_000,
}

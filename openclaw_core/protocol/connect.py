"""The handshake: `connect` and `hello-ok` (PROTOCOL 3)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from openclaw_core.protocol.base import Integer, NonEmpty, Omittable, OpenWire, Timestamp, UniqueItems, Wire
from openclaw_core.protocol.frames import StateVersion

__all__ = [
    "Challenge",
    "ClientInfo",
    "ConnectAuth",
    "ConnectParams",
    "DeviceProof",
    "HelloAuth",
    "HelloOk",
    "HelloPolicy",
    "WorkerRuns",
]

Version = Annotated[Integer, Field(ge=1)]


class ClientInfo(Wire):
    """Who connects. An unknown `id` or `mode` is accepted and trusted with nothing."""

    id: NonEmpty
    version: NonEmpty
    platform: NonEmpty
    mode: NonEmpty
    display_name: Omittable[NonEmpty] = None
    build_id: Omittable[Annotated[str, Field(min_length=1, max_length=96)]] = None
    device_family: Omittable[NonEmpty] = None
    model_identifier: Omittable[NonEmpty] = None
    time_zone: Omittable[Annotated[str, Field(min_length=1, max_length=64)]] = None
    instance_id: Omittable[NonEmpty] = None


class DeviceProof(Wire):
    """The signed challenge (3.4); `signed_at` in Unix milliseconds."""

    id: NonEmpty
    public_key: NonEmpty
    signature: NonEmpty
    signed_at: Timestamp
    nonce: str


class ConnectAuth(Wire):
    """Credentials (chapter 5)."""

    token: Omittable[str] = None
    password: Omittable[str] = None
    device_token: Omittable[str] = None
    bootstrap_token: Omittable[str] = None
    approval_runtime_token: Omittable[str] = None
    agent_runtime_identity_token: Omittable[str] = None


class WorkerRuns(Wire):
    """Session hosting of the original; accepted and not used."""

    bundle_hash: Annotated[str, Field(pattern=r"^[a-f0-9]{64}\z")]
    openclaw_version: Annotated[str, Field(min_length=1, max_length=128)]
    protocol_features: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=128)]], Field(max_length=64), UniqueItems
    ]
    bundle_prewarm: Omittable[Annotated[Integer, Field(ge=1, le=2**53 - 1)]] = None


class ConnectParams(Wire):
    """Params of the first request on every socket (3.2)."""

    min_protocol: Version
    max_protocol: Version
    client: ClientInfo
    role: Omittable[NonEmpty] = None
    scopes: Omittable[list[NonEmpty]] = None
    caps: Omittable[list[NonEmpty]] = None
    commands: Omittable[list[NonEmpty]] = None
    permissions: Omittable[dict[str, bool]] = None
    path_env: Omittable[str] = None
    computer_use: Any = None
    worker_runs: Omittable[WorkerRuns] = None
    device: Omittable[DeviceProof] = None
    auth: Omittable[ConnectAuth] = None
    locale: Omittable[str] = None
    user_agent: Omittable[str] = None


class Challenge(OpenWire):
    """Payload of `connect.challenge`: the nonce to sign and the gateway's clock in ms."""

    nonce: NonEmpty
    ts: Timestamp


class HelloAuth(OpenWire):
    """What the connection got: `method`, role, scopes and, once paired, the device token."""

    role: NonEmpty
    scopes: list[NonEmpty]
    method: Omittable[str] = None
    device_token: Omittable[NonEmpty] = None
    issued_at_ms: Omittable[Timestamp] = None


class HelloPolicy(OpenWire):
    """Limits the client must keep: bytes and milliseconds."""

    max_payload: Version
    max_buffered_bytes: Version
    tick_interval_ms: Version


class HelloServer(OpenWire):
    version: NonEmpty
    conn_id: NonEmpty
    boot_id: Omittable[Annotated[str, Field(min_length=1, max_length=96)]] = None


class HelloFeatures(OpenWire):
    methods: list[NonEmpty]
    events: list[NonEmpty]
    capabilities: Omittable[list[NonEmpty]] = None


class HelloSnapshot(OpenWire):
    """How things stand; `auth_mode` is told to administrators."""

    presence: list[dict[str, Any]]
    health: dict[str, Any]
    state_version: StateVersion
    uptime_ms: Timestamp
    auth_mode: Omittable[str] = None


class HelloOk(OpenWire):
    """Payload of the response to `connect` (3.7)."""

    type: Literal["hello-ok"]
    protocol: Version
    server: HelloServer
    features: HelloFeatures
    snapshot: HelloSnapshot
    auth: HelloAuth
    policy: HelloPolicy
    plugin_surface_urls: Omittable[dict[str, NonEmpty]] = None

"""The tables. Rows are detached records: read, held in memory, replaced by a changed copy.

A row handed out is never changed in place; `new = row.model_copy(update={...})` makes the
next version, `Save(new)` stores it. All times are Unix milliseconds given by the caller.
No table holds a token, a setup code or a shared secret.
"""

from collections.abc import Mapping
from typing import Any, Self

from sqlalchemy import JSON, BigInteger, Integer, LargeBinary, MetaData, Text
from sqlalchemy import inspect as inspect_model
from sqlalchemy.orm import configure_mappers, registry
from sqlmodel import Field, SQLModel

__all__ = [
    "AuditEvent",
    "Device",
    "DeviceToken",
    "FamilyState",
    "InvokeRecord",
    "LegacyNode",
    "LegacyRequest",
    "Lockout",
    "NodeSurface",
    "PairRequest",
    "PendingRevision",
    "PendingWork",
    "Row",
    "SetupCode",
    "SurfaceRequest",
]

# Named constraints let a later migration drop or change them on every database.
_METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
# SQLite numbers rows by itself only in a column whose type is exactly INTEGER.
_ROW_NUMBER = BigInteger().with_variant(Integer, "sqlite")
# Marks the column that the store fills itself: its table is append-only, numbered and hashed.
_SEALED = {"info": {"sealed": True}}


class Row(SQLModel, registry=registry(metadata=_METADATA)):
    """Base of every table; its metadata is ours alone, a family's tables do not mix in."""

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """A row from a value for every column, unchecked: what was stored was checked before.

        Twenty times cheaper than the constructor, which sets each attribute through two libraries.
        """
        row: Self = inspect_model(cls).class_manager.new_instance()
        row.__dict__.update(values)
        return row

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:  # noqa: ARG002
        """The row with some values changed; lists and maps that are not replaced are shared.

        pydantic's own copy would share SQLAlchemy's per-object state between the two rows.

        Raises:
            TypeError: `update` names a column the table does not have.
        """
        columns = type(self).model_fields
        changed = dict(update or {})
        if not changed.keys() <= columns.keys():
            unknown = ", ".join(sorted(changed.keys() - columns.keys()))
            raise TypeError(f"{type(self).__name__} has no column {unknown}; it has {', '.join(columns)}")
        held = self.__dict__
        return self.from_values({name: held[name] for name in columns} | changed)


class Device(Row, table=True):
    """A device a person (or the local rule) approved (PROTOCOL chapter 6)."""

    __tablename__ = "device"

    device_id: str = Field(primary_key=True)
    public_key: str
    display_name: str | None = None
    operator_label: str | None = None  # a person's own name for it; wins over display_name
    platform: str | None = None  # pinned at approval, as is device_family
    device_family: str | None = None
    model_identifier: str | None = None
    client_id: str | None = None
    client_mode: str | None = None
    version: str | None = None
    roles: list[str] = Field(default_factory=list, sa_type=JSON)
    scopes: list[str] = Field(default_factory=list, sa_type=JSON)
    remote_ip: str | None = None
    approved_via: str
    created_at_ms: int = Field(sa_type=BigInteger)
    approved_at_ms: int = Field(sa_type=BigInteger)
    last_seen_at_ms: int | None = Field(default=None, sa_type=BigInteger)
    last_seen_reason: str | None = None
    last_connected_at_ms: int | None = Field(default=None, sa_type=BigInteger)
    last_disconnected_at_ms: int | None = Field(default=None, sa_type=BigInteger)


class DeviceToken(Row, table=True):
    """What is needed to derive and judge the token of one device in one role; never the token."""

    __tablename__ = "device_token"

    device_id: str = Field(primary_key=True)
    role: str = Field(primary_key=True)
    scopes: list[str] = Field(default_factory=list, sa_type=JSON)
    generation: int
    created_at_ms: int = Field(sa_type=BigInteger)
    rotated_at_ms: int | None = Field(default=None, sa_type=BigInteger)
    revoked_at_ms: int | None = Field(default=None, sa_type=BigInteger)
    last_used_at_ms: int | None = Field(default=None, sa_type=BigInteger)
    # True after a device's own rotation, until the new generation was first used: generation - 1
    # still opens the door, so that a lost reply locks nobody out.
    previous_valid: bool = False


class PairRequest(Row, table=True):
    """A device that waits for a person; one per device, its id stable while the device retries."""

    __tablename__ = "pair_request"

    request_id: str = Field(primary_key=True)
    device_id: str = Field(unique=True)
    public_key: str
    display_name: str | None = None
    platform: str | None = None
    device_family: str | None = None
    client_id: str | None = None
    client_mode: str | None = None
    browser_origin: str | None = None
    role: str
    roles: list[str] = Field(default_factory=list, sa_type=JSON)
    scopes: list[str] = Field(default_factory=list, sa_type=JSON)
    remote_ip: str | None = None
    silent: bool
    is_repair: bool
    ts_ms: int = Field(sa_type=BigInteger)
    expires_at_ms: int = Field(sa_type=BigInteger)
    # What a node offered when the request was made; a retry that offers more does not change it,
    # so that an approval of both gives what the approver was shown.
    caps: list[str] = Field(default_factory=list, sa_type=JSON)
    commands: list[str] = Field(default_factory=list, sa_type=JSON)
    permissions: dict[str, bool] = Field(default_factory=dict, sa_type=JSON)


class SetupCode(Row, table=True):
    """A setup code (PROTOCOL 6.6): one device may pair with it, once, until it expires."""

    __tablename__ = "setup_code"

    setup_id: str = Field(primary_key=True)
    secret_hash: str = Field(unique=True)
    join_hash: str | None = None  # of the ticket in its join link, if it has one
    access: str  # "full" | "limited" | "node"
    created_by: str
    created_at_ms: int = Field(sa_type=BigInteger)
    expires_at_ms: int = Field(sa_type=BigInteger)
    joined_at_ms: int | None = Field(default=None, sa_type=BigInteger)  # its link was followed
    device_id: str | None = None  # who spent it; None while it is open
    device_name: str | None = None
    redeemed_at_ms: int | None = Field(default=None, sa_type=BigInteger)
    delivered_at_ms: int | None = Field(default=None, sa_type=BigInteger)  # hello-ok went out


class LegacyRequest(Row, table=True):
    """A node that somebody announced by `node.pair.request` (PROTOCOL 25.1); one per node."""

    __tablename__ = "legacy_request"

    request_id: str = Field(primary_key=True)
    node_id: str = Field(unique=True)
    described: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)  # as sent, wire names
    ts_ms: int = Field(sa_type=BigInteger)
    expires_at_ms: int = Field(sa_type=BigInteger)


class LegacyNode(Row, table=True):
    """A node approved that way, and the hash of the token its announcer got (PROTOCOL 25.2)."""

    __tablename__ = "legacy_node"

    node_id: str = Field(primary_key=True)
    token_hash: str
    described: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    created_at_ms: int = Field(sa_type=BigInteger)
    approved_at_ms: int = Field(sa_type=BigInteger)


class NodeSurface(Row, table=True):
    """The commands, capabilities and permissions a person approved for a node (chapter 8)."""

    __tablename__ = "node_surface"

    node_id: str = Field(primary_key=True)
    display_name: str | None = None  # from `node.rename`
    version: str | None = None
    caps: list[str] = Field(default_factory=list, sa_type=JSON)
    commands: list[str] = Field(default_factory=list, sa_type=JSON)
    permissions: dict[str, bool] = Field(default_factory=dict, sa_type=JSON)
    created_at_ms: int = Field(sa_type=BigInteger)
    approved_at_ms: int | None = Field(default=None, sa_type=BigInteger)  # None: never approved


class SurfaceRequest(Row, table=True):
    """A node's declared surface that waits for a person; at most one per node."""

    __tablename__ = "surface_request"

    request_id: str = Field(primary_key=True)
    node_id: str = Field(unique=True)
    caps: list[str] = Field(default_factory=list, sa_type=JSON)
    commands: list[str] = Field(default_factory=list, sa_type=JSON)
    permissions: dict[str, bool] = Field(default_factory=dict, sa_type=JSON)
    client_id: str | None = None
    client_mode: str | None = None
    display_name: str | None = None
    platform: str | None = None
    version: str | None = None
    device_family: str | None = None
    remote_ip: str | None = None
    silent: bool
    ts_ms: int = Field(sa_type=BigInteger)


class AuditEvent(Row, table=True):
    """One thing that happened; only ever appended, in order, 200 to 300 bytes each.

    `store.chain` numbers the rows without gaps and hashes them; what it hashes of a row
    is fixed there, so a later column must not be added to the chain of older rows.
    """

    __tablename__ = "audit_event"

    id: int | None = Field(default=None, primary_key=True, sa_type=_ROW_NUMBER)
    ts_ms: int = Field(sa_type=BigInteger)
    kind: str  # e.g. "invoke", "device.approve"
    outcome: str  # "ok" | "refused" | "failed"
    actor: str
    subject: str | None = None
    details: str | None = Field(default=None, sa_type=Text)  # a JSON object as text
    conn_id: str | None = None  # the connection that asked; its "connect" row says who and where from
    remote_ip: str | None = None  # None: this host, or nobody in particular
    # Over the row and the hash of the row before; None in rows older than the chain.
    chain_hash: bytes | None = Field(default=None, sa_type=LargeBinary, sa_column_kwargs=_SEALED)


class Lockout(Row, table=True):
    """An address or network that is locked out for failed authentications (PROTOCOL 17)."""

    __tablename__ = "lockout"

    key: str = Field(primary_key=True)  # an IPv4 address or an IPv6 /64, `http ` before it for plain HTTP
    until_ms: int = Field(sa_type=BigInteger)


class PendingWork(Row, table=True):
    """Something a node is to do when it is there, and what became of it (PROTOCOL chapter 14)."""

    __tablename__ = "pending_work"

    id: str = Field(primary_key=True)
    node_id: str
    # Creation time of the node's token: work waits for a pairing, not for whoever pairs next.
    pairing_ms: int = Field(sa_type=BigInteger)
    kind: str  # "status.request" | "location.request" | "node.invoke" | "foreground"
    priority: str  # "normal" | "high"
    # "queued" | "delivered", or final: "drained" | "done" | "failed" | "unknown" | "expired" |
    # "cancelled" | "dropped"
    state: str
    position: int = Field(sa_type=BigInteger)  # the node's revision when it came: age within one ms
    revision: int = Field(sa_type=BigInteger)  # the node's revision at its last change
    command: str | None = None
    params_json: str | None = Field(default=None, sa_type=Text)
    timeout_ms: int | None = Field(default=None, sa_type=BigInteger)
    idempotency_key: str | None = None
    digest: str | None = None  # of the request, to tell a repetition from another request
    caller: str = Field(sa_type=Text)  # a JSON object: who asked, with the scopes of then
    created_at_ms: int = Field(sa_type=BigInteger)
    expires_at_ms: int = Field(sa_type=BigInteger)
    delivered_at_ms: int | None = Field(default=None, sa_type=BigInteger)
    lease_until_ms: int | None = Field(default=None, sa_type=BigInteger)
    finished_at_ms: int | None = Field(default=None, sa_type=BigInteger)
    result_json: str | None = Field(default=None, sa_type=Text)
    error: str | None = Field(default=None, sa_type=Text)  # a JSON object {code, message}


class PendingRevision(Row, table=True):
    """The last revision of a node's queue whose rows were purged: it never counts backwards."""

    __tablename__ = "pending_revision"

    node_id: str = Field(primary_key=True)
    revision: int = Field(sa_type=BigInteger)


class InvokeRecord(Row, table=True):
    """What became of an invoke that must not run twice under one idempotency key (PROTOCOL 11.4)."""

    __tablename__ = "invoke_record"

    node_id: str = Field(primary_key=True)
    idempotency_key: str = Field(primary_key=True)  # as sent; a long one by its hash
    digest: str  # of command and params, to tell a repetition from another request
    command: str
    actor: str
    state: str  # "dispatched" until the node answered, then "ok" | "failed"
    answer: str | None = Field(default=None, sa_type=Text)  # JSON: result or error; None: too large to keep
    created_at_ms: int = Field(sa_type=BigInteger)
    expires_at_ms: int = Field(sa_type=BigInteger)


class FamilyState(Row, table=True):
    """Something a capability family keeps across restarts; JSON by key."""

    __tablename__ = "family_state"

    family: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    value: str = Field(sa_type=Text)  # JSON


# `from_values` skips the constructor, which would do this at the first row.
configure_mappers()

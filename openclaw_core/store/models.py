"""The tables. Rows are detached records: read, held in memory, replaced by a changed copy.

A row handed out is never changed in place; `new = row.model_copy(update={...})` makes the
next version, `Save(new)` stores it. All times are Unix milliseconds given by the caller.
No table holds a token, a setup code or a shared secret.
"""

from collections.abc import Mapping
from typing import Any, Self

from sqlalchemy import JSON, BigInteger, Integer, MetaData, Text
from sqlalchemy import inspect as inspect_model
from sqlalchemy.orm import configure_mappers, registry
from sqlmodel import Field, SQLModel

__all__ = [
    "AuditEvent",
    "Device",
    "DeviceToken",
    "NodeSurface",
    "PairRequest",
    "Row",
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
    """One thing that happened; only ever appended, in order."""

    __tablename__ = "audit_event"

    id: int | None = Field(default=None, primary_key=True, sa_type=_ROW_NUMBER)
    ts_ms: int = Field(sa_type=BigInteger)
    kind: str  # e.g. "invoke", "device.approve"
    outcome: str  # "ok" | "refused" | "failed"
    actor: str
    subject: str | None = None
    details: str | None = Field(default=None, sa_type=Text)  # a JSON object as text


# `from_values` skips the constructor, which would do this at the first row.
configure_mappers()

"""The tables of 0.1: devices, their tokens and requests, node surfaces, audit."""

import sqlalchemy as sa
from alembic import op

revision = "0001_first"
down_revision = None


def upgrade() -> None:
    _create_devices()
    _create_pair_requests()
    _create_surfaces()
    op.create_table(
        "audit_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        *_times("ts_ms"),
        *_texts("kind", "outcome", "actor"),
        *_texts("subject", nullable=True),
        sa.Column("details", sa.Text(), nullable=True),
    )


def downgrade() -> None:
    for table in ("audit_event", "surface_request", "node_surface", "pair_request", "device_token", "device"):
        op.drop_table(table)


def _create_devices() -> None:
    op.create_table(
        "device",
        *_texts("device_id", primary_key=True),
        *_texts("public_key"),
        *_texts("display_name", "operator_label", "platform", "device_family", nullable=True),
        *_texts("model_identifier", "client_id", "client_mode", "version", nullable=True),
        *_json("roles", "scopes"),
        *_texts("remote_ip", nullable=True),
        *_texts("approved_via"),
        *_times("created_at_ms", "approved_at_ms"),
        *_times("last_seen_at_ms", nullable=True),
        *_texts("last_seen_reason", nullable=True),
        *_times("last_connected_at_ms", "last_disconnected_at_ms", nullable=True),
    )
    op.create_table(
        "device_token",
        *_texts("device_id", "role", primary_key=True),
        *_json("scopes"),
        sa.Column("generation", sa.Integer(), nullable=False),
        *_times("created_at_ms"),
        *_times("rotated_at_ms", "revoked_at_ms", "last_used_at_ms", nullable=True),
        sa.Column("previous_valid", sa.Boolean(), nullable=False),
    )


def _create_pair_requests() -> None:
    op.create_table(
        "pair_request",
        *_texts("request_id", primary_key=True),
        *_texts("device_id", "public_key"),
        *_texts("display_name", "platform", "device_family", nullable=True),
        *_texts("client_id", "client_mode", "browser_origin", nullable=True),
        *_texts("role"),
        *_json("roles", "scopes"),
        *_texts("remote_ip", nullable=True),
        sa.Column("silent", sa.Boolean(), nullable=False),
        sa.Column("is_repair", sa.Boolean(), nullable=False),
        *_times("ts_ms", "expires_at_ms"),
        sa.UniqueConstraint("device_id", name="uq_pair_request_device_id"),
    )


def _create_surfaces() -> None:
    op.create_table(
        "node_surface",
        *_texts("node_id", primary_key=True),
        *_texts("display_name", "version", nullable=True),
        *_json("caps", "commands", "permissions"),
        *_times("created_at_ms"),
        *_times("approved_at_ms", nullable=True),
    )
    op.create_table(
        "surface_request",
        *_texts("request_id", primary_key=True),
        *_texts("node_id"),
        *_json("caps", "commands", "permissions"),
        *_texts("client_id", "client_mode", "display_name", "platform", nullable=True),
        *_texts("version", "device_family", "remote_ip", nullable=True),
        sa.Column("silent", sa.Boolean(), nullable=False),
        *_times("ts_ms"),
        sa.UniqueConstraint("node_id", name="uq_surface_request_node_id"),
    )


def _texts(*names: str, nullable: bool = False, primary_key: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=nullable, primary_key=primary_key) for name in names]


def _times(*names: str, nullable: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=nullable) for name in names]


def _json(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.JSON(), nullable=False) for name in names]

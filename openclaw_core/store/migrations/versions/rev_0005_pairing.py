"""Setup codes, the older pairing of nodes by name, and what a waiting device declares."""

import sqlalchemy as sa
from alembic import op

revision = "0005_pairing"
down_revision = "0004_invoke_records"

_DECLARED = (("caps", "[]"), ("commands", "[]"), ("permissions", "{}"))


def upgrade() -> None:
    for name, empty in _DECLARED:
        # Requests that waited before this revision declared nothing that anybody kept.
        column = sa.Column(name, sa.JSON(), nullable=False, server_default=sa.text(f"'{empty}'"))
        op.add_column("pair_request", column)
    op.create_table(
        "setup_code",
        sa.Column("setup_id", sa.String(), primary_key=True),
        sa.Column("secret_hash", sa.String(), nullable=False),
        sa.Column("join_hash", sa.String(), nullable=True),
        sa.Column("access", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("joined_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("device_id", sa.String(), nullable=True),
        sa.Column("device_name", sa.String(), nullable=True),
        sa.Column("redeemed_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("delivered_at_ms", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("secret_hash", name="uq_setup_code_secret_hash"),
    )
    op.create_table(
        "legacy_request",
        sa.Column("request_id", sa.String(), primary_key=True),
        sa.Column("node_id", sa.String(), nullable=False),
        sa.Column("described", sa.JSON(), nullable=False),
        sa.Column("ts_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("node_id", name="uq_legacy_request_node_id"),
    )
    op.create_table(
        "legacy_node",
        sa.Column("node_id", sa.String(), primary_key=True),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("described", sa.JSON(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("approved_at_ms", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    for table in ("legacy_node", "legacy_request", "setup_code"):
        op.drop_table(table)
    with op.batch_alter_table("pair_request") as requests:
        for name, _ in _DECLARED:
            requests.drop_column(name)

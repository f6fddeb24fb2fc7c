"""Outcomes of invokes by idempotency key."""

import sqlalchemy as sa
from alembic import op

revision = "0004_invoke_records"
down_revision = "0003_pending_work"


def upgrade() -> None:
    op.create_table(
        "invoke_record",
        sa.Column("node_id", sa.String(), nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("command", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("node_id", "idempotency_key", name="pk_invoke_record"),
    )


def downgrade() -> None:
    op.drop_table("invoke_record")

"""The audit trail says where from, and each row carries the hash of the chain up to it."""

import sqlalchemy as sa
from alembic import op

revision = "0002_audit_chain"
down_revision = "0001_first"

_COLUMNS = (("conn_id", sa.String()), ("remote_ip", sa.String()), ("chain_hash", sa.LargeBinary()))


def upgrade() -> None:
    # Plain ADD COLUMN: a long trail is not copied. Older rows keep NULL; see `store.chain`.
    for name, kind in _COLUMNS:
        op.add_column("audit_event", sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("audit_event") as table:
        for name, _ in _COLUMNS:
            table.drop_column(name)

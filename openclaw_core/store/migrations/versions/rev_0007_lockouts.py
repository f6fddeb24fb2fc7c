"""Lock-outs of the rate limit survive a restart."""

import sqlalchemy as sa
from alembic import op

revision = "0007_lockouts"
down_revision = "0006_family_state"


def upgrade() -> None:
    op.create_table(
        "lockout",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("lockout")

"""What capability families keep across restarts."""

import sqlalchemy as sa
from alembic import op

revision = "0006_family_state"
down_revision = "0005_pairing"


def upgrade() -> None:
    op.create_table(
        "family_state",
        sa.Column("family", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("value", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("family_state")

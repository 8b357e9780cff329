"""What happened how often in a call, and the end-of-turn silence that each turn was given."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the two columns, empty in older rows."""
    op.add_column("calls", sa.Column("counts", sa.JSON()))
    op.add_column("turns", sa.Column("endpoint_ms", sa.Float()))


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("turns") as turns:
        turns.drop_column("endpoint_ms")
    with op.batch_alter_table("calls") as calls:
        calls.drop_column("counts")

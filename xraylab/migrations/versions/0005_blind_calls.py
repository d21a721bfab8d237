"""The calls that were made before the score was shown; for cases of before nobody knows, so none is."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create a table of its own, so that the table of cases stays as it is."""
    op.create_table(
        "blind_call",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_blind_call")),
        sa.ForeignKeyConstraint(["number"], ["kept_case.number"], name=op.f("fk_blind_call_number")),
    )


def downgrade() -> None:
    """Refuse: calls would be read as calls made with the score in sight."""
    raise NotImplementedError("how a call was made is never dropped")

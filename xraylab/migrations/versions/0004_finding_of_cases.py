"""The finding that a case was read for; cases of before have none, which stands for pneumonia."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create a table of its own, so that the table of cases stays as it is."""
    op.create_table(
        "case_finding",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("finding", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_case_finding")),
        sa.ForeignKeyConstraint(["number"], ["kept_case.number"], name=op.f("fk_case_finding_number")),
    )


def downgrade() -> None:
    """Refuse: calls would be read as calls on another finding."""
    raise NotImplementedError("the finding of a case is never dropped")

"""One trail for everything, chained by hash; the entries of the case log's trail are taken into the chain."""

import sqlalchemy as sa
from alembic import op

from xraylab.chain import from_case_trail

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TRIGGERS = (
    "CREATE TRIGGER trail_no_update BEFORE UPDATE ON trail "
    "BEGIN SELECT RAISE(ABORT, 'trail is append-only'); END",
    "CREATE TRIGGER trail_no_delete BEFORE DELETE ON trail "
    "BEGIN SELECT RAISE(ABORT, 'trail is append-only'); END",
)


def upgrade() -> None:
    """Create the new table and move the old entries into it."""
    table = op.create_table(
        "trail",
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("name", sa.String()),
        sa.Column("case", sa.Integer()),
        sa.Column("objects", sa.String(), nullable=False),
        sa.Column("changed", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_trail")),
        sa.ForeignKeyConstraint(["case"], ["kept_case.number"], name=op.f("fk_trail_case")),
    )
    for trigger in _TRIGGERS:
        op.execute(trigger)
    rows = op.get_bind().exec_driver_sql("SELECT * FROM case_trail ORDER BY id").mappings().all()
    if rows:
        op.bulk_insert(table, [{**entry, "objects": "{}"} for entry in from_case_trail(map(dict, rows))])
    op.drop_table("case_trail")  # and its triggers


def downgrade() -> None:
    """Refuse: the older table has no place for most of the entries."""
    raise NotImplementedError("a trail is never dropped")

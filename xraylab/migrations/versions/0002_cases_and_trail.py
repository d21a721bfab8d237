"""The case log and its append-only trail."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TRIGGERS = (
    "CREATE TRIGGER case_trail_no_update BEFORE UPDATE ON case_trail "
    "BEGIN SELECT RAISE(ABORT, 'case_trail is append-only'); END",
    "CREATE TRIGGER case_trail_no_delete BEFORE DELETE ON case_trail "
    "BEGIN SELECT RAISE(ABORT, 'case_trail is append-only'); END",
    "CREATE TRIGGER kept_case_no_delete BEFORE DELETE ON kept_case "
    "BEGIN SELECT RAISE(ABORT, 'kept_case is append-only'); END",
)


def upgrade() -> None:
    """Create both tables, and the triggers that make the trail append-only."""
    op.create_table(
        "kept_case",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("model", sa.String()),
        sa.Column("model_sha256", sa.String()),
        sa.Column("score", sa.Float()),
        sa.Column("decision", sa.String()),
        sa.Column("threshold", sa.Float()),
        sa.Column("review_from", sa.Float()),
        sa.Column("warnings", sa.String()),
        sa.Column("overridden", sa.Boolean()),
        sa.Column("synthetic", sa.Boolean()),
        sa.Column("call", sa.String()),
        sa.Column("note", sa.String()),
        sa.Column("pixels_kept", sa.Boolean()),
        sa.Column("made_at", sa.Float(), nullable=False),
        sa.Column("changed_at", sa.Float(), nullable=False),
        sa.Column("deleted_at", sa.Float()),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_kept_case")),
        sa.CheckConstraint(
            "decision IN ('positive', 'negative', 'review')", name=op.f("ck_kept_case_decision")
        ),
        sa.CheckConstraint("call IN ('pneumonia', 'no pneumonia', 'unsure')", name=op.f("ck_kept_case_call")),
        sa.CheckConstraint(
            "deleted_at IS NULL OR coalesce(model, model_sha256, score, decision, threshold, review_from, "
            "warnings, overridden, synthetic, call, note, pixels_kept) IS NULL",
            name=op.f("ck_kept_case_tombstone"),
        ),
    )
    op.create_table(
        "case_trail",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_number", sa.Integer()),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("changed", sa.String(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_trail")),
        sa.CheckConstraint(
            "action IN ('created', 'call', 'note', 'exported', 'deleted')",
            name=op.f("ck_case_trail_action"),
        ),
        sa.ForeignKeyConstraint(
            ["case_number"], ["kept_case.number"], name=op.f("fk_case_trail_case_number")
        ),
    )
    for trigger in _TRIGGERS:
        op.execute(trigger)


def downgrade() -> None:
    """Drop both tables, with all cases in them."""
    op.drop_table("case_trail")
    op.drop_table("kept_case")

"""Alembic's entry: run the migrations on the caller's connection, whose transaction holds the write lock."""

from alembic import context

from xraylab.database import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()

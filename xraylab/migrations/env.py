"""Alembic's entry: the caller brings a connection, inside the transaction that holds the write lock."""

from alembic import context

from xraylab.database import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()

"""Runs migrations on the connection, and within the transaction, that `store.migrate` gives."""

from alembic import context

from store.tables import metadata

connection = context.config.attributes["connection"]
# SQLite changes a column by rebuilding its table.
context.configure(connection=connection, target_metadata=metadata, render_as_batch=connection.dialect.name == "sqlite")
with context.begin_transaction():
    context.run_migrations()

"""The engine: history, plans and runs. It knows Alembic and SQLAlchemy, and no Flask."""

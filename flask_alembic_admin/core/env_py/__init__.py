"""Script folders with an ``env.py`` and an ``alembic.ini``: recognised, and run."""

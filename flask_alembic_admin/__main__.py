"""``python -m flask_alembic_admin``: the command line ``alembic-db``."""

from __future__ import annotations

from .cli.alembic_db import main

if __name__ == "__main__":
    main()

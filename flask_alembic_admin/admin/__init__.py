"""The panel: a blueprint whose pages show migrations and run them."""

from __future__ import annotations

from .blueprint import AlembicAdmin as AlembicAdmin

#: The panel, ready to be registered: ``app.register_blueprint(alembic_admin)``.
alembic_admin = AlembicAdmin("alembic_admin")

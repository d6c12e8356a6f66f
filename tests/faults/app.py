"""The app of a folder: the same in the test, in a child of its own and behind a server.

Revisions call ``stop_at`` where a test wants to find them.
"""

from __future__ import annotations

import json
import threading
import time
import typing as t
from pathlib import Path

import sqlalchemy as sa
from flask import Flask
from flask import request
from flask_login import LoginManager
from flask_login import UserMixin

from flask_alembic_admin import Alembic
from flask_alembic_admin import AlembicAdmin

#: After how many seconds whoever waits for something gives up.
DEADLINE = 30.0

_CONFIG = "config.json"
_Answer = t.TypeVar("_Answer")


def wait_for(question: t.Callable[[], _Answer | None], pause: float = 0.01) -> _Answer:
    """Return the first answer that is true.

    :param question: Asked again until then.
    :param pause: Seconds between two times.
    """
    end = time.monotonic() + DEADLINE

    while not (answer := question()):
        assert time.monotonic() < end, f"{question} stayed {answer!r}"
        time.sleep(pause)

    return answer


def stop_at(folder: str, name: str) -> None:
    """Say that a place is reached, and stay there until the test lets go."""
    Path(folder, f"{name}.reached").touch()
    wait_for(Path(folder, f"{name}.open").exists)


def write_config(
    folder: Path,
    urls: t.Mapping[str, sa.URL],
    context: t.Mapping[str, t.Any] | None = None,
    **admin: t.Any,
) -> None:
    """Write down what ``create_app`` reads.

    :param folder: Where all files of the app are.
    :param urls: The databases by name.
    :param context: What ``ALEMBIC_CONTEXT`` is.
    :param admin: Options of ``ALEMBIC_ADMIN``.
    """
    texts = {name: url.render_as_string(hide_password=False) for name, url in urls.items()}
    config = {"urls": texts, "context": dict(context or {}), "admin": admin}
    (folder / _CONFIG).write_text(json.dumps(config))


def create_app(folder: str) -> Flask:
    """Return the app of a folder."""
    if Path(folder, "slow").exists():
        stop_at(folder, "import")

    if Path(folder, "threads").exists():
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()

    config = json.loads(Path(folder, _CONFIG).read_text())
    app = Flask("faults", root_path=folder, instance_path=f"{folder}/instance")
    app.config["SECRET_KEY"] = "secret"
    app.config["ALEMBIC_CONTEXT"] = config["context"]
    app.config["ALEMBIC_ADMIN"] = {
        "app": f"{__name__}:create_app({folder!r})",
        **config["admin"],
    }
    engines = {name: sa.create_engine(url) for name, url in config["urls"].items()}
    Alembic(app, metadatas={name: sa.MetaData() for name in engines}, engines=engines)
    panel = AlembicAdmin()
    panel.permission(lambda user, action, database: True)
    app.register_blueprint(panel)
    _know_everybody(app)
    return app


def _know_everybody(app: Flask) -> None:
    class User(UserMixin):  # type: ignore[misc]
        id = "ann"

    @LoginManager(app).request_loader  # type: ignore[untyped-decorator]  # it publishes no types
    def load(_: object) -> User:
        user = User()
        user.id = request.headers.get("X-User", "ann")
        return user

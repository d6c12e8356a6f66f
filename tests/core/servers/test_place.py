"""What tells one database from any other."""

from __future__ import annotations

import uuid

import sqlalchemy as sa

from .helpers import Sessions


def test_one_database_has_one_place(sessions: Sessions) -> None:
    """Another name of the host does not make another database."""
    alias = sessions.url.set(host="localhost")

    place = sessions.server.place(sessions.connect())

    assert sessions.server.place(sessions.connect(alias)) == place
    assert str(sessions.url.database) in place


def test_two_databases_have_two_places(sessions: Sessions) -> None:
    """Two databases of one server are told apart."""
    server_wide = {"postgresql": "postgres", "mysql": "mysql"}
    other = sessions.url.set(database=server_wide[sessions.url.get_backend_name()])

    place = sessions.server.place(sessions.connect())

    assert sessions.server.place(sessions.connect(other)) != place


def test_the_place_falls_back_to_the_address(postgresql: Sessions, postgresql_user: sa.URL) -> None:
    """Where the system identifier may not be read, address, port and database have to do."""
    revoke = "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC"
    postgresql.run(revoke)

    place = postgresql.server.place(postgresql.connect(postgresql_user))

    assert place.startswith("postgresql:127.0.0.1")
    assert place == postgresql.server.place(postgresql.connect(postgresql_user))
    assert place != postgresql.server.place(postgresql.connect())


def test_a_database_made_anew_is_another_place(postgresql: Sessions) -> None:
    """A name that was dropped and created again holds another database."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    url = postgresql.url.set(database=name)
    places = set()

    for _ in range(2):
        postgresql.run(f"CREATE DATABASE {name}")
        with postgresql.connect(url) as connection:
            places.add(postgresql.server.place(connection))
        postgresql.run(f"DROP DATABASE {name} WITH (FORCE)")

    assert len(places) == 2

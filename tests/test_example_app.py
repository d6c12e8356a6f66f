from __future__ import annotations

import collections.abc as c
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import typing as t
import urllib.request
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

import example_app
from example_app import first_start
from example_app.auth import is_own_path
from example_app.models import db
from example_app.models import User
from example_app.panel import alembic
from example_app.panel import may

FOLDER = Path(example_app.__file__).parent
HEAD = "7be8142fa36c"


@pytest.fixture(params=["default", "audit"])
def migrated_shop(
    request: pytest.FixtureRequest, make_shop: c.Callable[..., Flask], database_url: sa.URL
) -> Flask:
    """A shop with all revisions applied: each database in turn on each kind of server."""
    if request.param == "default":
        shop = make_shop(SQLALCHEMY_DATABASE_URI=database_url)
    else:
        shop = make_shop(SQLALCHEMY_BINDS={"audit": database_url})

    with shop.app_context():
        alembic.upgrade("heads")

    return shop


def test_a_first_start_applies_the_first_revisions_only(server_shop: Flask) -> None:
    """Both databases are at the middle of the history, and the branch is still to come."""
    first_start.prepare(server_shop)

    with server_shop.app_context():
        for name in ("default", "audit"):
            assert heads(name) == {first_start.REVISION}

        assert len(alembic.pending("default")) == 6


def test_a_first_start_fills_the_shop(server_shop: Flask) -> None:
    """There are orders to migrate."""
    first_start.prepare(server_shop)
    assert count(server_shop, "order_lines") == len(first_start.CUSTOMERS)


def test_a_first_start_names_two_users_who_can_sign_in(server_shop: Flask) -> None:
    """Its answer holds working passwords of an administrator and of an ordinary user."""
    for name, password in first_start.prepare(server_shop):
        page = sign_in(server_shop.test_client(), name, password, follow_redirects=True)
        assert f"<strong>{name}</strong>" in page.text


def test_a_second_start_makes_nothing(shop: Flask) -> None:
    """Users and products stay as they are, and no password is told."""
    first_start.prepare(shop)
    assert first_start.prepare(shop) == []
    assert count(shop, "users") == 2
    assert count(shop, "products") == len(first_start.PRODUCTS)


def test_a_first_start_leaves_a_migrated_audit_database_alone(shop: Flask) -> None:
    """The other database may be further on, from an earlier life of the instance folder."""
    with shop.app_context():
        alembic.upgrade("heads", database="audit")

    assert len(first_start.prepare(shop)) == 2

    with shop.app_context():
        assert heads("audit") == {HEAD}


def test_every_revision_runs_up_and_down(migrated_shop: Flask) -> None:
    """From the head to nothing, and up again."""
    with migrated_shop.app_context():
        assert heads("default") == heads("audit") == {HEAD}
        alembic.downgrade("base")
        assert heads("default") == heads("audit") == set()
        assert not shop_tables()
        alembic.upgrade("heads")
        assert heads("default") == heads("audit") == {HEAD}


def test_the_data_of_a_first_start_is_migrated(server_shop: Flask) -> None:
    """Orders that had no status get one, which is then required."""
    first_start.prepare(server_shop)

    with server_shop.app_context():
        alembic.upgrade("heads")

        with db.engine.connect() as connection:
            statuses = connection.scalars(sa.text("SELECT status FROM orders")).all()

    assert statuses == ["delivered"] * len(first_start.CUSTOMERS)


def test_models_differ_by_the_one_column(migrated_shop: Flask) -> None:
    """A migrated database lacks the column that no revision adds, and nothing else."""
    with migrated_shop.app_context():
        operations = alembic.produce_migrations().upgrade_ops_list
        differences = [diff for ops in operations for diff in ops.as_diffs()]

    assert [(diff[0], diff[2], diff[3].name) for diff in differences] == [
        ("add_column", "products", "weight_grams")
    ]


def test_passwords_are_nowhere_on_disk(shop: Flask, instance: Path) -> None:
    """Files hold hashes."""
    passwords = [password.encode() for _, password in first_start.prepare(shop)]
    contents = [file.read_bytes() for file in instance.rglob("*") if file.is_file()]
    assert contents
    assert not [content for content in contents for word in passwords if word in content]


@pytest.mark.parametrize("revision", ["base", "1f4a07c93be2", "83d5b60e2a97", HEAD])
def test_the_home_page_opens_at_any_revision(shop: Flask, revision: str) -> None:
    """It lists products, or says that they are not migrated yet."""
    with shop.app_context():
        alembic.upgrade(HEAD)
        alembic.downgrade(revision)

    page = shop.test_client().get("/")
    assert page.status_code == 200
    has_products = revision in {"83d5b60e2a97", HEAD}
    assert ("Not migrated yet" in page.text) is not has_products


def test_the_home_page_works_on_an_empty_database(server_shop: Flask) -> None:
    """It says that nothing is migrated yet and leads to the panel."""
    page = server_shop.test_client().get("/")
    assert page.status_code == 200
    assert "Not migrated yet" in page.text
    assert 'href="/alembic/"' in page.text


def test_the_home_page_works_without_a_server(make_shop: c.Callable[..., Flask]) -> None:
    """A database that does not answer is no error of the page."""
    nowhere = sa.make_url("postgresql+psycopg://nobody@127.0.0.1:1/none")
    page = make_shop(SQLALCHEMY_DATABASE_URI=nowhere).test_client().get("/")
    assert page.status_code == 200


def test_signing_in_needs_the_first_revision_only(server_shop: Flask) -> None:
    """Whoever has to repair a half migrated shop can get in."""
    password = dict(first_start.prepare(server_shop))["admin"]

    with server_shop.app_context():
        alembic.downgrade("1f4a07c93be2")

    page = sign_in(server_shop.test_client(), "admin", password, follow_redirects=True)
    assert "<strong>admin</strong>" in page.text


def test_a_signed_in_user_is_signed_out_when_the_users_are_gone(shop: Flask) -> None:
    """A session of somebody without a table is nobody's, not an error."""
    password = dict(first_start.prepare(shop))["admin"]
    client = shop.test_client()
    sign_in(client, "admin", password)

    with shop.app_context():
        alembic.downgrade("base")

    assert "Sign in" in client.get("/").text


def test_the_sign_in_page_opens_for_a_signed_in_user(shop: Flask) -> None:
    """Somebody who lacks a permission may sign in as somebody else."""
    password = dict(first_start.prepare(shop))["dev"]
    client = shop.test_client()
    sign_in(client, "dev", password)
    assert 'name="password"' in client.get("/sign-in").text


def test_a_wrong_password_lets_nobody_in(shop: Flask) -> None:
    """The form comes back and says so, in the same words as for an unknown name."""
    first_start.prepare(shop)

    for name in ("admin", "nobody"):
        page = sign_in(shop.test_client(), name, "wrong")
        assert "No user has this name and this password." in page.text


def test_signing_in_leads_to_where_one_wanted_to_go(shop: Flask) -> None:
    """The path in `next` is kept."""
    password = dict(first_start.prepare(shop))["dev"]
    answer = sign_in(shop.test_client(), "dev", password, next_page="/alembic/?page=2")
    assert answer.location == "/alembic/?page=2"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:x()"]
)
def test_signing_in_never_leads_to_another_site(shop: Flask, target: str) -> None:
    """Another site in `next` is passed over for the home page."""
    password = dict(first_start.prepare(shop))["dev"]
    assert sign_in(shop.test_client(), "dev", password, next_page=target).location == "/"


@pytest.mark.parametrize(
    "target", ["", "alembic", "/\t/evil.example", "/\n/evil.example", "/\x00", "\\\\evil", " /"]
)
def test_what_a_browser_reads_otherwise_is_no_own_path(target: str) -> None:
    """Control characters, backslashes and relative paths are refused."""
    assert not is_own_path(target)


def test_signing_out_needs_the_button(shop: Flask) -> None:
    """A form on another site, which has no token, signs nobody out."""
    password = dict(first_start.prepare(shop))["dev"]
    client = shop.test_client()
    sign_in(client, "dev", password)

    client.post("/sign-out")
    assert "<strong>dev</strong>" in client.get("/").text

    client.post("/sign-out", data={"csrf_token": token(client.get("/").text)})
    assert "<strong>dev</strong>" not in client.get("/").text


@pytest.mark.parametrize(
    ("user", "actions"),
    [
        (User(name="admin", is_admin=True), {"view", "upgrade", "audit"}),
        (User(name="dev", is_admin=False), {"view"}),
        (example_app.auth.login_manager.anonymous_user(), set()),
    ],
    ids=["admin", "dev", "nobody"],
)
def test_who_may_do_what(user: t.Any, actions: set[str]) -> None:
    """An administrator may do everything, dev may look, and nobody else may anything."""
    assert {name for name in ("view", "upgrade", "audit") if may(user, name, "default")} == actions


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("postgresql://u:p@h/d", "postgresql+psycopg"),
        ("postgresql+psycopg://u:p@h/d", "postgresql+psycopg"),
        ("mysql+pymysql://u:p@h/d", "mysql+pymysql"),
    ],
)
def test_the_environment_names_the_server(
    make_shop: c.Callable[..., Flask], monkeypatch: pytest.MonkeyPatch, given: str, driver: str
) -> None:
    """The default database moves to the server, with an installed driver; audit does not."""
    monkeypatch.setenv("DATABASE_URL", given)
    shop = make_shop()

    with shop.app_context():
        assert (db.engine.url.drivername, db.engine.url.host) == (driver, "h")
        assert db.engines["audit"].url.database == f"{shop.instance_path}/audit.sqlite"


def test_the_secret_is_kept_for_the_owner_only(
    make_shop: c.Callable[..., Flask], instance: Path
) -> None:
    """Workers agree on it, and other users of the computer cannot read it."""
    assert make_shop().secret_key == make_shop().secret_key
    assert stat.S_IMODE((instance / "secret_key").stat().st_mode) == 0o600


def test_the_environment_names_the_secret(
    make_shop: c.Callable[..., Flask], instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is written then."""
    monkeypatch.setenv("SECRET_KEY", "from outside")
    assert make_shop().secret_key == "from outside"
    assert not (instance / "secret_key").exists()


def test_the_first_start_command_prints_passwords_once(shop: Flask) -> None:
    """The second time it says how to get new ones."""
    runner = shop.test_cli_runner()
    assert "not shown again" in runner.invoke(args=["first-start"]).output
    assert "new-passwords" in runner.invoke(args=["first-start"]).output


def test_new_passwords_replace_the_old_ones(shop: Flask) -> None:
    """The printed one works, and the one before does not any more."""
    old = dict(first_start.prepare(shop))["admin"]
    output = shop.test_cli_runner().invoke(args=["new-passwords"]).output
    new = output.split("admin")[1].split()[0]

    assert sign_in(shop.test_client(), "admin", old).status_code == 200
    assert sign_in(shop.test_client(), "admin", new).status_code == 303


def test_new_passwords_need_a_first_start(shop: Flask) -> None:
    """Without a table of users the command says what to run."""
    result = shop.test_cli_runner().invoke(args=["new-passwords"])
    assert result.exit_code == 1
    assert "first-start" in result.output


@pytest.mark.usefixtures("instance")
def test_serving_prints_the_true_address() -> None:
    """The printed panel answers, and Ctrl-C ends the program without a word."""
    with serving() as program:
        lines = read_until_listening(program)
        address = re.findall(r"http://\S+", "".join(lines))[0]

        with urllib.request.urlopen(address) as page:
            assert b"Teapot" in page.read()

        program.send_signal(signal.SIGINT)
        output, errors = program.communicate(timeout=20)

    assert (program.returncode, output, errors) == (0, "", "")


@pytest.mark.usefixtures("instance")
def test_a_taken_port_that_was_asked_for_is_an_error() -> None:
    """Nothing is prepared then, so no password is lost."""
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        serving(PORT=str(taken.getsockname()[1])) as program,
    ):
        output, errors = program.communicate(timeout=20)

    assert program.returncode == 1
    assert not output
    assert "cannot be used" in errors


@pytest.mark.usefixtures("instance")
def test_serving_without_a_server_says_so() -> None:
    """The reason is one sentence, without the password."""
    with serving(DATABASE_URL="postgresql://nobody:hidden@127.0.0.1:1/none") as program:
        output, errors = program.communicate(timeout=20)

    assert program.returncode == 1
    assert errors.startswith("The database does not answer")
    assert "hidden" not in output + errors


@pytest.mark.parametrize("page", sorted(FOLDER.rglob("*.html")), ids=lambda page: page.name)
def test_a_template_has_no_inline_script_or_style(page: Path) -> None:
    """Pages work under a strict Content-Security-Policy."""
    assert not re.search(r"\sstyle=|\son\w+=|<script|<style|\|\s*safe\b", page.read_text())


def heads(database: str) -> set[str]:
    return set(alembic.current_ids(database))


def shop_tables() -> set[str]:
    ours = re.compile("alembic_")
    return {
        table
        for engine in db.engines.values()
        for table in sa.inspect(engine).get_table_names()
        if not ours.match(table)
    }


def count(shop: Flask, table: str) -> int | None:
    with shop.app_context(), db.engine.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(sa.table(table)))


def token(page: str) -> str:
    return page.split('name="csrf_token" type="hidden" value="')[1].split('"')[0]


def sign_in(
    client: FlaskClient, name: str, password: str, next_page: str = "", **options: t.Any
) -> t.Any:
    return client.post(
        "/sign-in",
        query_string={"next": next_page} if next_page else {},
        data={
            "name": name,
            "password": password,
            "csrf_token": token(client.get("/sign-in").text),
        },
        **options,
    )


def serving(**environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "example_app"],
        cwd=FOLDER.parent,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def read_until_listening(program: subprocess.Popen[str]) -> list[str]:
    assert program.stdout is not None
    lines: list[str] = []

    while not (lines and lines[-1].startswith("Listening")):
        line = program.stdout.readline()
        assert line, program.communicate()
        lines.append(line)

    return lines

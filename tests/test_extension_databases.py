"""One database or several, from Flask-SQLAlchemy, Flask-SQLAlchemy-Lite or plain SQLAlchemy."""

from __future__ import annotations

import collections.abc as c
import typing as t
from pathlib import Path

import flask_sqlalchemy
import flask_sqlalchemy_lite
import pytest
import sqlalchemy as sa
import sqlalchemy.orm
from flask import Flask

from flask_alembic_admin import Alembic
from flask_alembic_admin.core.results import RunResult
from flask_alembic_admin.errors import RunFailed
from flask_alembic_admin.errors import SetupError

from .apps import add_revision
from .apps import create
from .apps import dispose
from .apps import drop
from .apps import MakeSite
from .apps import Site

#: Runs code on one database only, as the multidb template does.
_ONLY = "if arguments['engine_name'] == {name!r}: {code}"


@pytest.fixture
def urls(postgresql_url: sa.URL, mariadb_url: sa.URL, sqlite_url: sa.URL) -> dict[str, sa.URL]:
    """A database on each kind of server, under names that are not ``default``."""
    return {"shop": postgresql_url, "audit log": mariadb_url, "cache": sqlite_url}


@pytest.fixture
def several(make_site: MakeSite, urls: dict[str, sa.URL]) -> Site:
    """An app with three databases."""
    return make_site(urls=urls)


def _model(metadata: sa.MetaData, name: str) -> sa.Table:
    return sa.Table(name, metadata, sa.Column("id", sa.Integer, primary_key=True))


def test_flask_sqlalchemy_gives_engine_and_metadata(tmp_path: Path, database_url: sa.URL) -> None:
    """Nothing has to be passed."""
    app = Flask("fsa", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"))
    app.config["SQLALCHEMY_DATABASE_URI"] = database_url
    db = flask_sqlalchemy.SQLAlchemy(app)
    alembic = Alembic(app)
    _model(db.metadata, "users")

    with app.app_context():
        alembic.revision("add users")
        alembic.upgrade()
        assert not alembic.needs_revision()
        assert sa.inspect(db.engine).has_table("users")
        dispose(alembic)


def test_flask_sqlalchemy_gives_its_binds(tmp_path: Path) -> None:
    """``metadatas`` says which binds are migrated; ``default`` is the one without a name."""
    app = Flask("fsa", root_path=str(tmp_path), instance_path=str(tmp_path))
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///one.sqlite"
    app.config["SQLALCHEMY_BINDS"] = {"audit": "sqlite:///two.sqlite", "other": "sqlite://"}
    db = flask_sqlalchemy.SQLAlchemy(app)
    audit = sa.MetaData()
    alembic = Alembic(app, metadatas={"default": db.metadata, "audit": audit})
    _model(db.metadata, "users")
    _model(audit, "events")

    with app.app_context():
        alembic.revision("add both")
        alembic.upgrade()
        assert sa.inspect(db.engine).has_table("users")
        assert sa.inspect(db.engines["audit"]).has_table("events")
        dispose(alembic)


def _bound(tmp_path: Path, **config: str) -> tuple[Flask, flask_sqlalchemy.SQLAlchemy]:
    app = Flask("bound", root_path=str(tmp_path), instance_path=str(tmp_path))
    app.config["SQLALCHEMY_BINDS"] = {"audit": "sqlite:///two.sqlite"}
    app.config.from_mapping(config)
    return app, flask_sqlalchemy.SQLAlchemy(app)


def test_binds_are_not_migrated_by_themselves(tmp_path: Path) -> None:
    """Nobody's second database is touched who has not said so."""
    app, _ = _bound(tmp_path, SQLALCHEMY_DATABASE_URI="sqlite:///one.sqlite")
    alembic = Alembic(app)

    with app.app_context():
        assert list(alembic.project.databases) == ["default"]


def test_an_app_may_have_nothing_but_binds(tmp_path: Path) -> None:
    """Its default metadata, which is always there, is left out as long as it is empty."""
    app, db = _bound(tmp_path)
    alembic = Alembic(app, binds=True)
    _model(db.metadatas["audit"], "events")

    with app.app_context():
        alembic.revision("add events")
        assert [result.database for result in alembic.upgrade()] == ["audit"]
        dispose(alembic)


def test_a_default_model_without_an_engine_is_not_passed_over(tmp_path: Path) -> None:
    """It would be left behind in silence."""
    app, db = _bound(tmp_path)
    alembic = Alembic(app, binds=True)
    _model(db.metadata, "users")

    with app.app_context(), pytest.raises(SetupError, match="'default', for which there is no eng"):
        _ = alembic.project


def test_binds_need_flask_sqlalchemy(tmp_path: Path) -> None:
    """No other has any."""
    app = Flask("lite", root_path=str(tmp_path), instance_path=str(tmp_path))
    app.config["SQLALCHEMY_ENGINES"] = {"default": "sqlite://"}
    flask_sqlalchemy_lite.SQLAlchemy(app)
    alembic = Alembic(app, binds=True)

    with app.app_context(), pytest.raises(SetupError, match="which this app does not use"):
        _ = alembic.project


def test_binds_and_metadatas_are_not_both_taken() -> None:
    """Either says which databases there are."""
    with pytest.raises(SetupError, match="got both 'metadatas' and 'binds'"):
        Alembic(metadatas=sa.MetaData(), binds=True)


class _Base(sa.orm.DeclarativeBase):
    pass


@pytest.mark.parametrize("wrap", [lambda base: base, lambda base: [base], lambda base: {"a": base}])
def test_a_base_class_is_no_metadata(wrap: c.Callable[[object], t.Any]) -> None:
    """The likeliest mistake says what to write."""
    with pytest.raises(SetupError) as caught:
        Alembic(metadatas=wrap(_Base))

    assert str(caught.value) == (
        "'metadatas' holds _Base, which is no MetaData. Pass the 'metadata' of it, such as "
        "_Base.metadata."
    )


def test_what_is_no_metadata_at_all_is_refused() -> None:
    """Before anything is done with it."""
    with pytest.raises(SetupError, match="'metadatas' holds str, which is no MetaData"):
        Alembic(metadatas="models")  # type: ignore[arg-type]


def test_flask_sqlalchemy_lite_gives_engines(tmp_path: Path, database_url: sa.URL) -> None:
    """It knows no metadata, which is passed."""
    app = Flask("lite", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"))
    app.config["SQLALCHEMY_ENGINES"] = {"default": database_url}
    db = flask_sqlalchemy_lite.SQLAlchemy(app)
    metadata = sa.MetaData()
    alembic = Alembic(app, metadatas=metadata)
    _model(metadata, "users")

    with app.app_context():
        alembic.revision("add users")
        alembic.upgrade()
        assert sa.inspect(db.engine).has_table("users")
        dispose(alembic)


def test_an_engine_without_a_name_belongs_to_the_only_metadata(
    make_site: MakeSite, tmp_path: Path
) -> None:
    """Whatever that is called."""
    engine = sa.create_engine("sqlite://")
    metadata = sa.MetaData()
    _model(metadata, "users")
    site = make_site(metadatas={"shop": metadata}, engines=engine)

    with site.app.app_context():
        site.alembic.revision("add users")
        (result,) = site.alembic.upgrade()
        assert result.database == "shop"

    assert sa.inspect(engine).has_table("users")
    engine.dispose()


def test_a_database_in_memory_can_be_migrated(make_site: MakeSite) -> None:
    """Its one connection is the database, and is kept."""
    engine = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool)
    site = make_site(engines=engine, metadatas=sa.MetaData())
    add_revision(site.folder, "a1", up=create("users"))
    site.upgrade()
    assert sa.inspect(engine).has_table("users")
    engine.dispose()


def test_a_database_may_have_several_metadata(make_site: MakeSite) -> None:
    """The tables of all of them are compared."""
    first, second = sa.MetaData(), sa.MetaData()
    site = make_site(metadatas=[first, second])
    _model(first, "users")
    _model(second, "posts")

    with site.app.app_context():
        assert {table.name for _, table in site.alembic.compare_metadata()} == {"users", "posts"}
        site.alembic.revision("add both")
        site.alembic.upgrade()
        assert not site.alembic.needs_revision()

    assert site.tables() == {"users", "posts"}


def test_a_table_of_two_metadata_is_named(make_site: MakeSite) -> None:
    """Neither comparison nor revision guesses; what is written already can be run."""
    metadatas = [sa.MetaData(), sa.MetaData()]
    site = make_site(metadatas=metadatas)
    add_revision(site.folder, "a1", up=create("users"))

    for metadata in metadatas:
        _model(metadata, "users")

    site.upgrade()
    said = "Table 'users' is in several of the metadata of database 'default'"

    with site.app.app_context():
        for verb in (site.alembic.compare_metadata, lambda: site.alembic.revision("more")):
            with pytest.raises(SetupError, match=said):
                verb()

    result = site.app.test_cli_runner().invoke(args=["db", "check"])
    assert result.exit_code == 2
    assert said in result.output


def test_one_of_several_databases_may_have_several_metadata(
    make_site: MakeSite, tmp_path: Path
) -> None:
    """A value of the mapping is one metadata or a list."""
    urls = {n: sa.URL.create("sqlite", database=str(tmp_path / n)) for n in ("one", "two")}
    metadatas = [sa.MetaData() for _ in range(3)]
    site = make_site(urls=urls, metadatas={"one": metadatas[:2], "two": metadatas[2]})

    for number, metadata in enumerate(metadatas):
        _model(metadata, f"t{number}")

    with site.app.app_context():
        site.alembic.revision("add all")
        site.alembic.upgrade()

    assert (site.tables("one"), site.tables("two")) == ({"t0", "t1"}, {"t2"})


@pytest.fixture
def tenant(make_site: MakeSite, postgresql_url: sa.URL) -> Site:
    """An app whose version table is to be in a schema that is not there yet."""
    options = {"version_table_schema": "tenant"}
    site = make_site(postgresql_url, config={"ALEMBIC_CONTEXT": options})
    add_revision(site.folder, "a1", up=create("users"))
    return site


@pytest.mark.parametrize("verb", ["upgrade", "stamp"])
def test_a_version_table_needs_its_schema(tenant: Site, verb: str) -> None:
    """What to create is said before anything is run; where it is can be asked all the same."""
    with tenant.app.app_context():
        assert tenant.alembic.current() == ()
        assert tenant.alembic.pending() == ("a1",)

        with pytest.raises(SetupError) as caught:
            getattr(tenant.alembic, verb)("heads")

    assert str(caught.value) == (
        "Database 'default' has no schema 'tenant', where ALEMBIC_CONTEXT['version_table_schema'] "
        'says that the version table is. Create it first (CREATE SCHEMA "tenant"), or name one '
        "that is there."
    )
    assert tenant.tables() == set()
    tenant.execute("CREATE SCHEMA tenant")

    with tenant.app.app_context():
        getattr(tenant.alembic, verb)("heads")
        assert tenant.alembic.pending() == ()


@pytest.mark.parametrize(
    ("options", "schema_map"),
    [({}, {None: "acme"}), ({"version_table_schema": "tenant"}, {"tenant": "acme"})],
)
def test_an_engine_that_translates_the_schema_of_the_version_table_is_refused(
    make_site: MakeSite,
    postgresql_url: sa.URL,
    options: dict[str, str],
    schema_map: dict[str | None, str],
) -> None:
    """Alembic would make that table and not find it again; nothing is run."""
    engine = sa.create_engine(
        postgresql_url,
        execution_options={"schema_translate_map": schema_map},
        poolclass=sa.NullPool,
    )
    site = make_site(postgresql_url, config={"ALEMBIC_CONTEXT": options}, engines=engine)
    site.execute("CREATE SCHEMA acme")
    add_revision(site.folder, "a1", up=create("users"))

    with pytest.raises(SetupError, match="has a 'schema_translate_map' that leads to 'acme'"):
        site.upgrade()

    assert sa.inspect(site.engine).get_table_names(schema="acme") == []


def test_an_engine_may_translate_to_where_the_version_table_is_anyway(
    make_site: MakeSite, postgresql_url: sa.URL
) -> None:
    """Then it is found."""
    engine = sa.create_engine(
        postgresql_url,
        execution_options={"schema_translate_map": {None: "public", "other": "acme"}},
        poolclass=sa.NullPool,
    )
    site = make_site(postgresql_url, engines=engine)
    add_revision(site.folder, "a1", up=create("users"))
    site.upgrade()

    with site.app.app_context():
        assert site.alembic.pending() == ()


def test_the_search_path_of_a_role_says_where_the_version_table_is(
    make_site: MakeSite, postgresql_url: sa.URL
) -> None:
    """It is made, read and verified there, with no option."""
    url = postgresql_url.update_query_dict({"options": "-c search_path=acme"})
    site = make_site(url)
    site.execute("CREATE SCHEMA acme")
    add_revision(site.folder, "a1", up=create("users"))
    site.upgrade()

    with site.app.app_context():
        assert site.alembic.pending() == ()

    assert "alembic_version" in sa.inspect(site.engine).get_table_names(schema="acme")
    assert sa.inspect(site.engine).get_table_names(schema="public") == []


def test_several_databases_get_the_multidb_template(several: Site, make_site: MakeSite) -> None:
    """One database gets the generic one, whatever it is called."""
    assert "def upgrade_" in (several.folder / "script.py.mako").read_text()
    single = make_site(name="single", urls={"any": sa.make_url("sqlite://")})
    assert "def upgrade_" not in (single.folder / "script.py.mako").read_text()


def test_a_revision_has_a_section_for_each_database(several: Site) -> None:
    """Named as the template names it, also when one database is asked for."""
    for name, metadata in several.metadatas.items():
        _model(metadata, f"in_{name.split()[0]}")

    with several.app.app_context():
        (op,) = several.alembic.produce_migrations("shop").upgrade_ops_list
        assert op.upgrade_token == "shop_upgrades"
        combined = several.alembic.produce_migrations()
        assert [op.upgrade_token for op in combined.upgrade_ops_list] == [
            "shop_upgrades",
            "audit log_upgrades",
            "cache_upgrades",
        ]
        assert [op.downgrade_token for op in combined.downgrade_ops_list] == [
            "shop_downgrades",
            "audit log_downgrades",
            "cache_downgrades",
        ]
        assert {table.name for _, table in several.alembic.compare_metadata()} == {
            "in_shop",
            "in_audit",
            "in_cache",
        }


@pytest.fixture
def pair(make_site: MakeSite, postgresql_url: sa.URL, mariadb_url: sa.URL) -> Site:
    """An app with two databases and a revision that makes another table in each."""
    site = make_site(urls={"shop": postgresql_url, "audit": mariadb_url})

    for number, parent in (("a1", None), ("b2", "a1")):
        up = [_ONLY.format(name=n, code=create(f"{n}_{number}")) for n in ("shop", "audit")]
        down = [_ONLY.format(name=n, code=drop(f"{n}_{number}")) for n in ("shop", "audit")]
        add_revision(site.folder, number, parent, up="\n".join(up), down="\n".join(down))

    return site


def test_a_verb_works_on_each_database_in_turn(pair: Site) -> None:
    """A result for each comes back, in the order of ``metadatas``."""
    with pair.app.app_context():
        results = pair.alembic.upgrade()

    assert [result.database for result in results] == ["shop", "audit"]
    assert pair.tables("shop") == {"shop_a1", "shop_b2"}
    assert pair.tables("audit") == {"audit_a1", "audit_b2"}


_VERBS: dict[str, c.Callable[[Alembic], tuple[RunResult, ...]]] = {
    "upgrade": lambda alembic: alembic.upgrade("a1", database="audit"),
    "stamp": lambda alembic: alembic.stamp("a1", database="audit"),
}


@pytest.mark.parametrize("verb", list(_VERBS))
def test_a_writing_verb_takes_a_database(pair: Site, verb: str) -> None:
    """The others are left alone."""
    with pair.app.app_context():
        (result,) = _VERBS[verb](pair.alembic)
        assert (result.database, result.after) == ("audit", ("a1",))
        assert [script.revision for script in pair.alembic.current("audit")] == ["a1"]
        assert pair.alembic.current("shop") == pair.alembic.current() == ()

    assert not sa.inspect(pair.engines["shop"]).has_table("alembic_version")


def test_downgrade_takes_a_database(pair: Site) -> None:
    """The others stay where they are."""
    with pair.app.app_context():
        pair.alembic.upgrade()
        (result,) = pair.alembic.downgrade(database="audit")
        assert (result.before, result.after) == (("b2",), ("a1",))
        assert [script.revision for script in pair.alembic.current("shop")] == ["b2"]

    assert pair.tables("audit") == {"audit_a1"}


def test_reading_verbs_take_a_database(pair: Site) -> None:
    """Each says what is true of that one alone."""
    with pair.app.app_context():
        pair.alembic.upgrade(database="audit")
        assert pair.alembic.needs_upgrade()
        assert pair.alembic.needs_upgrade("shop")
        assert not pair.alembic.needs_upgrade("audit")
        assert pair.alembic.pending("shop") == ("a1", "b2")
        assert pair.alembic.pending("audit") == ()
        assert [s.revision for s in pair.alembic.log(end="current", database="audit")] == [
            "b2",
            "a1",
        ]
        assert pair.alembic.log(end="current", database="shop") == []
        assert {d[1].name for d in pair.alembic.compare_metadata("audit")} == {
            "audit_a1",
            "audit_b2",
        }
        assert pair.alembic.needs_revision("audit")
        assert not pair.alembic.needs_revision("shop")
        assert pair.alembic.produce_migrations("shop").upgrade_ops_list[0].ops == []
        assert pair.alembic.steps("upgrade", "heads", "shop") == ("a1", "b2")


def test_a_block_may_choose_the_database(pair: Site) -> None:
    """``use`` and ``in_use`` say which one verbs in them work on."""
    with pair.app.app_context(), pair.alembic.use("audit"):
        assert list(pair.alembic.migration_contexts) == ["audit"]
        assert [result.database for result in pair.alembic.upgrade()] == ["audit"]

    assert pair.tables("shop") == set()


def test_the_default_database_is_the_one_called_so_or_the_first(
    make_site: MakeSite, tmp_path: Path
) -> None:
    """What is asked without a name is asked of it."""
    memory = sa.make_url("sqlite://")
    site = make_site(name="x", urls={"first": memory, "second": memory})
    named = make_site(name="y", urls={"first": memory, "default": memory})

    with site.app.app_context():
        assert site.alembic.project.default_name == "first"

    with named.app.app_context():
        assert named.alembic.project.default_name == "default"
        contexts = named.alembic.migration_contexts
        assert named.alembic.migration_context is contexts["default"]


def test_a_failure_says_which_databases_were_done(pair: Site) -> None:
    """The first stays migrated; the second names its step."""
    add_revision(pair.folder, "c3", "b2", up=_ONLY.format(name="audit", code="1 / 0"))

    with pair.app.app_context(), pytest.raises(RunFailed) as caught:
        pair.alembic.upgrade()

    assert (caught.value.database, caught.value.failed) == ("audit", "c3")
    assert caught.value.applied == ("a1", "b2")
    assert str(caught.value) == (
        "upgrade of database 'audit' failed at c3 (make c3): ZeroDivisionError: division by zero. "
        "2 steps before it stay done; the database is at b2. "
        "Database 'shop' was done before it: a1, b2, c3."
    )
    assert pair.versions("shop") == {"c3"}


def test_an_unknown_revision_in_the_second_database_hides_no_upgrade_of_the_first(
    pair: Site,
) -> None:
    """Whoever reads the error learns that the first was migrated."""
    with pair.app.app_context():
        pair.alembic.stamp("a1", database="audit")
        pair.execute("UPDATE alembic_version SET version_num = 'gone'", "audit")

        with pytest.raises(RunFailed, match="Database 'shop' was done before it: a1, b2") as caught:
            pair.alembic.upgrade()

    assert (caught.value.database, caught.value.failed, caught.value.heads) == (
        "audit",
        None,
        ("gone",),
    )

from __future__ import annotations

import logging
import re
import subprocess
import typing as t
from pathlib import Path

import pytest

from flask_alembic_admin import RunFacts
from flask_alembic_admin.core.runs import events
from flask_alembic_admin.errors import RunFailed

from .apps import add_revision
from .apps import MakeSite
from .apps import Site

PAGE = (Path(__file__).parent.parent / "docs" / "signals.md").read_text()
SIGNALS, HOOKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    """An app with a revision that fails."""
    site = make_site()
    add_revision(site.folder, "a1", up="raise ValueError")
    return site


def test_the_example_of_a_signal_works(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """A run that fails is told to the team."""
    names: dict[str, t.Any] = {}
    exec(SIGNALS, names)

    with pytest.raises(RunFailed):
        site.upgrade()

    events.run_finished.disconnect(names["tell_the_team"])
    (record,) = [record for record in caplog.records if record.name == site.app.name]
    assert record.levelno == logging.ERROR
    assert re.fullmatch(r"upgrade of default by \S+: failed \(ValueError\)", record.getMessage())


def test_the_example_of_hooks_works(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shop is closed while its backup is made, and open afterwards."""
    flag = Path(site.app.instance_path, "maintenance")
    closed = []

    def run(command: list[str], check: bool) -> None:
        closed.append((command[0], flag.exists()))

    monkeypatch.setattr(subprocess, "run", run)
    exec(HOOKS, {"app": site.app, "alembic": site.alembic})

    with pytest.raises(RunFailed):
        site.upgrade()

    assert closed == [("pg_dump", True)]
    assert not flag.exists()


def test_every_signal_and_every_fact_of_a_hook_is_named() -> None:
    """Nobody has to read the source."""
    signals = {signal.name.replace("-", "_") for signal in events._signals.values()}
    rows = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert signals <= rows
    assert {f"`{name}`" for name in RunFacts.__dataclass_fields__} <= set(
        re.findall(r"`\w+`", PAGE.partition("## Hooks")[2])
    )


def test_every_fact_that_is_sent_is_named(site: Site) -> None:
    """In the table of facts, with the signal that has it or with all."""
    sent: dict[str, set[str]] = {}
    connections = []

    for signal in events._signals.values():

        def hear(_: object, name: str = signal.name.replace("-", "_"), **facts: t.Any) -> None:
            sent.setdefault(name, set()).update(facts)

        signal.connect(hear, sender=site.app)
        connections.append(hear)

    add_revision(site.folder, "a1")
    site.upgrade()
    table = PAGE.partition("| fact |")[2].partition("\n\n")[0]
    rows = [
        (set(re.findall(r"`(\w+)`", names)), where)
        for names, where, _ in re.findall(r"^\| (.+) \| (.+) \| (.+) \|$", table, re.MULTILINE)
    ]

    for signal_name, facts in sent.items():
        named = {
            name
            for names, where in rows
            if where.startswith("all") or signal_name in where
            for name in names
        }
        assert facts == named, signal_name

"""Files that are written in the panel: drafted, read, confirmed, written exactly so."""

from __future__ import annotations

import collections.abc as c
import os
import re
import sys
import typing as t
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from flask_alembic_admin.admin import tickets
from flask_alembic_admin.core.drafts import writing
from flask_alembic_admin.core.ledger.tables import RunRecord
from flask_alembic_admin.errors import PlanMoved

from .conftest import fields
from .conftest import Panel
from .test_actions import card

DATABASE = "/alembic/db/default"
ACTIONS = ["upgrade", "revision", "merge"]

Make = c.Callable[..., Panel]


@pytest.fixture
def make(make_panel: Make) -> Make:
    """Make panels that may write files."""

    def make(settings: dict[str, t.Any] | None = None, **config: t.Any) -> Panel:
        settings = {"runner": "inline", "actions": ACTIONS, **(settings or {})}
        panel = make_panel(ALEMBIC_ADMIN=settings, **config)
        panel.open_up()
        return panel

    return make


@pytest.fixture
def panel(make: Make) -> Panel:
    """A panel that may write files."""
    return make()


@pytest.fixture
def client(panel: Panel) -> FlaskClient:
    """An operator's client."""
    return panel.client("operator")


def draft(client: FlaskClient, action: str = "revision", **chosen: t.Any) -> TestResponse:
    """Ask for a draft as the page does, and return the page it leads to."""
    html = client.get(f"{DATABASE}/actions").text
    data: dict[str, t.Any] = {"action": action, "csrf_token": fields(html)["csrf_token"]}

    if action == "revision":
        data |= {"message": "add more", "how": "empty", "parent": "bbb2"}

    return client.post(f"{DATABASE}/drafts", data={**data, **chosen}, follow_redirects=True)


def confirm(client: FlaskClient, page: TestResponse, **changes: str) -> TestResponse:
    """Confirm the draft on a page, and return the answer."""
    data = {**ticket_of(page), "understood": "y", **changes}
    return client.post(f"{DATABASE}/files", data=data)


def ticket_of(page: TestResponse) -> dict[str, str]:
    """Return the hidden fields of the form that has a draft written."""
    form = re.search(rf'<form method="post" action="{DATABASE}/files".*?</form>', page.text, re.S)
    assert form, page.text
    return fields(form[0])


def files(panel: Panel) -> set[str]:
    """Return the names of the revision files."""
    return {path.name for path in (panel.folder / "migrations").glob("*.py")}


def records(panel: Panel) -> list[RunRecord]:
    """Return what the ledger has, newest first, without plans."""
    with panel.app.app_context():
        return list(panel.alembic.project.ledger.runs())


def at_heads(panel: Panel) -> None:
    """Bring the database to where the files are, and give the models one table more."""
    with panel.app.app_context():
        panel.alembic.upgrade()

    for name in ("things", "parts"):
        sa.Table(name, panel.metadata, sa.Column("a", sa.Integer))

    sa.Table("orders", panel.metadata, sa.Column("id", sa.Integer, primary_key=True))


def test_a_draft_is_shown_and_not_written(panel: Panel, client: FlaskClient) -> None:
    """Its text, its path, its parent and the command that does the same."""
    page = draft(client)
    assert re.search(r"[0-9a-f]{12}_add_more\.py", page.text)
    assert 'class="hl-keyword">def</span>' in page.text
    assert f'href="{DATABASE}/revisions/bbb2"' in page.text
    assert "flask db revision &#39;add more&#39; --empty" in page.text
    assert files(panel) == {"aaa1.py", "bbb2.py"}
    assert records(panel) == []


def test_a_confirmed_draft_is_written_exactly_so(panel: Panel, client: FlaskClient) -> None:
    """And leads to the page of the new revision, which says so."""
    page = draft(client)
    answer = confirm(client, page)
    (name,) = files(panel) - {"aaa1.py", "bbb2.py"}
    revision = name.partition("_")[0]
    assert answer.status_code == 303
    assert answer.location == f"{DATABASE}/revisions/{revision}?written=1"
    assert "The file is written." in client.get(answer.location).text
    shown = re.sub(r"<[^>]+>", "", page.text.partition('class="numbered">')[2]).partition("Copy")[0]
    written = (panel.folder / "migrations" / name).read_text()
    assert shown.replace("&#34;", '"').replace("&#39;", "'").replace("&gt;", ">") == written


def test_what_was_written_is_recorded(panel: Panel, client: FlaskClient) -> None:
    """Who, why, the path, its checksum; it is no run of the database."""
    confirm(client, draft(client), reason="release 5")
    (record,) = records(panel)
    assert (record.action, record.status, record.actor) == ("revision", "succeeded", "operator")
    assert (record.reason, record.heads_before) == ("release 5", ("bbb2",))
    assert record.heads_after == (record.target,)
    html = client.get(f"{DATABASE}/runs/{record.id}").text
    assert re.search(rf"wrote .*{record.target}_add_more\.py", html)
    assert re.search(r"sha256 [0-9a-f]{64}", html)
    assert "the file of revision" in html


def test_from_the_diff(panel: Panel, client: FlaskClient) -> None:
    """The operations are there, and counted."""
    at_heads(panel)
    page = draft(client, how="diff")
    assert "1 operation<" in page.text
    assert "create_table(" in re.sub(r"<[^>]+>", "", page.text)
    assert "orders" in page.text


def test_no_difference_is_said(panel: Panel, client: FlaskClient) -> None:
    """An empty file would be written."""
    at_heads(panel)
    panel.metadata.remove(panel.metadata.tables["orders"])
    assert "No differences were found between models and default" in draft(client, how="diff").text


def test_a_database_that_is_behind_is_not_compared(panel: Panel, client: FlaskClient) -> None:
    """The form says why, and keeps what was written."""
    page = draft(client, how="diff", message="keep this")
    assert page.status_code == 400
    assert "2 revisions are pending" in card(page.text, "revision")
    assert 'value="keep this"' in card(page.text, "revision")


def test_models_that_cannot_be_compared_are_said(panel: Panel, client: FlaskClient) -> None:
    """What the app raises takes no page down."""

    def explode(*arguments: object) -> bool:
        raise ValueError("not today")

    panel.app.config["ALEMBIC_CONTEXT"] = {"include_name": explode}
    panel.alembic._projects.clear()
    at_heads(panel)
    page = draft(client, how="diff")
    assert page.status_code == 400
    assert "ValueError: not today" in page.text


def test_the_first_revision(panel: Panel, client: FlaskClient) -> None:
    """It begins the history, as the command would have it."""
    for path in (panel.folder / "migrations").glob("*.py"):
        path.unlink()

    page = draft(client, parent="head")
    assert "flask db revision &#39;add more&#39; --empty</code>" in page.text
    assert confirm(client, page).status_code == 303
    assert len(files(panel)) == 1


def test_a_line_of_its_own(panel: Panel, client: FlaskClient) -> None:
    """With a label, after nothing."""
    page = draft(client, parent="base", labels="extra, more")
    assert "--branch &#39;&#39; --parent base --label extra --label more" in page.text
    assert confirm(client, page).status_code == 303

    with panel.app.app_context():
        assert len(panel.alembic.heads()) == 2
        assert "extra" in panel.alembic.project.scripts.history().labels


def test_a_revision_goes_on_in_the_folder_of_its_branch(make: Make) -> None:
    """As the command does for a branch with a folder."""
    panel = make(ALEMBIC={"version_locations": [("users", "users")]})
    (panel.folder / "migrations" / "bbb2.py").rename(panel.folder / "users" / "bbb2.py")
    client = panel.client("operator")
    page = draft(client)
    assert f"--path {panel.folder / 'users'}" in page.text
    confirm(client, page)
    assert len(list((panel.folder / "users").glob("*_add_more.py"))) == 1


def test_heads_are_merged(panel: Panel, client: FlaskClient) -> None:
    """All of them are ticked at first."""
    panel.write("ccc3", "aaa1", "create bolts", "pass")
    form = card(client.get(f"{DATABASE}/actions").text, "merge")
    assert len(re.findall(r"<input checked [^>]*type=\"checkbox\"", form)) == 2
    page = draft(client, "merge", revisions=["bbb2", "ccc3"], message="join")
    assert "flask db merge bbb2 ccc3 --message join" in page.text
    assert confirm(client, page).status_code == 303
    (record,) = records(panel)
    assert (record.action, record.heads_after) == ("merge", (record.target,))


def test_one_head_is_not_merged(panel: Panel, client: FlaskClient) -> None:
    """The card says so, and so does the form that is sent all the same."""
    form = card(client.get(f"{DATABASE}/actions").text, "merge")
    assert "There is nothing to join" in form
    assert "<form" not in form
    assert draft(client, "merge", revisions=["bbb2"]).status_code == 400


@pytest.mark.parametrize(
    "message",
    ["", "two\nlines", 'x"""\nimport os\n"""', 'a " quote', "back\\slash", "'''", "x" * 201],
)
def test_a_message_cannot_be_code(panel: Panel, client: FlaskClient, message: str) -> None:
    """It stands in a file of Python, which is loaded to be looked at."""
    assert draft(client, message=message).status_code == 400


@pytest.mark.parametrize(
    "chosen",
    [{"parent": "aaa1"}, {"parent": "nope"}, {"how": "x"}, {"labels": "a@b"}, {"labels": "'"}],
)
def test_only_what_is_offered_can_be_chosen(
    panel: Panel, client: FlaskClient, chosen: dict[str, str]
) -> None:
    """No free text reaches Alembic."""
    assert draft(client, **chosen).status_code == 400
    assert records(panel) == []


def test_an_action_that_writes_no_file_has_no_draft(client: FlaskClient) -> None:
    """Nor can a file be asked for as a plan."""
    assert draft(client, action="upgrade").status_code == 400


def test_the_diff_leads_to_the_form(client: FlaskClient) -> None:
    """With what was asked for."""
    html = client.get(f"{DATABASE}/actions?from=empty&message=so").text
    assert re.search(r'<input checked [^>]*value="empty"', card(html, "revision"))
    assert 'value="so"' in card(html, "revision")
    html = client.get(f"{DATABASE}/actions?from=diff").text
    assert re.search(r'<input checked [^>]*value="diff"', card(html, "revision"))


# Refused.


def test_moved_files_are_told(panel: Panel, client: FlaskClient) -> None:
    """Nothing is written, it is recorded, and the way on leads to the form."""
    page = draft(client)
    panel.write("ccc3", "bbb2", "create bolts", "pass")
    answer = confirm(client, page)
    assert answer.status_code == 409
    assert "The heads of the files were bbb2 and are ccc3." in answer.text
    assert "Draft again" in answer.text
    assert "actions?from=empty&amp;message=add+more#revision" in answer.text
    assert files(panel) == {"aaa1.py", "bbb2.py", "ccc3.py"}
    assert [(one.status, one.action) for one in records(panel)] == [("refused", "revision")]
    assert "The heads of the files were" in client.get(page.request.path).text


def test_files_that_move_at_the_last_moment_are_told(
    panel: Panel, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What had begun is recorded as failed."""
    page = draft(client)

    def too_late(*arguments: object) -> None:
        raise PlanMoved(["Somebody else has written ccc3 at the same moment."])

    monkeypatch.setattr(writing, "_refuse_if_not_alone", too_late)
    answer = confirm(client, page)
    assert answer.status_code == 409
    assert "Somebody else has written ccc3" in answer.text
    assert files(panel) == {"aaa1.py", "bbb2.py"}
    assert {one.status for one in records(panel)} == {"refused", "failed"}


def test_of_two_drafts_one_is_written(panel: Panel, client: FlaskClient) -> None:
    """The second is told what the first has done."""
    first, second = draft(client), draft(client, message="other")
    assert confirm(client, first).status_code == 303
    assert confirm(client, second).status_code == 409
    assert len(files(panel)) == 3


def test_a_double_submit_writes_one_file(panel: Panel, client: FlaskClient) -> None:
    """The second click leads to where the first one did."""
    page = draft(client)
    first, second = confirm(client, page), confirm(client, page)
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.location == second.location
    assert [one.status for one in records(panel)] == ["succeeded"]
    assert client.get(page.request.path).location == first.location


def test_a_draft_that_somebody_else_has_written_is_told(panel: Panel) -> None:
    """Their name stands there."""
    panel.blueprint.permission_rule = lambda user, action, database: True
    client, other = panel.client("operator"), panel.client("auditor")
    page = draft(client)
    theirs = other.get(page.request.path)
    assert confirm(client, page).status_code == 303
    answer = confirm(other, theirs)
    assert answer.status_code == 409
    assert "confirmed already, by operator" in answer.text


def test_a_ticket_is_for_one_user(panel: Panel) -> None:
    """Somebody else's is refused, with their own token too."""
    panel.blueprint.permission_rule = lambda user, action, database: True
    ticket = ticket_of(draft(panel.client("operator")))["ticket"]
    other = panel.client("auditor")
    answer = confirm(other, draft(other), ticket=ticket)
    assert answer.status_code == 409
    assert "shown to somebody else" in answer.text


def test_a_ticket_expires(
    panel: Panel, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its time it is good for nothing; the draft can be opened again."""
    page = draft(client)
    monkeypatch.setattr(tickets, "LIFETIME", -1)
    answer = confirm(client, page)
    assert answer.status_code == 409
    assert "more than 15 minutes ago" in answer.text
    assert "Open this draft again" in answer.text
    assert files(panel) == {"aaa1.py", "bbb2.py"}


def test_a_ticket_of_a_plan_writes_no_file_and_the_other_way_round(
    panel: Panel, client: FlaskClient
) -> None:
    """Each is refused in words where it does not belong."""
    drafted = ticket_of(draft(client))
    html = client.get(f"{DATABASE}/actions").text
    data = {"csrf_token": fields(html)["csrf_token"], "action": "upgrade", "target": "heads"}
    planned = client.post(f"{DATABASE}/plans", data=data, follow_redirects=True)
    answer = client.post(f"{DATABASE}/files", data={**fields(planned.text), "understood": "y"})
    assert answer.status_code == 409
    answer = client.post(f"{DATABASE}/runs", data={**drafted, "understood": "y"})
    assert answer.status_code in {404, 409}
    assert files(panel) == {"aaa1.py", "bbb2.py"}
    assert panel.tables() == set()


def test_a_draft_has_no_page_as_a_plan(client: FlaskClient) -> None:
    """Nor a plan one as a draft."""
    path = draft(client).request.path
    assert client.get(path.replace("/drafts/", "/plans/")).status_code == 404
    assert client.get(f"{DATABASE}/drafts/{'0' * 32}").status_code == 404


def test_an_expired_protection_keeps_the_draft(panel: Panel, client: FlaskClient) -> None:
    """It can be opened again."""
    answer = confirm(client, draft(client), csrf_token="old")
    assert answer.status_code == 400
    assert "Open this draft again" in answer.text


def test_without_the_tick_nothing_is_written(panel: Panel, client: FlaskClient) -> None:
    """The page comes again and says what is missing."""
    answer = confirm(client, draft(client), understood="")
    assert answer.status_code == 400
    assert "Tick this once you have read it." in answer.text
    assert files(panel) == {"aaa1.py", "bbb2.py"}


def test_production_wants_a_reason(make: Make) -> None:
    """For the record."""
    panel = make({"environment": "production"})
    client = panel.client("operator")
    page = draft(client)
    answer = confirm(client, page)
    assert answer.status_code == 400
    assert "Say why, for the record." in answer.text
    assert confirm(client, answer, reason="release 5").status_code == 303


def test_a_permission_is_needed(panel: Panel) -> None:
    """That of the action, to draft, to see the draft and to have it written."""
    page = draft(panel.client("operator"))
    viewer = panel.client("viewer")
    assert draft(viewer).status_code == 403
    assert viewer.get(page.request.path).status_code == 403
    assert confirm(viewer, page).status_code == 403
    form = card(viewer.get(f"{DATABASE}/actions").text, "revision")
    assert "You need the “revision” permission" in form
    assert "<form" not in form


def test_writing_files_is_off_outside_debug(make: Make) -> None:
    """Shown with the reason, and refused; in debug mode it is there."""
    panel = make({"actions": None})
    client = panel.client("operator")
    form = card(client.get(f"{DATABASE}/actions").text, "revision")
    assert "in debug mode only" in form
    assert "<form" not in form
    assert draft(client).status_code == 403
    panel.app.debug = True
    assert draft(client).status_code == 200


def test_a_read_only_panel_drafts_and_does_not_write(make: Make) -> None:
    """The text can be read; a form from before is refused."""
    panel = make()
    client = panel.client("operator")
    page = draft(client)
    panel.app.config["ALEMBIC_ADMIN"] = {"actions": ACTIONS, "read_only": True}
    panel.alembic._projects.clear()
    assert confirm(client, page).status_code == 403
    shown = draft(client)
    assert "This panel is read-only" in shown.text
    assert f'action="{DATABASE}/files"' not in shown.text
    assert files(panel) == {"aaa1.py", "bbb2.py"}


def test_a_read_only_source_tree_is_explained(
    panel: Panel, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the form and on a draft that was made before; what to do is said."""
    page = draft(client)
    real = os.access
    folder = panel.folder / "migrations"
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != folder and real(path, mode))
    form = card(client.get(f"{DATABASE}/actions").text, "revision")
    assert "Read-only source tree" in form
    assert str(folder) in form
    assert "<form" not in form
    assert "Read-only source tree" in client.get(page.request.path).text


def test_a_file_system_that_refuses_is_a_failed_run(
    panel: Panel, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its page says which folder, which user and what to do."""
    page = draft(client)

    def refuse(path: Path, content: bytes) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(writing, "_write_new", refuse)
    answer = confirm(client, page)
    assert answer.status_code == 303
    html = client.get(answer.location).text
    assert f"cannot be written to {panel.folder / 'migrations'} by" in html
    assert "Failed" in html
    assert "Failed before its first step" not in html


def test_a_hook_is_heard(make: Make) -> None:
    """What it has to say stands in the record, redacted."""
    code = 'print("reformatted, password=hunter22")'
    hook = {
        "hooks": "own",
        "own.type": "exec",
        "own.executable": sys.executable,
        "own.options": f"-c '{code}' REVISION_SCRIPT_FILENAME",
    }
    panel = make(ALEMBIC={"post_write_hooks": hook})
    client = panel.client("operator")
    confirm(client, draft(client))
    (record,) = records(panel)
    html = client.get(f"{DATABASE}/runs/{record.id}").text
    assert "reformatted" in html
    assert "hunter22" not in html


def test_a_hook_that_fails_is_a_failed_run_with_a_file(make: Make) -> None:
    """The page says that the file is there all the same."""
    hook = {"hooks": "own", "own.type": "exec", "own.executable": "no-such-program"}
    panel = make(ALEMBIC={"post_write_hooks": hook})
    client = panel.client("operator")
    html = client.get(confirm(client, draft(client)).location).text
    assert "is written, and a hook failed after that" in html
    assert len(files(panel)) == 3


def test_a_written_file_takes_no_place_in_the_queue(panel: Panel, client: FlaskClient) -> None:
    """A run of the database may be at work meanwhile."""
    page = draft(client)

    with panel.app.app_context():
        ledger = panel.alembic.project.ledger
        facts: dict[str, t.Any] = {"heads_before": (), "plan": {}, "plan_hash": ""}
        waiting = ledger.plan(database="default", action="upgrade", target="heads", **facts)
        assert ledger.queue(waiting, actor=None, address=None, reason=None, runner="manual")

    assert confirm(client, page).status_code == 303
    assert len(files(panel)) == 3

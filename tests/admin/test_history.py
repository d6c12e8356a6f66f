from __future__ import annotations

import collections.abc as c
import datetime
import re
import time
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from flask_alembic_admin.core.scripts.history import History
from flask_alembic_admin.core.scripts.revision_files import RevisionFile
from flask_alembic_admin.core.scripts.scripts import Scripts

from ..benchmarks.history import branches_and_merges
from .conftest import Panel

HISTORY = "/alembic/db/default/history"

REVISION = '''"""{message}

Create Date: 2026-11-{day:02d} 10:00:00
"""
revision = {revision!r}
down_revision = {parents!r}
branch_labels = {labels!r}
depends_on = {depends_on!r}
'''


class Histories:
    """Writes histories for a panel and reads its page of them.

    :param panel: The panel, whose own revisions are taken away.
    """

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self.folder = panel.folder / "migrations"
        self._day = 0

        for path in self.folder.glob("*.py"):
            path.unlink()

    def write(
        self,
        revision: str,
        *parents: str,
        message: str = "A message",
        label: str | None = None,
        depends_on: str | None = None,
        folder: Path | None = None,
        name: str = "",
    ) -> Path:
        """Write one revision, a day younger than the one before."""
        self._day += 1
        path = (folder or self.folder) / (name or f"{revision}.py")
        path.write_text(
            REVISION.format(
                revision=revision,
                parents=parents or None,
                message=message,
                labels=label,
                depends_on=depends_on,
                day=1 + self._day % 28,
            )
        )
        return path

    def at(self, *revisions: str) -> None:
        """Put the database somewhere."""
        with self.panel.engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
            for revision in revisions:
                connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{revision}')")

    def page(self, query: str = "", role: str = "operator") -> str:
        """Return the page."""
        answer = self.panel.client(role).get(HISTORY + query)
        assert answer.status_code == 200
        return answer.text

    def rows(self, query: str = "") -> dict[str, str]:
        """Return what each row says by its revision, as it would be read, from the top down."""
        return {id_: read(html) for id_, html in self.html_rows(query).items()}

    def html_rows(self, query: str = "") -> dict[str, str]:
        """Return each row by its revision, from the top down."""
        return dict(re.findall(r'<tr id="r-([^"]*)">(.*?)</tr>', self.page(query), re.DOTALL))


def read(html: str) -> str:
    """Return what can be read of some markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.fixture
def histories(panel: Panel) -> Histories:
    """A panel without revisions."""
    return Histories(panel)


def write_line(histories: Histories, count: int) -> None:
    """Write revisions that follow each other."""
    for number in range(count):
        parents = [f"r{number - 1:03d}"] if number else []
        histories.write(f"r{number:03d}", *parents)


def test_each_revision_has_its_state_in_word_and_shape(histories: Histories) -> None:
    """What has run, where the database is, and what has still to run, the newest first."""
    write_line(histories, 3)
    histories.at("r001")
    rows = histories.rows()
    assert list(rows) == ["r002", "r001", "r000"]
    assert "○ pending" in rows["r002"]
    assert "◉ current" in rows["r001"]
    assert "● applied" in rows["r000"]


def test_branches_and_merges_are_told_in_words(histories: Histories) -> None:
    """Heads, branch points, bases, and what a merge of three brings together."""
    histories.write("base")
    for id_ in ("left", "right", "third"):
        histories.write(id_, "base")
    histories.write("merge", "left", "right", "third")
    rows = histories.rows()
    assert rows["merge"].endswith("head merges left + right + third")
    assert rows["base"].endswith("branch point base")
    assert rows["left"].endswith("base")
    assert "head" not in rows["left"]


def test_parents_lead_to_their_pages(histories: Histories) -> None:
    """As the revision itself does."""
    write_line(histories, 2)
    links = re.findall(r'href="([^"]+)"', histories.html_rows()["r001"])
    assert links == ["/alembic/db/default/revisions/r001", "/alembic/db/default/revisions/r000"]


def test_a_dependency_is_a_dashed_line_and_words(histories: Histories) -> None:
    """It says what it depends on; a head that is taken in by that says so."""
    histories.write("audit", label="audits")
    histories.write("orders", depends_on="audits")
    rows, html = histories.rows(), histories.html_rows()
    assert "base depends on audit" in rows["orders"]
    assert "dashed" in html["orders"]
    assert "head taken in by a dependency" in rows["audit"]


def test_a_head_that_was_taken_in_is_applied(histories: Histories) -> None:
    """It never stands in the version table of its own, and nothing is pending."""
    histories.write("audit")
    histories.write("orders", depends_on="audit")
    histories.at("orders")
    assert "● applied" in histories.rows()["audit"]
    assert "Nothing is pending." in histories.page()


def test_labels_lead_to_the_revisions_that_carry_them(histories: Histories) -> None:
    """The label of a branch is carried by all that follows."""
    histories.write("base")
    histories.write("plain", "base")
    histories.write("users", "base", label="people")
    histories.write("more", "users")
    assert 'href="/alembic/db/default/history?label=people"' in histories.html_rows()["users"]
    assert list(histories.rows("?label=people")) == ["more", "users"]
    assert "No revision is like that." in histories.page("?label=none-such")


def test_several_folders_are_one_history(
    make_panel: c.Callable[..., Panel], tmp_path: Path
) -> None:
    """A parent may be in another folder."""
    other = tmp_path / "other"
    other.mkdir()
    panel = make_panel(ALEMBIC={"version_locations": [str(other)]})
    panel.open_up()
    histories = Histories(panel)
    histories.write("a")
    histories.write("b", "a", folder=other)
    assert list(histories.rows()) == ["b", "a"]


def test_an_unknown_revision_stands_first(histories: Histories) -> None:
    """A square and a sentence; what it may build upon is not called pending."""
    write_line(histories, 2)
    histories.at("deadbeef")
    rows = histories.rows()
    assert list(rows) == ["deadbeef", "r001", "r000"]
    assert "No file here has it" in rows["deadbeef"]
    assert all("□ unknown" in row for row in rows.values())
    assert "cannot be built upon" in histories.page()


def test_an_unknown_revision_that_files_name_has_one_row(histories: Histories) -> None:
    """It stands where it belongs, below what follows it."""
    histories.write("a", "gone")
    histories.at("gone")
    assert re.findall(r'<tr id="r-([^"]*)"', histories.page()) == ["a", "gone"]
    assert "□ unknown" in histories.rows()["gone"]


def test_a_missing_parent_has_a_row(histories: Histories) -> None:
    """The file that names it is named with what to do; all else is drawn."""
    histories.write("a")
    path = histories.write("b", "gone")
    rows = histories.rows()
    assert list(rows) == ["b", "gone", "a"]
    assert "missing: no file has it" in rows["gone"]
    page = histories.page()
    assert f"{path}: the parent of revision b is gone" in page
    assert "Restore the file that has it" in page


def test_a_parent_in_a_broken_file_has_a_row(histories: Histories) -> None:
    """It is told from one that is nowhere; file and line are named."""
    path = histories.folder / "broken.py"
    path.write_text("revision = 'a'\ndown_revision = make()\n")
    histories.write("b", "a")
    assert "missing: its file cannot be read" in histories.rows()["a"]
    assert f"{path}, line 2" in histories.page()


def test_what_stands_below_a_missing_file_is_not_called_pending(histories: Histories) -> None:
    """It has run, unless it has not; what follows the database has not."""
    histories.write("old")
    histories.write("here", "gone")
    histories.write("next", "here")
    histories.at("here")
    rows = histories.rows()
    assert "□ unknown" in rows["old"]
    assert "○ pending" in rows["next"]


def test_a_circle_is_named_and_the_rest_is_drawn(histories: Histories) -> None:
    """Neither is a revision lost, nor does the page go round for ever."""
    histories.write("a")
    histories.write("one", "two")
    histories.write("two", "one")
    histories.write("self", "self")
    assert set(histories.rows()) == {"a", "one", "two", "self"}
    assert "Revisions need each other in a circle" in histories.page()


def test_a_duplicate_is_named_with_both_files(histories: Histories) -> None:
    """One of the two is drawn."""
    first = histories.write("a")
    second = histories.write("a", name="copy.py")
    assert list(histories.rows()) == ["a"]
    page = histories.page()
    assert str(first) in page
    assert str(second) in page


def test_a_file_that_is_no_python_is_named(histories: Histories) -> None:
    """With its line; the rest of the page is there, and nothing can be planned."""
    histories.write("a")
    (histories.folder / "b.py").write_text("revision = 'b'\ndef (:\n")
    page = histories.page()
    assert "b.py, line 2" in page
    assert "The revision files have to be mended first." in page
    assert list(histories.rows()) == ["a"]


def test_an_empty_history_says_how_to_begin(histories: Histories) -> None:
    """Headings and a sentence."""
    page = histories.page()
    assert "No migrations yet. Write the first one with" in page
    assert 'flask db revision "create tables"' in page
    assert '<th scope="col">Revision</th>' in page


def test_a_missing_folder_is_named(histories: Histories) -> None:
    """Where it was looked for, and which key says where it is."""
    histories.folder.rename(histories.folder.with_name("elsewhere"))
    page = histories.page()
    assert str(histories.folder) in page
    assert "script_location" in page


def test_without_a_database_all_states_are_unknown(histories: Histories) -> None:
    """The files are there; the button says why it is none."""
    write_line(histories, 2)
    (histories.panel.folder / "app.sqlite").mkdir()
    assert all("□ unknown" in row for row in histories.rows().values())
    assert "The database does not answer." in histories.page()


@pytest.mark.parametrize("page", ["", "history", "heads"])
def test_a_database_that_does_not_answer_is_named_with_its_address(
    histories: Histories, page: str
) -> None:
    """On each page about where it stands: what the driver says, and where it was looked for."""
    folder = histories.panel.folder / "app.sqlite"
    folder.mkdir()
    html = histories.panel.client("operator").get(f"/alembic/db/default/{page}").text
    found = re.search(r'<p class="lead note bad" role="status">.*?</p>', html)
    assert found is not None
    assert "✖</span> No connection: OperationalError" in found[0]
    assert f"<code>sqlite:///{folder}</code>" in found[0]


@pytest.mark.parametrize(
    "query",
    ["?q=TOTALS", "?q=total+back", "?q=2bbb", "?q=odd_name", "?q=sums", "?q=%20totals%20"],
)
def test_a_search_finds_by_message_id_file_and_label(histories: Histories, query: str) -> None:
    """Whatever the case, all words in any order."""
    histories.write("1aaa", message="Create orders")
    histories.write(
        "2bbb", message="Backfill totals", label="sums", name="odd_name.py", depends_on="1aaa"
    )
    assert list(histories.rows(query)) == ["2bbb"]


def test_a_search_is_kept_on_the_page(histories: Histories) -> None:
    """What was typed stands in its field, as text."""
    page = histories.page("?q=%22%3E%3Cscript%3E")
    assert 'value="&#34;&gt;&lt;script&gt;"' in page


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ("pending", ["r003", "r002"]),
        ("current", ["r001"]),
        ("applied", ["r000"]),
        ("unknown", []),
        ("nonsense", ["r003", "r002", "r001", "r000"]),
    ],
)
def test_rows_can_be_chosen_by_state(histories: Histories, state: str, found: list[str]) -> None:
    """As the column of states has it; a state that there is not is like none."""
    write_line(histories, 4)
    histories.at("r001")
    assert list(histories.rows(f"?state={state}")) == found


def test_rows_that_are_no_neighbours_have_no_lines(histories: Histories) -> None:
    """Only the node is drawn, in the shape of its state."""
    write_line(histories, 3)
    assert "<path" in histories.html_rows()["r001"]

    for query in ("?q=r00", "?state=pending"):
        row = histories.html_rows(query)["r001"]
        assert "<path" not in row
        assert '<circle class="hollow"' in row


def test_a_hundred_rows_are_a_page(histories: Histories) -> None:
    """Pages lead to each other and say where they are."""
    write_line(histories, 205)
    assert list(histories.rows()) == [f"r{number:03d}" for number in range(204, 104, -1)]
    assert list(histories.rows("?page=3")) == [f"r{number:03d}" for number in range(4, -1, -1)]
    middle = histories.page("?page=2")
    assert "101\u2013200 of 205" in middle
    assert f'<a href="{HISTORY}" rel="prev">' in middle
    assert f'<a href="{HISTORY}?page=3" rel="next">' in middle


def test_pages_of_a_search_keep_it(histories: Histories) -> None:
    """The next page is of the same search."""
    write_line(histories, 120)
    page = histories.page("?q=message&state=pending")
    assert f'<a href="{HISTORY}?q=message&amp;state=pending&amp;page=2" rel="next">' in page


@pytest.mark.parametrize("number", ["0", "-3", "x", "99", "9" * 5000, ""])
def test_a_page_that_there_is_not_is_the_nearest_one(histories: Histories, number: str) -> None:
    """Nobody gets an error for a number in an address."""
    write_line(histories, 2)
    assert "1\u20132 of 2" in histories.page(f"?page={number}")


def test_an_upgrade_can_be_planned_from_here(histories: Histories) -> None:
    """By whoever may, and from nowhere else on the page."""
    write_line(histories, 1)
    button = '<a class="button primary" href="/alembic/db/default/actions#upgrade">'
    assert histories.page().count(button) == 1
    viewer = histories.page(role="viewer")
    assert button not in viewer
    assert "You need the “upgrade” permission for this." in viewer


def test_a_panel_that_is_read_only_still_plans(make_panel: c.Callable[..., Panel]) -> None:
    """A plan changes nothing."""
    panel = make_panel(ALEMBIC_ADMIN={"runner": "inline", "read_only": True})
    panel.open_up()
    assert 'actions#upgrade">' in panel.client("operator").get(HISTORY).text


def test_no_file_is_imported(histories: Histories) -> None:
    """What a file does when it is imported has not been done after any of these pages."""
    path = histories.write("a")
    mark = histories.folder / "imported"
    path.write_text(f"{path.read_text()}\nopen({str(mark)!r}, 'w').close()\n")

    for query in ("", "?q=a", "?state=pending", "?label=x", "?page=2"):
        histories.page(query)

    assert not mark.exists()


def test_lines_that_are_not_drawn_are_counted(histories: Histories) -> None:
    """Twelve lanes are drawn, and a number says how many lines run beside them."""
    histories.write("base")
    for number in range(20):
        histories.write(f"b{number}", "base")
    histories.write("merge", *(f"b{number}" for number in range(20)))
    rows = histories.html_rows()
    # Behind the twelve there are eight, one of which ends at this very node.
    assert "+7</text>" in rows["b19"]
    assert "</text>" not in rows["base"]
    assert "counts the lines that run further right" in histories.page()
    assert "and 16 more" in read(rows["merge"])


@pytest.fixture
def long_history(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """A client of a panel with ten thousand revisions, which are in no files."""
    began = datetime.datetime(2020, 1, 1)
    history = History(
        RevisionFile(
            revision=revision,
            parents=parents,
            dependencies=(),
            labels=(),
            path=Path(f"/versions/{revision}_add_column.py"),
            message=f"Add column number {number} to the table of orders",
            doc="",
            created=began + datetime.timedelta(hours=number),
        )
        for number, (revision, parents) in enumerate(branches_and_merges(10_000).items())
    )
    monkeypatch.setattr(Scripts, "history", lambda scripts: history)
    return panel.client("operator")


def test_a_page_of_ten_thousand_revisions_is_small_and_quick(long_history: FlaskClient) -> None:
    """Only its own rows are made; ``tests.benchmarks.history`` measures it with the files."""
    times = []

    for query in ("?page=50", "?page=50", "?page=50", "?q=number+77", "?q=number+77"):
        began = time.process_time()
        answer = long_history.get(HISTORY + query)
        times.append(time.process_time() - began)
        assert len(answer.data) < 150_000

    # Far more than it takes, since others use the machine too.
    assert min(times[1:3]) < 0.5
    assert times[-1] < 0.5

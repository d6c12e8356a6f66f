from __future__ import annotations

import pytest

from .workplaces import NOTES
from .workplaces import ORDERS
from .workplaces import USERS
from .workplaces import Workplace

KEYS = {
    "revision",
    "message",
    "known",
    "parents",
    "children",
    "depends_on",
    "labels",
    "file",
    "head",
    "branch_point",
    "merge_point",
}


@pytest.fixture
def branched(empty: Workplace) -> Workplace:
    """A base, two children and a merge of them, none applied."""
    empty.write("base01", None, message="begin")
    empty.write("left02", "base01", message="go left")
    empty.write("right02", "base01", message="go right", labels=("right",))
    empty.write("merge03", ("left02", "right02"), message="join")
    return empty


def test_current_of_an_empty_database(server_work: Workplace) -> None:
    """It is at base, with all revisions pending, and is not written to."""
    assert server_work.lines("current") == ["base (no revision is applied)", "3 revisions pending"]
    assert not server_work.tables()


def test_current_says_where_and_how_many_are_pending(server_work: Workplace) -> None:
    """The revision as Flask-Alembic prints it, then what is still to run."""
    server_work.lines("upgrade", ORDERS)
    assert server_work.lines("current") == [
        "users01 -> orders02, create orders",
        "1 revision pending",
    ]


def test_current_says_that_all_is_applied(work: Workplace) -> None:
    """In so many words."""
    work.lines("upgrade")
    assert work.lines("current") == ["orders02 -> notes03 (head), create notes", "up to date"]


def test_current_names_unknown_revisions(work: Workplace) -> None:
    """A database ahead of the files is no error of this command."""
    work.lines("stamp", USERS)
    work.execute("INSERT INTO alembic_version VALUES ('newer99')")
    assert work.lines("current")[1:] == [
        "newer99 (unknown: no revision file has it)",
        "ahead: no revision file here has newer99, 2 revisions pending",
    ]


def test_verbose_current_says_where_the_database_is(work: Workplace) -> None:
    """And all that the files say."""
    work.lines("upgrade", USERS)
    lines = work.lines("current", "-v")
    assert lines[0] == f"database {work.engines['default'].url}"
    assert f"Path: {work.folder / 'users01.py'}" in lines


def test_current_labels_several_databases(both: Workplace) -> None:
    """Every line begins with the name, verbose ones too."""
    both.lines("upgrade", "--database", "audit")
    assert both.lines("current") == [
        "default: base (no revision is applied)",
        "default: 3 revisions pending",
        "audit: orders02 -> notes03 (head), create notes",
        "audit: up to date",
    ]
    verbose = both.lines("current", "-v", "--database", "audit")
    assert all(line.startswith("audit: ") for line in verbose)


@pytest.mark.parametrize(("applied", "status"), [("base", 1), (ORDERS, 1), (NOTES, 0)])
def test_check_heads_is_an_exit_status(work: Workplace, applied: str, status: int) -> None:
    """0 where all is applied, 1 where revisions are pending; what is true is printed in both."""
    work.db("upgrade", applied)
    result = work.db("current", "--check-heads")
    assert result.exit_code == status
    assert result.stdout == work.db("current").stdout


def test_check_heads_is_no_for_a_database_ahead(work: Workplace) -> None:
    """Nothing is pending, and yet the files do not know where it is."""
    work.lines("upgrade")
    work.execute("INSERT INTO alembic_version VALUES ('newer99')")
    assert work.db("current", "--check-heads").exit_code == 1


def test_check_heads_is_no_if_one_of_several_is_behind(both: Workplace) -> None:
    """Unless the others are not asked for."""
    both.lines("upgrade", "--database", "audit")
    assert both.db("current", "--check-heads").exit_code == 1
    assert both.db("current", "--check-heads", "--database", "audit").exit_code == 0


def test_current_as_json(both: Workplace) -> None:
    """A list with an object for each database."""
    both.lines("upgrade", ORDERS, "--database", "audit")
    default, audit = both.json("current")
    assert default == {
        "database": "default",
        "revisions": [],
        "pending": [USERS, ORDERS, NOTES],
        "up_to_date": False,
    }
    assert audit["pending"] == [NOTES]
    assert set(audit["revisions"][0]) == KEYS


def test_unknown_revisions_as_json(work: Workplace) -> None:
    """They have the same keys, with nothing behind most of them."""
    work.lines("upgrade")
    work.execute("UPDATE alembic_version SET version_num = 'newer99'")
    (value,) = work.json("current", "--check-heads", status=1)
    (revision,) = value["revisions"]
    assert set(revision) == KEYS
    assert (revision["revision"], revision["known"], revision["message"]) == (
        "newer99",
        False,
        None,
    )
    assert value["up_to_date"] is False


def test_heads_and_branches(branched: Workplace) -> None:
    """A branch point has its children below it."""
    assert branched.lines("heads") == [
        "left02, right02 -> merge03 (right) (head) (mergepoint), join"
    ]
    assert branched.lines("branches") == [
        "<base> -> base01 (branchpoint), begin",
        "    -> base01 -> left02, go left",
        "    -> base01 -> right02 (right), go right",
    ]


def test_branches_as_json(branched: Workplace) -> None:
    """The children are a key that every revision has."""
    (value,) = branched.json("branches")
    assert set(value) == KEYS
    assert value["children"] == ["left02", "right02"]
    assert value["branch_point"] is True


def test_heads_can_leave_out_dependencies(empty: Workplace) -> None:
    """A head that another revision depends on is left out."""
    empty.write("one01", None)
    path = empty.write("two01", None)
    path.write_text(path.read_text().replace("depends_on = None", "depends_on = 'one01'"))
    assert len(empty.lines("heads")) == 2
    assert [value["revision"] for value in empty.json("heads", "--resolve-dependencies")] == [
        "two01"
    ]


@pytest.mark.parametrize("command", ["heads", "log", "history", "show"])
def test_no_revision_is_said(empty: Workplace, command: str) -> None:
    """A command that printed nothing would leave people wondering."""
    assert empty.lines(command) == ["no revisions"]
    assert empty.json(command) == []


def test_no_branch_is_said(work: Workplace) -> None:
    """As well."""
    assert work.lines("branches") == ["there are no branches"]
    assert work.json("branches") == []


def test_log_is_newest_first(branched: Workplace) -> None:
    """Children stand above their parents."""
    lines = branched.lines("log")
    assert lines[0] == "left02, right02 -> merge03 (right) (head) (mergepoint), join"
    assert lines[-1] == "<base> -> base01 (branchpoint), begin"
    assert len(lines) == 4


def revisions(work: Workplace, *arguments: str) -> list[str]:
    return [value["revision"] for value in work.json(*arguments)]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (ORDERS, "heads", [NOTES, ORDERS]),
        ("base", ORDERS, [ORDERS, USERS]),
        ("-1", "heads", [NOTES, ORDERS]),
        ("current", "heads", [NOTES, ORDERS]),
        ("base", "current", [ORDERS, USERS]),
    ],
)
def test_log_and_history_take_bounds(
    work: Workplace, start: str, end: str, expected: list[str]
) -> None:
    """The same, in two ways of writing; both bounds belong to it."""
    work.lines("upgrade", ORDERS)
    assert revisions(work, "log", "--start", start, "--end", end) == expected
    assert revisions(work, "history", "-r", f"{start}:{end}") == expected


def test_bounds_may_be_left_out(work: Workplace) -> None:
    """Base and the heads are meant."""
    assert revisions(work, "history", "-r", f":{ORDERS}") == [ORDERS, USERS]
    assert revisions(work, "history", "-r-1:") == [NOTES, ORDERS]


def test_current_as_a_bound_of_an_empty_database(work: Workplace) -> None:
    """Everything is after base, and nothing is before it."""
    assert revisions(work, "log", "--start", "current") == [NOTES, ORDERS, USERS]
    assert revisions(work, "log", "--end", "current") == []


def test_current_as_a_bound_is_that_of_the_chosen_database(both: Workplace) -> None:
    """And of the default one if none is chosen."""
    both.lines("upgrade", ORDERS, "--database", "audit")
    assert revisions(both, "log", "--start", "current", "--database", "audit") == [NOTES, ORDERS]
    assert revisions(both, "log", "--start", "current") == [NOTES, ORDERS, USERS]


def test_a_range_without_a_colon_is_wrong_usage(work: Workplace) -> None:
    """The message says how to write it."""
    result = work.db("history", "-r", ORDERS)
    assert result.exit_code == 2
    assert "Write START:END" in result.stderr


def test_history_marks_where_the_database_is(work: Workplace) -> None:
    """Only when asked to, since that needs the database."""
    work.lines("upgrade", ORDERS)
    assert work.lines("history", "-i")[1] == "users01 -> orders02, create orders (current)"
    assert "(current)" not in work.db("history").stdout


def test_history_marks_where_several_databases_are(both: Workplace) -> None:
    """Each by its name."""
    both.lines("upgrade", ORDERS, "--database", "audit")
    both.lines("upgrade", USERS, "--database", "default")
    lines = both.lines("history", "-i")
    assert lines[1].endswith("(current: audit)")
    assert lines[2].endswith("(current: default)")


def test_history_as_json(work: Workplace) -> None:
    """`current` names the databases that are there, or is null if nobody asked."""
    work.lines("upgrade", ORDERS)
    marked = {value["revision"]: value["current"] for value in work.json("history", "-i")}
    assert marked == {NOTES: [], ORDERS: ["default"], USERS: []}
    assert {value["current"] for value in work.json("history")} == {None}
    assert set(work.json("history")[0]) == {*KEYS, "current"}


@pytest.mark.parametrize("command", [["heads"], ["log"], ["show", USERS]], ids=lambda c: c[0])
def test_revisions_as_json(work: Workplace, command: list[str]) -> None:
    """The keys are the same everywhere."""
    assert all(set(value) == KEYS for value in work.json(*command))
    (users,) = work.json("show", USERS)
    assert users == {
        "revision": USERS,
        "message": "create users",
        "known": True,
        "parents": [],
        "children": [ORDERS],
        "depends_on": [],
        "labels": [],
        "file": str(work.folder / "users01.py"),
        "head": False,
        "branch_point": False,
        "merge_point": False,
    }


@pytest.mark.parametrize("command", ["heads", "log", "history", "branches"])
def test_verbose_shows_all_that_a_file_says(branched: Workplace, command: str) -> None:
    """Its path among it."""
    assert f"Path: {branched.folder}/" in branched.db(command, "-v").stdout


def test_show_takes_several_targets(work: Workplace) -> None:
    """Heads by default; the beginning of an id is enough."""
    assert f"Path: {work.folder / 'notes03.py'}" in work.lines("show")
    lines = work.lines("show", "users", "head")
    assert lines[0] == "Rev: users01"
    assert "Rev: notes03 (head)" in lines


def test_show_current(work: Workplace) -> None:
    """Where the database is, as in Alembic's own."""
    work.lines("upgrade", ORDERS)
    assert revisions(work, "show", "current") == [ORDERS]


def test_verbose_show_has_the_text_of_the_file(work: Workplace) -> None:
    """What it would do is there to read."""
    assert "op.create_table('users'" in work.db("show", USERS, "-v").stdout.replace('"', "'")


def test_check_finds_nothing(server_work: Workplace) -> None:
    """Status 0, in Flask-Alembic's words."""
    server_work.lines("upgrade")
    assert server_work.lines("check") == ["No changes detected."]


def test_check_describes_differences(server_work: Workplace) -> None:
    """Status 1, a line for each in words, and Flask-Alembic's words last."""
    server_work.lines("upgrade")
    server_work.execute("DROP TABLE orders")
    result = server_work.db("check")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "table orders: in models, not in database",
        "Changes detected.",
    ]


def test_check_says_that_pending_revisions_are_the_likely_reason(work: Workplace) -> None:
    """Before anybody goes looking for another."""
    work.lines("upgrade", ORDERS)
    assert work.db("check").stdout.splitlines() == [
        "table notes: in models, not in database",
        "1 revision pending, the likely reason: upgrade first",
        "Changes detected.",
    ]


def test_check_of_several_databases(both: Workplace) -> None:
    """Each has its own lines and its own verdict; one difference is enough for status 1."""
    both.lines("upgrade")
    both.execute("DROP TABLE orders", name="audit")
    result = both.db("check")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "default: No changes detected.",
        "audit: table orders: in models, not in database",
        "audit: Changes detected.",
    ]
    assert both.db("check", "--database", "default").exit_code == 0


def test_check_as_json(both: Workplace) -> None:
    """The same words in a list."""
    both.lines("upgrade", "--database", "default")
    both.lines("upgrade", ORDERS, "--database", "audit")
    assert both.json("check", status=1) == [
        {"database": "default", "differences": [], "pending": []},
        {
            "database": "audit",
            "differences": ["table notes: in models, not in database"],
            "pending": [NOTES],
        },
    ]


@pytest.mark.parametrize(
    "command", ["current", "heads", "branches", "log", "history -i", "show", "check"]
)
def test_json_is_all_that_is_on_standard_output(work: Workplace, command: str) -> None:
    """Also where a revision file prints something when it is loaded."""
    path = work.write(NOTES, ORDERS)
    path.write_text(f"print('loaded')\n{path.read_text()}")
    work.lines("stamp")
    path.write_text(f"print('loaded again')\n{path.read_text()}")
    status = 1 if command == "check" else 0
    assert isinstance(work.json(*command.split(), status=status), list)

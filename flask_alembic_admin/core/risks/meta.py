"""What is wrong with a revision itself, whatever it does to the schema."""

from __future__ import annotations

import collections.abc as c

from ..recorder.operations import Operation
from .base import Found
from .base import rule
from .base import Sight
from .base import Step
from .revision_source import is_merge
from .revision_source import lack_of_downgrade
from .revision_source import side_effects
from .revision_source import SideEffect
from .tables import DML
from .tables import named
from .tables import schema_argument

#: The dialects that rules know something of.
_KNOWN = {"postgresql", "mysql", "mariadb", "sqlite"}
_TRANSACTION = {"begin": "begins", "commit": "commits", "rollback": "rolls back"}
_LONGEST = 60


@rule(
    "META001",
    "downgrade-is-empty",
    "warn",
    "Cannot be undone by a downgrade",
    why="A downgrade() that is missing or raises stops every downgrade at this revision. One that "
    "does nothing says that all is undone, and nothing is.",
    instead="Write what undoes the upgrade. Where nothing can, raise with a sentence that says "
    "how people get back, and allow this rule with that reason.",
    bad="""def downgrade():
    pass""",
    good="""def downgrade():
    op.drop_column("users", "nickname")""",
)
def downgrade_is_empty(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Where the upgrade does nothing either, such as in a merge, there is nothing to undo."""
    lack = lack_of_downgrade(step.source, sight.database)

    if not lack:
        return

    if step.direction == "downgrade":
        told = {
            "missing": "The file has no downgrade(), so this step fails.",
            "raises": "Its downgrade() raises, so this step fails.",
            "empty": "Its downgrade() does nothing: the version table goes back and the schema "
            "stays as it is.",
        }[lack]
        yield Found(None, told, severity="danger")
        return

    told = {
        "missing": "The file has no downgrade(), so no downgrade gets past this revision.",
        "raises": "Its downgrade() raises, so no downgrade gets past this revision.",
        "empty": "Its downgrade() does nothing: after it the schema is not what it was before.",
    }[lack]
    yield Found(None, told, code=_downgrade_of(step))


@rule(
    "META002",
    "reads-database",
    "info",
    "Shows only a part of what it would send",
    why="The step decides by what it reads in the database, and a preview reads nothing. What "
    "comes after that place is not shown, and no rule has looked at it.",
    instead="Rehearse the plan on a copy of the database. Where it can be, say it in SQL: an "
    "UPDATE with a WHERE, or an INSERT from a SELECT, needs no Python in between.",
    bad="""rows = op.get_bind().execute(sa.text("SELECT id, name FROM users"))
for row in rows:
    op.execute(users.update().where(users.c.id == row.id).values(slug=row.name.lower()))""",
    good='op.execute("UPDATE users SET slug = lower(name) WHERE slug IS NULL")',
)
def reads_database(step: Step, sight: Sight) -> c.Iterator[Found]:
    """In the words of the recorder, which name the file and the line."""
    if step.incomplete:
        reads = step.incomplete.startswith("reads the database")
        yield Found(None, f"It {step.incomplete}.", severity=None if reads else "warn")


@rule(
    "META003",
    "python-side-effect",
    "warn",
    "Does more than send operations",
    why="An engine or a session of its own works outside of the step's transaction and its lock, "
    "a commit() ends that transaction half way, and what reaches for files, mail or other "
    "services happens at each preview too, and again at each new try.",
    instead="Send all through op, and leave the transaction to the run. Do the rest in a command "
    "of the app.",
    bad="""session = Session(bind=op.get_bind())
session.add(Plan(name="free"))
session.commit()""",
    good="""plans = sa.table("plans", sa.column("name"))
op.bulk_insert(plans, [{"name": "free"}])""",
)
def python_side_effect(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Each kind is told of once, where it comes first."""
    told: set[str] = set()
    found = side_effects(step.source, step.direction, sight.database)

    for effect in found:
        if effect.kind in told:
            continue

        told.add(effect.kind)
        yield Found(
            _place(step, effect),
            _EFFECTS[effect.kind].format(f"{effect.call}() in line {effect.line}"),
            severity="info" if effect.kind == "session" else None,
        )


@rule(
    "META004",
    "raw-sql-not-analysed",
    "info",
    "Sends what no rule can read",
    why="Text that is no SQL which the rules know may do anything; none of them has looked at it. "
    "The same is so for a server of which they know nothing.",
    instead="Read it yourself. Where op has a function for it, use that.",
    bad='op.execute("CALL rebuild_everything()")',
    good='op.create_index("ix_users_email", "users", ["email"])',
)
def raw_sql_not_analysed(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Once for a step, or for a plan where it is the server that is not known."""
    unread = [operation for operation in step.operations if operation.kind == "execute"]

    if sight.dialect not in _KNOWN and not any(before.operations for before in sight.steps_before):
        for operation in step.operations[:1]:
            yield Found(
                operation,
                f"The rules know nothing of the locks of {sight.dialect}, and little of its SQL.",
            )

    if unread:
        first = unread[0]
        text = " ".join(first.sql[: 4 * _LONGEST].split())
        shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
        reason = first.details.get("reason")
        more = len(unread) - 1
        others = f" Nor do {more} others." if more > 1 else " Nor does another." if more else ""
        yield Found(
            first,
            f"'{shown}' says nothing that the rules know"
            + (f": it {reason}." if reason else ".")
            + others,
        )


@rule(
    "META005",
    "file-changed",
    "danger",
    "Is another file than it was",
    why="What somebody read in the preview, or what was applied then, is not what would run now. "
    "A downgrade() written later may undo what this database never had.",
    instead="Look at what has changed in the file. Never edit a revision that is applied "
    "anywhere; write a new one.",
    bad="""# 4f1c_add_plan.py, edited after it was applied:
op.add_column("users", sa.Column("plan", sa.String(40)))""",
    good="""# 93ab_widen_plan.py, a revision of its own:
op.alter_column("users", "plan", type_=sa.String(40), existing_type=sa.String(20))""",
)
def file_changed(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Who has both checksums says so; a rule sees only the file of now."""
    since = sight.changed_files.get(step.revision)

    if since is not None:
        yield Found(
            None,
            "Its file has changed since it was applied to this database."
            if since == "applied"
            else "Its file has changed since the preview.",
        )


@rule(
    "META006",
    "history-not-linear",
    "warn",
    "Stands in a history that is not one line",
    why="Where there are several heads, 'head' means none of them, and two databases at the same "
    "heads may have got there in another order. A revision put below one that is applied runs "
    "after it here and before it elsewhere. A downgrade over a merge leaves two heads.",
    instead="Merge heads before anybody upgrades to them, and put new revisions on top.",
    bad='down_revision = "1f4a07c93be2"  # while 2d8f6ab051c4 stands on it and is applied',
    good='down_revision = "2d8f6ab051c4"',
)
def history_not_linear(step: Step, sight: Sight) -> c.Iterator[Found]:
    """A merge that sends nothing is what it should be, and only told of."""
    if is_merge(step.source):
        yield Found(
            None,
            "It merges several branches"
            + (
                ": after this downgrade there are several heads."
                if step.direction == "downgrade"
                else "; what it sends runs after all of them."
            ),
            severity="info" if step.direction == "upgrade" and not step.operations else None,
        )

    if step.revision in sight.inserted:
        yield Found(None, "It stands below a revision that this database already has.")

    if len(sight.file_heads) > 1 and not sight.steps_before:
        yield Found(
            None,
            f"The files have {len(sight.file_heads)} heads: {', '.join(sight.file_heads)}.",
            code="flask db merge",
        )


@rule(
    "META007",
    "breaks-out-of-transaction",
    "danger",
    "Breaks out of its transaction",
    why="What runs in an autocommit_block, or after a COMMIT in a text, stays when the step "
    "fails, and the step runs again from its beginning at the next try.",
    instead="Leave transactions to the run. Keep an autocommit_block to what needs it, such as "
    "CREATE INDEX CONCURRENTLY, and change rows in a revision of their own.",
    bad="""with op.get_context().autocommit_block():
    op.execute("UPDATE orders SET total = total * 100 WHERE currency = 'EUR'")""",
    good="op.execute(\"UPDATE orders SET total = total * 100 WHERE currency = 'EUR'\")",
)
def breaks_out_of_transaction(step: Step, sight: Sight) -> c.Iterator[Found]:
    """Rows of a table that the same plan creates are nobody else's."""
    for operation in step.operations:
        if operation.kind in _TRANSACTION:
            yield Found(
                operation,
                f"The text {_TRANSACTION[operation.kind]} a transaction, so what came before it "
                "stays, or goes, whatever becomes of the step.",
            )
        elif operation.kind in DML and operation.in_autocommit and not sight.is_new(operation):
            yield Found(
                operation,
                f"What it has changed in {named(operation)} stays when the step fails, and is "
                "changed again at the next try.",
            )


_EFFECTS = {
    "session": "{} works through models of today, which a database of then may not fit.",
    "engine": "{} makes a connection of its own: what it does is no part of the step, and waits "
    "for the locks of it.",
    "commit": "{} has a hand in the transaction that the run leads: what came before stays when "
    "the step fails.",
    "outside": "{} reaches for something else than the database, at each preview too.",
}


def _place(step: Step, effect: SideEffect) -> Operation:
    """Return where something is done that is no operation."""
    files = [operation.file for operation in step.operations if operation.file]
    return Operation("python", "", file=files[0] if files else None, line=effect.line)


def _downgrade_of(step: Step) -> str:
    """Return what would undo a step, as far as that can be told."""
    lines = [_undone(operation) for operation in reversed(step.operations)]
    known = [line for line in lines if line]
    return "\n".join(["def downgrade():", *(f"    {line}" for line in known)]) if known else ""


def _undone(operation: Operation) -> str:
    table, schema = operation.table, schema_argument(operation)

    match operation.kind:
        case "create_table":
            return f'op.drop_table("{table}"{schema})'
        case "add_column":
            return f'op.drop_column("{table}", "{operation.column}"{schema})'
        case "create_index":
            return f'op.drop_index("{operation.name}", table_name="{table}"{schema})'
        case "create_constraint":
            return f'op.drop_constraint("{operation.name}", "{table}"{schema})'
        case "rename_table":
            return f'op.rename_table("{operation.name}", "{table}"{schema})'

    return ""

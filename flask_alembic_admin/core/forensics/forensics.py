"""What there is to say of a step that was left half done."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import itertools
import typing as t

from ..recorder.operations import Operation

State: t.TypeAlias = t.Literal["done", "not done", "cannot be told"]

#: What only reads, or holds for its session: it is sent in any case and leaves nothing behind.
PASSING = frozenset({"select", "set", "pragma"})


@dataclasses.dataclass(frozen=True)
class Tested:
    """One operation of the step, held against the schema.

    :param position: Its place, counted from 1.
    :param words: What it does.
    :param state: Whether it is in place.
    :param sql: As it would be sent.
    :param undo: SQL that takes it back; None where that cannot be derived.
    :param file: The revision file, or a helper beside it, that asks for it.
    :param line: The line there.
    """

    position: int
    words: str
    state: State
    sql: str
    undo: str | None
    file: str | None
    line: int | None


@dataclasses.dataclass(frozen=True)
class Forensics:
    """What is in place of a step that a run had not come to the end of.

    :param run: The id of the run.
    :param database: The database's name.
    :param action: What the run did.
    :param target: Where a run goes that carries out the rest.
    :param revision: The revision of the step.
    :param message: Its message.
    :param statements: How many statements of the step the record counts.
    :param last_statement: The last statement that the record knows to be at work.
    :param operations: Its operations, in order.
    :param incomplete: Why there are more operations than these; empty if there are not.
    :param unknown: Why nothing can be told; empty if it can.
    :param no_rest: Why the rest cannot be run without doing something twice or not at all; empty
        if it can.
    :param stamp: What to stamp once the step is finished by hand; None if that cannot be said.
    """

    run: str
    database: str
    action: str
    target: str
    revision: str
    message: str | None
    statements: int | None
    last_statement: str | None
    operations: tuple[Tested, ...] = ()
    incomplete: str = ""
    unknown: str = ""
    no_rest: str = ""
    stamp: str | None = None

    @property
    def done(self) -> int:
        """How many operations are in place for certain."""
        return sum(one.state == "done" for one in self.operations)

    @property
    def rest(self) -> tuple[Tested, ...]:
        """The operations that are not in place, or may not be."""
        return tuple(one for one in self.operations if one.state != "done")

    @property
    def left_out(self) -> tuple[str, ...]:
        """The statements that a run of the rest leaves out."""
        return tuple(one.sql for one in self.operations if one.state == "done")

    @property
    def sentence(self) -> str:
        """All of it in a sentence or two."""
        if self.unknown:
            return f"Nothing can be told: {self.unknown}."

        total, doubtful = len(self.operations), self._count("cannot be told")
        following = next((one for one in self.operations if one.state == "not done"), None)
        more = f" There may be more: the step {self.incomplete}." if self.incomplete else ""

        if not total:
            return f"The step has no operation that leaves anything in the schema.{more}"

        parts = [f"{self.done} of {total} done"]

        if doubtful:
            parts.append(f"{doubtful} cannot be told from the schema")
        if following is not None:
            next_one = "next would be" if not doubtful else "not done is what follows from"
            parts.append(f"{next_one} {following.words}")
        elif not doubtful:
            parts.append("what is missing is the version")

        return f"{', '.join(parts)}.{more}"

    def _count(self, state: State) -> int:
        return sum(one.state == state for one in self.operations)

    @property
    def finish_sql(self) -> str:
        """The SQL that is left to be sent by hand."""
        return "\n\n".join(
            f"-- It cannot be told whether this is done: look first.\n{one.sql};"
            if one.state == "cannot be told"
            else f"{one.sql};"
            for one in self.rest
        )

    @property
    def undo_sql(self) -> str:
        """The SQL that takes back what is in place, as far as it can be derived."""
        return "\n".join(
            f"{one.undo};" if one.undo else f"-- {one.words}: how to undo this is not known here."
            for one in reversed(self.operations)
            if one.state == "done"
        )

    @property
    def can_undo(self) -> bool:
        """Whether all that is in place can be taken back by the SQL for that."""
        return all(one.undo for one in self.operations if one.state == "done")

    def to_values(self) -> dict[str, t.Any]:
        """Return all of it as values that JSON can hold."""
        return {
            **vars(self),
            "operations": [dict(vars(one)) for one in self.operations],
            "sentence": self.sentence,
            "done": self.done,
            "finish_sql": self.finish_sql,
            "undo_sql": self.undo_sql,
        }


def sent_by(operations: c.Iterable[Operation]) -> list[tuple[Operation, ...]]:
    """Return the operations of a step by what is sent in one go, without what only passes.

    :param operations: All of them, in order.
    """
    lasting = (one for one in operations if one.kind not in PASSING)
    return [tuple(group) for _, group in itertools.groupby(lasting, lambda one: one.statement)]


def sql_without(sql: str, operations: c.Iterable[Operation], count: int) -> str:
    """Return the SQL of a step without what is in place of it.

    :param sql: The SQL of all of it.
    :param operations: All that it does, in order.
    :param count: How much of what it sends is in place.
    """
    for sent in sent_by(operations)[:count]:
        for operation in sent:
            before, _, after = sql.partition(f"{operation.sql};")
            sql = f"{before.rstrip()}\n\n{after.lstrip()}" if after else sql

    word = "operation is" if count == 1 else "operations are"
    return f"-- {count} {word} in place already and not sent.\n{sql}"


def sql_of(operations: c.Iterable[Operation]) -> str:
    """Return the SQL of what is sent in one go.

    :param operations: What that does.
    """
    # A text that does several things stands in each of them.
    return ";\n".join(dict.fromkeys(operation.sql for operation in operations))


def words_of(operation: Operation) -> str:
    """Return what an operation does, in Alembic's words.

    :param operation: The operation.
    """
    kind, table = operation.kind, operation.table

    if kind == "execute":
        return " ".join(operation.sql.split())[:60]
    if kind == "rename_table":
        return f"rename_table {table} to {operation.name}"
    if kind == "rename_column":
        return f"rename_column {operation.column} to {operation.name} on {table}"

    name = operation.column or (operation.name if kind != "alter_column" else None)
    on = f" on {table}" if name and table else f" {table}" if table else ""
    return f"{kind}{f' {name}' if name else ''}{on}"

"""Going through the words of a statement, one after another."""

from __future__ import annotations

import re

from .sql_tokens import Token

#: Dialects that keep a name without quotes in lower case.
_LOWER = {"postgresql"}
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


class Reader:
    """Stands at a word of a statement, or behind the last one.

    :param text: The statement.
    :param words: What it says.
    :param dialect: The dialect's name.
    :param end: Where in the statement that ends; its own end if None.
    """

    def __init__(self, text: str, words: list[Token], dialect: str, end: int | None = None) -> None:
        self.text = text
        self.dialect = dialect
        self.position = 0
        self._words = words
        self._end = len(text) if end is None else end

    def at_end(self) -> bool:
        """Return whether nothing follows."""
        return self.position >= len(self._words)

    def word(self, ahead: int = 0) -> str:
        """Return the word that it stands at, in upper case; empty for a name in quotes."""
        at = self.position + ahead
        return self._words[at].upper if at < len(self._words) else ""

    def at_mark(self, mark: str) -> bool:
        """Return whether it stands at a mark."""
        return self.word() == mark

    def accept(self, *words: str) -> bool:
        """Step over some words if they stand here, all of them in this order."""
        if any(self.word(ahead) != word for ahead, word in enumerate(words)):
            return False

        self.position += len(words)
        return True

    def accept_any(self, *words: str) -> str:
        """Step over one of some words; return it, or nothing."""
        word = self.word()

        if word and word in words:
            self.position += 1
            return word

        return ""

    def name(self) -> str | None:
        """Step over a name and return it as the server knows it; None where none stands here."""
        if self.at_end():
            return None

        token = self._words[self.position]

        if token.kind == "word":
            self.position += 1
            return token.text.lower() if self.dialect in _LOWER else token.text

        if token.kind == "name":
            self.position += 1
            return token.text

        return None

    def qualified(self) -> tuple[str | None, str | None]:
        """Step over a name with or without a schema; return both."""
        schema, name = None, self.name()

        while name is not None and self.at_mark("."):
            self.position += 1
            schema, name = name, self.name()

        return schema, name

    def qualified_list(self) -> list[tuple[str | None, str]]:
        """Step over names with commas between them."""
        found = []

        while True:
            self.accept("ONLY")
            schema, name = self.qualified()

            if name is not None:
                found.append((schema, name))

            self.accept("*")

            if not self.accept(","):
                return found

    def skip(self) -> None:
        """Step over one word, or over a whole group in parentheses."""
        if self.at_mark("("):
            self.skip_group()
        else:
            self.position += 1

    def skip_group(self) -> None:
        """Step over a group in parentheses, if one stands here."""
        if not self.at_mark("("):
            return

        depth = 0

        while not self.at_end():
            depth += {"(": 1, ")": -1}.get(self.word(), 0)
            self.position += 1

            if depth == 0:
                return

    def text_until(self, *words: str, at_least: int = 0) -> str:
        """Step on to one of some words outside of parentheses; return the text before it."""
        first = self.position

        while not self.at_end() and (
            self.position - first < at_least or self.word() not in {*words, ",", ")"}
        ):
            self.skip()

        if self.position == first:
            return ""

        # Signs that are no words, such as a minus or the brackets of an array, belong to it.
        begin = self._words[first - 1].end if first else self._words[first].start
        end = self._end if self.at_end() else self._words[self.position].start
        return " ".join(_COMMENT.sub(" ", self.text[begin:end]).split())

    def group_text(self) -> str:
        """Step over a group in parentheses; return what is in it."""
        first = self.position
        self.skip_group()

        if self.position - first < 2:
            return ""

        return self.text[self._words[first].end : self._words[self.position - 1].start].strip()

    def group(self) -> list[Reader]:
        """Step over a group in parentheses; return its parts between commas."""
        first = self.position
        self.skip_group()
        return self._between(first + 1, self.position - 1).parts()

    def group_names(self) -> tuple[str, ...]:
        """Step over a group in parentheses; return those of its parts that are columns."""
        if not self.at_mark("("):
            return ()

        names = []

        for part in self.group():
            name = part.name()
            # MySQL writes the length of a prefix so; anything else is a function.
            is_prefix = part.at_mark("(") and part.word(2) == ")"

            if name is not None and (not part.at_mark("(") or (is_prefix and not part.word(1))):
                names.append(name)

        return tuple(names)

    def parts(self) -> list[Reader]:
        """Return what follows, taken apart at commas outside of parentheses."""
        parts: list[Reader] = []
        first = self.position

        while not self.at_end():
            if self.at_mark(","):
                parts.append(self._between(first, self.position))
                self.position += 1
                first = self.position
            else:
                self.skip()

        return [*parts, self._between(first, self.position)]

    def groups(self) -> list[Reader]:
        """Return each group in parentheses that follows, at its first word."""
        found = []

        for at in range(self.position, len(self._words)):
            if self._words[at].upper == "(":
                inner = self._between(at, len(self._words))
                inner.skip_group()
                found.append(self._between(at + 1, at + inner.position - 1))

        return found

    def group_has(self, word: str) -> bool:
        """Return whether a group in parentheses stands here that has a word in it."""
        return self.at_mark("(") and word in {
            token.upper for token in self._words[self.position : self.position + 20]
        }

    def assigned(self) -> list[str | None]:
        """Return the columns that follow a SET, as far as they are written one by one."""
        found = []

        for part in self.parts():
            name = part.qualified()[1]

            if part.at_mark("="):
                found.append(name)

        return found

    def always_true(self) -> bool:
        """Return whether what follows WHERE outside of parentheses is true of each row."""
        at = next(
            at for at in range(len(self._words) - 1, -1, -1) if self._words[at].upper == "WHERE"
        )
        after = [token.text.upper() for token in self._words[at + 1 :]]
        return after in (["TRUE"], ["1"]) or (
            len(after) == 3 and after[1] == "=" and after[0] == after[2]
        )

    def outer_words(self) -> list[str]:
        """Return the words that follow outside of parentheses."""
        found = []
        depth = 0

        for token in self._words[self.position :]:
            depth += {"(": 1, ")": -1}.get(token.upper, 0)

            if depth == 0 and token.upper:
                found.append(token.upper)

        return found

    def _between(self, first: int, last: int) -> Reader:
        end = self._words[last].start if last < len(self._words) else self._end
        return Reader(self.text, self._words[first:last], self.dialect, end)

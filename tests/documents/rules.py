"""The page of all rules, made of what stands beside each of them in the code.

python -m tests.documents.rules
"""

from __future__ import annotations

import textwrap
from pathlib import Path

from flask_alembic_admin.core.risks import Rule
from flask_alembic_admin.core.risks import RULES

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"

#: What a family of rules is about, by the letters of its ids.
FAMILIES = {
    "DATA": "Data that is lost",
    "COMP": "Code that breaks, and rows that do not fit",
    "LOCK": "Others who wait",
    "PGX": "PostgreSQL",
    "MY": "MariaDB and MySQL",
    "LITE": "SQLite",
    "META": "The revision itself",
}
_SERVERS = {
    "postgresql": "PostgreSQL",
    "mysql": "MySQL",
    "mariadb": "MariaDB",
    "sqlite": "SQLite",
    "oracle": "Oracle",
}
#: What stands above the rules.
_HEAD = Path(__file__).with_name("rules.md")


def page() -> str:
    """Return the whole page."""
    return "\n".join(
        [_HEAD.read_text(), *_table(), *(line for rule in own_rules() for line in _section(rule))]
    )


def own_rules() -> list[Rule]:
    """Return the rules of this project, family by family."""
    ours = [rule for rule in RULES.values() if rule.check.__module__.startswith("flask_alembic")]
    families = list(FAMILIES)
    return sorted(ours, key=lambda rule: (families.index(family(rule)), rule.id))


def family(rule: Rule) -> str:
    """Return the letters that the id of a rule begins with."""
    return rule.id.rstrip("0123456789")


def _table() -> list[str]:
    lines = ["## All rules", ""]

    for letters, title in FAMILIES.items():
        lines += [f"### {title}", "", "| rule | what a step does | where | severity |"]
        lines += ["| --- | --- | --- | --- |"]
        lines += [
            f"| [{rule.id}](#{rule.id.lower()}) {rule.slug} | {rule.title} | {_where(rule)} "
            f"| *{rule.severity}* |"
            for rule in own_rules()
            if family(rule) == letters
        ]
        lines.append("")

    return lines


def _section(rule: Rule) -> list[str]:
    lines = [
        f"## {rule.id}",
        "",
        f"**{rule.slug}** · {rule.title} · {_where(rule)} · *{rule.severity}*",
        "",
        rule.why,
        "",
        f"*Instead:* {rule.instead}",
        "",
    ]

    for title, code in (("Bad", rule.bad), ("Instead", rule.good)):
        if code:
            lines += [f"{title}:", "", "```python", textwrap.dedent(code).strip(), "```", ""]

    return lines


def _where(rule: Rule) -> str:
    return ", ".join(_SERVERS.get(name, name) for name in rule.dialects) or "everywhere"


if __name__ == "__main__":
    PAGE.write_text(page())

"""The rules that look at every plan, each with what to write instead."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from ...core.risks import RULES
from ..findings import severity_badge


def show_rules() -> ResponseReturnValue:
    """Show all rules, those that the app adds among them."""
    return render_template(
        "alembic_admin/rules.html",
        rules=sorted(RULES.values(), key=lambda rule: rule.id),
        severity_badge=severity_badge,
    )

"""Forms. Each has its token, whatever the host has switched off."""

from __future__ import annotations

import typing as t

from flask_wtf import FlaskForm
from wtforms import BooleanField
from wtforms import HiddenField
from wtforms import SelectField
from wtforms import StringField
from wtforms.validators import DataRequired
from wtforms.validators import Length


class ProtectedForm(FlaskForm):  # type: ignore[misc]
    """A form that no other site can send."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        # With WTF_CSRF_ENABLED = False in the host a plain FlaskForm takes a POST with no token.
        csrf = True


class PlanForm(ProtectedForm):
    """Asks for a plan."""

    target = SelectField("Upgrade to", validators=[DataRequired()])

    def offer(self, choices: t.Iterable[tuple[str, str]]) -> t.Self:
        """Set the targets that can be chosen and return the form."""
        self.target.choices = list(choices)
        return self


class StopForm(ProtectedForm):
    """Asks a run to stop before its next step."""


class CancelStatementForm(ProtectedForm):
    """Cancels the statement that a run is at, which fails its step."""

    understood = BooleanField("Cancel the statement that runs now", validators=[DataRequired()])


class ExaminedForm(ProtectedForm):
    """Says what somebody found who looked at a database in doubt."""

    reason = StringField("What you found", validators=[DataRequired(), Length(max=500)])


class ConfirmForm(ProtectedForm):
    """Confirms a plan."""

    ticket = HiddenField(validators=[DataRequired()])
    understood = BooleanField("I have read what will run", validators=[DataRequired()])
    reason = StringField("Reason (kept in the record)", validators=[Length(max=500)])

"""Forms. Each has its token, whatever the host has switched off."""

from __future__ import annotations

import re
import typing as t

from flask_wtf import FlaskForm
from wtforms import BooleanField
from wtforms import FloatField
from wtforms import HiddenField
from wtforms import RadioField
from wtforms import SelectField
from wtforms import SelectMultipleField
from wtforms import StringField
from wtforms.validators import AnyOf
from wtforms.validators import DataRequired
from wtforms.validators import Length
from wtforms.validators import Optional
from wtforms.validators import ValidationError
from wtforms.widgets import CheckboxInput
from wtforms.widgets import NumberInput

from ..core.plans.options import PlanOptions
from ..core.settings import SAFE_ACTIONS
from ..core.settings import Settings
from .translation import gettext as _

#: The longest that can be waited for anything, in seconds: a day.
LONGEST = 86_400


class ProtectedForm(FlaskForm):  # type: ignore[misc]
    """A form that no other site can send."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        # With WTF_CSRF_ENABLED = False in the host a plain FlaskForm takes a POST with no token.
        csrf = True

    def __init__(self, *arguments: t.Any, **values: t.Any) -> None:
        super().__init__(*arguments, **values)

        for control in self:
            control.label.text = _(str(control.label.text)) if control.label.text else ""


class ThemeForm(ProtectedForm):
    """Chooses between light and dark."""

    theme = StringField(validators=[AnyOf(["auto", "light", "dark"])])
    back = HiddenField()


class SecondsField(FloatField):  # type: ignore[misc]
    """A number of seconds; left empty it keeps its default."""

    widget = NumberInput(step="any", min=0, max=LONGEST)

    def process_formdata(self, valuelist: list[str]) -> None:
        if not valuelist or not valuelist[0].strip():
            return

        sentence = _("Give a number of seconds from 0 to %(most)s.", most=LONGEST)

        try:
            self.data = float(valuelist[0])
        except ValueError:
            raise ValueError(sentence) from None

        if not 0 <= self.data <= LONGEST:
            raise ValueError(sentence)

    def _value(self) -> str:
        return str(self.raw_data[0]) if self.raw_data else f"{self.data or 0:g}"


def plain_text(form: FlaskForm, control: StringField) -> None:
    """Refuse what could end the string literal that it is put into in a file of Python.

    :param form: The form.
    :param control: What was written.
    """
    text = control.data or ""

    if not text.isprintable() or any(part in text for part in ('"', "\\", "'''")):
        raise ValidationError(_("Write one line, without double quotes and backslashes."))


class PlanForm(ProtectedForm):
    """Asks for a plan. Whatever says no more than action and target gets the usual options."""

    action = HiddenField(validators=[AnyOf(SAFE_ACTIONS)])
    target = SelectField("To", choices=[], validate_choice=False)
    revision = StringField("or revision", validators=[Length(max=200)])
    purge = BooleanField("Purge: empty the version table first")
    lock_timeout = SecondsField("Seconds to wait for a lock on a table; 0: as long as the server")
    statement_timeout = SecondsField("Seconds for one statement; 0: as long as it takes")
    wait = SecondsField("Seconds to wait for another run to end; 0: refuse at once")

    @classmethod
    def for_action(
        cls, action: str, settings: Settings, choices: t.Iterable[tuple[str, str]] = ()
    ) -> t.Self:
        """Return the form of one action, with ids of its own on a page that has several.

        :param action: What is to be done.
        :param settings: What holds where nothing is chosen.
        :param choices: The targets to choose from, with words for each.
        """
        form = cls(formdata=None, **_usual(action, settings))
        return form.on_page(action, choices)

    @classmethod
    def sent(cls, settings: Settings) -> t.Self:
        """Return the form that this request has sent.

        :param settings: What holds where nothing is chosen.
        """
        return cls(**_usual("", settings))

    def on_page(self, action: str, choices: t.Iterable[tuple[str, str]]) -> t.Self:
        """Set what its page needs and return the form.

        :param action: What is to be done.
        :param choices: The targets to choose from, with words for each.
        """
        self.target.choices = list(choices)
        _rename(self, action)
        return self

    @property
    def wanted(self) -> str:
        """The target: what was written, or else what was chosen."""
        return str(self.revision.data or "").strip() or str(self.target.data or "").strip()

    @property
    def options(self) -> PlanOptions:
        """How the run goes about it."""
        return PlanOptions(
            lock_timeout=self.lock_timeout.data,
            statement_timeout=self.statement_timeout.data,
            wait=self.wait.data,
            purge=self.purge.data and self.action.data == "stamp",
        )

    def refuse_target(self, sentence: str) -> None:
        """Say at the field that the target came from what is wrong with it.

        :param sentence: What is wrong.
        """
        control = self.revision if str(self.revision.data or "").strip() else self.target
        control.errors = [*control.errors, sentence]


class RevisionForm(ProtectedForm):
    """Asks for the draft of a new revision."""

    action = HiddenField(default="revision", validators=[AnyOf(["revision"])])
    message = StringField("What it does", validators=[DataRequired(), Length(max=200), plain_text])
    how = RadioField("Its content", choices=[], default="diff")
    parent = SelectField("Comes after", choices=[])
    labels = StringField("Labels (optional)", validators=[Length(max=200)])

    @property
    def wanted_labels(self) -> list[str]:
        """The labels that it is to have."""
        return str(self.labels.data or "").replace(",", " ").split()

    def validate_labels(self, control: StringField) -> None:
        """Refuse what means something in targets, or in a file."""
        if not re.fullmatch(r"[\w., ]*", control.data or ""):
            raise ValidationError(_("Write labels of letters, digits, dots and underscores."))

    def on_page(self, parents: t.Iterable[tuple[str, str]]) -> t.Self:
        """Set what its page needs and return the form.

        :param parents: The revisions that it can come after, with words for each.
        """
        self.parent.choices = list(parents)
        self.how.choices = [
            ("diff", _("from the diff of models and database")),
            ("empty", _("empty, to be filled by hand")),
        ]
        _rename(self, "revision")
        return self


class MergeForm(ProtectedForm):
    """Asks for the draft of a revision that joins several heads."""

    action = HiddenField(default="merge", validators=[AnyOf(["merge"])])
    revisions = SelectMultipleField("Heads to join", choices=[], option_widget=CheckboxInput())
    message = StringField(
        "What it does (optional)", validators=[Optional(), Length(max=200), plain_text]
    )

    def on_page(self, heads: t.Iterable[tuple[str, str]]) -> t.Self:
        """Set what its page needs and return the form.

        :param heads: The heads that can be joined, with words for each.
        """
        self.revisions.choices = list(heads)
        _rename(self, "merge")
        return self

    def validate_revisions(self, control: SelectMultipleField) -> None:
        """Refuse to join one revision."""
        if len(control.data or ()) < 2:
            raise ValidationError(_("Tick two heads or more."))


class RehearsalForm(ProtectedForm):
    """Has a plan rehearsed. On the live database its name has to be typed."""

    phrase = StringField("Confirmation")


class StopForm(ProtectedForm):
    """Asks a run to stop before its next step."""


class CancelStatementForm(ProtectedForm):
    """Cancels the statement that a run is at, which fails its step."""

    understood = BooleanField("Cancel the statement that runs now", validators=[DataRequired()])


class ExaminedForm(ProtectedForm):
    """Says what somebody found who looked at a database in doubt."""

    reason = StringField("What you found", validators=[DataRequired(), Length(max=500)])


class ConfirmForm(ProtectedForm):
    """Confirms a plan. What has to be said depends on the plan."""

    ticket = HiddenField(validators=[DataRequired()])
    understood = BooleanField("I have read what will run")
    phrase = StringField("Confirmation")
    reason = StringField("Reason (kept in the record)", validators=[Length(max=500)])


def _rename(form: FlaskForm, prefix: str) -> None:
    """Give the controls of a form ids of their own, on a page that has several forms."""
    for control in form:
        control.id = f"{prefix}_{control.short_name}"
        control.label.field_id = control.id


def _usual(action: str, settings: Settings) -> dict[str, t.Any]:
    return {
        "action": action,
        "lock_timeout": settings.lock_timeout,
        "statement_timeout": settings.statement_timeout,
        "wait": 0.0,
    }

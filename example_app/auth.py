"""Signing in and out, by a name and a password."""

from __future__ import annotations

import contextlib
import re

import sqlalchemy as sa
from flask import Blueprint
from flask import Flask
from flask import redirect
from flask import render_template
from flask import request
from flask import url_for
from flask_login import login_user
from flask_login import LoginManager
from flask_login import logout_user
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import PasswordField
from wtforms import StringField
from wtforms import SubmitField
from wtforms.validators import InputRequired

from .models import db
from .models import User

auth = Blueprint("auth", __name__)
login_manager = LoginManager()
login_manager.login_view = "auth.sign_in"


class SignInForm(FlaskForm):  # type: ignore[misc]
    """Asks who somebody is."""

    name = StringField("Name", [InputRequired()], render_kw={"autocomplete": "username"})
    password = PasswordField(
        "Password", [InputRequired()], render_kw={"autocomplete": "current-password"}
    )
    submit = SubmitField("Sign in")


class SignOutForm(FlaskForm):  # type: ignore[misc]
    """One button, so that no other site can sign somebody out."""

    submit = SubmitField("Sign out")


@auth.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> str | Response:
    """Sign somebody in and lead them to where they wanted to go."""
    form = SignInForm()

    if form.validate_on_submit():
        user = find_user(User.name == form.name.data)

        if user is not None and user.has_password(form.password.data):
            login_user(user)
            return redirect(next_page(), code=303)

        form.form_errors.append("No user has this name and this password.")

    return render_template("example_app/sign_in.html", form=form)


@auth.post("/sign-out")
def sign_out() -> Response:
    """Sign out whoever pressed the button on one of our own pages."""
    if SignOutForm().validate_on_submit():
        logout_user()

    return redirect(url_for("shop.home"), code=303)


def next_page() -> str:
    """Return the page asked for before signing in, or the home page."""
    target = request.args.get("next", "")
    return target if is_own_path(target) else url_for("shop.home")


def is_own_path(target: str) -> bool:
    """Tell whether a redirect to this target surely stays on this site.

    Browsers take a backslash for a slash and leave out control characters.
    """
    return re.fullmatch(r"/(?!/)[^\\\x00-\x20\x7f]*", target) is not None


def find_user(condition: sa.ColumnElement[bool]) -> User | None:
    """Return the one user of a condition; nobody where the table is missing or unreachable."""
    # Closed at once: what a request keeps open to its end, a migration has to wait for.
    with contextlib.suppress(sa.exc.SQLAlchemyError), Session(db.engine) as session:
        return session.scalar(sa.select(User).where(condition))

    return None


def load_user(identity: str) -> User | None:
    """Return the user whom a session names."""
    return find_user(User.id == int(identity))


def init_app(app: Flask) -> None:
    """Give the app its sign-in."""
    login_manager.user_loader(load_user)
    login_manager.init_app(app)
    app.register_blueprint(auth)
    # The class, not a form: a page without the button should not start a session.
    app.context_processor(lambda: {"SignOutForm": SignOutForm})

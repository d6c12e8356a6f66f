from __future__ import annotations

import dataclasses
import typing as t

import pytest

from flask_alembic_admin.core.settings import Settings
from flask_alembic_admin.errors import SetupError


def test_every_option_has_a_default() -> None:
    """A project without ``ALEMBIC_ADMIN`` is a project."""
    assert Settings.from_mapping({}) == Settings()
    assert Settings().runner == "process"


def test_options_are_taken_from_a_mapping() -> None:
    """Each under its own name."""
    settings = Settings.from_mapping({"runner": "inline", "app": "shop:make_app()"})
    assert (settings.runner, settings.app) == ("inline", "shop:make_app()")


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Settings)])
def test_an_unknown_key_names_the_nearest_known_one(name: str) -> None:
    """A slip of the finger is found at start."""
    with pytest.raises(SetupError) as caught:
        Settings.from_mapping({f"{name}x": "a"})

    assert str(caught.value) == f"ALEMBIC_ADMIN['{name}x'] is no option. Did you mean '{name}'?"


def test_a_key_like_no_other_lists_all() -> None:
    """So that somebody can choose."""
    with pytest.raises(SetupError) as caught:
        Settings.from_mapping({"zzz": 1})

    known = ", ".join(field.name for field in dataclasses.fields(Settings))
    assert str(caught.value) == f"ALEMBIC_ADMIN['zzz'] is no option. Known are: {known}."


@pytest.mark.parametrize("value", [1, b"x", ["inline"], None])
def test_a_value_of_another_kind_is_refused(value: t.Any) -> None:
    """The key is named."""
    with pytest.raises(SetupError) as caught:
        Settings.from_mapping({"runner": value})

    assert str(caught.value).startswith(f"ALEMBIC_ADMIN['runner'] is {value!r}.")

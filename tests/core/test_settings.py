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


@pytest.mark.parametrize("name", ["read_only", "health"])
@pytest.mark.parametrize("value", ["true", 1, None])
def test_a_switch_is_on_or_off(name: str, value: t.Any) -> None:
    """A text from the environment that happens to be true could say "false"."""
    with pytest.raises(SetupError) as caught:
        Settings.from_mapping({name: value})

    assert str(caught.value) == f"ALEMBIC_ADMIN['{name}'] is {value!r}. Write True or False."


@pytest.mark.parametrize(
    "value", [["stamp", "upgrade"], ("upgrade", "stamp"), {"upgrade", "stamp"}]
)
def test_actions_are_kept_in_one_order(value: t.Any) -> None:
    """Whatever they were listed in."""
    assert Settings.from_mapping({"actions": value}).actions == ("upgrade", "stamp")


def test_no_action_at_all_can_be_offered() -> None:
    """That is something else than saying nothing."""
    assert Settings.from_mapping({"actions": []}).actions == ()
    assert Settings().actions is None


@pytest.mark.parametrize("value", ["upgrade", 3, {"upgrade": True}])
def test_actions_are_a_list(value: t.Any) -> None:
    """One text would be taken for its letters."""
    with pytest.raises(SetupError, match=r"^ALEMBIC_ADMIN\['actions'\] is .* Give a list, such as"):
        Settings.from_mapping({"actions": value})


@pytest.mark.parametrize("wrong", ["upgrades", "view", None, ["upgrade"]])
def test_an_unknown_action_is_named(wrong: t.Any) -> None:
    """With those that there are."""
    with pytest.raises(SetupError) as caught:
        Settings.from_mapping({"actions": ["stamp", wrong]})

    expected = f"{wrong!r} is no action; use some of: upgrade, downgrade, stamp, revision, merge."
    assert str(caught.value).endswith(expected)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [(None, False), ("staging", False), ("production", True), (" Production", True)],
)
def test_production_is_known_however_it_is_written(environment: str | None, expected: bool) -> None:
    """A capital letter must not lower what has to be confirmed."""
    assert Settings.from_mapping({"environment": environment}).is_production is expected


@pytest.mark.parametrize("url", ["/", "/shop?from=panel", "https://shop.example", "HTTP://a/"])
def test_a_link_home_is_a_path_or_a_url(url: str) -> None:
    """In the same app or in another one."""
    assert Settings.from_mapping({"home_url": url}).home_url == url


@pytest.mark.parametrize("url", ["javascript:alert(1)", "shop", "", "//evil.example", " /"])
def test_no_other_link_is_taken(url: str) -> None:
    """Whoever clicks on it would be somewhere else."""
    with pytest.raises(SetupError, match=r"^ALEMBIC_ADMIN\['home_url'\] is .* Give a path such as"):
        Settings.from_mapping({"home_url": url})


def test_the_findings_of_rules_can_be_graded_anew() -> None:
    """By a rule's id or slug."""
    graded = {"DATA002": "ignore", "set-not-null": "danger"}
    assert Settings.from_mapping({"risks": graded}).risks == graded
    assert Settings().risks == {}


@pytest.mark.parametrize("value", ["DATA002", ["DATA002"], None, 1])
def test_grades_are_a_dict(value: t.Any) -> None:
    """A list would not say what becomes of a rule."""
    with pytest.raises(SetupError, match=r"^ALEMBIC_ADMIN\['risks'\] is .* Give a dict, such as"):
        Settings.from_mapping({"risks": value})


@pytest.mark.parametrize("value", [{"DATA002": "off"}, {"DATA002": True}, {2: "warn"}])
def test_an_unknown_grade_is_named(value: t.Any) -> None:
    """With those that there are."""
    ((rule, grade),) = value.items()

    with pytest.raises(SetupError) as caught:
        Settings.from_mapping({"risks": value})

    assert f"{rule!r} is {grade!r}; " in str(caught.value)
    assert str(caught.value).endswith("ignore, info, warn, danger.")

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def commands() -> list[str]:
    """Return the commands that the README gives to somebody who has just found the project."""
    return re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)


def test_the_readme_has_two_commands_of_a_line_each() -> None:
    """One runs the main job, one the tests."""
    run, test = commands()
    assert run.endswith("-m example_app")
    assert "-m pytest -q" in test


def test_the_build_runs_the_readmes_own_test_command() -> None:
    """What the README promises is what is checked, from a fresh clone."""
    script = (ROOT / ".ci" / "run").read_text()
    assert "README.md >" in script
    assert 'bash -e "$work/command"' in script


def test_files_that_the_readme_names_exist() -> None:
    """No link and no picture leads to nothing."""
    for path in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / path).exists(), path


@pytest.mark.packaging
def test_the_first_command_serves_the_panel(tmp_path: Path) -> None:
    """From a copy of the sources with a new environment: it prints an address that answers."""
    copy = tmp_path / "copy"
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip

    for name in files:
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)

    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment["PYTHONUNBUFFERED"] = "1"
    process = subprocess.Popen(
        ["bash", "-c", commands()[0]],
        cwd=copy, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip

    assert process.stdout is not None

    try:
        said = ""

        while "Listening" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line

        (panel,) = re.findall(r"^Panel +(\S+)", said, re.MULTILINE)
        assert re.search(r"^Sign in +admin +\S{12}", said, re.MULTILINE)

        with urllib.request.urlopen(panel) as response:
            assert "Sign in" in response.read().decode()
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(30)
        process.stdout.close()

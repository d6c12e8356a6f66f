"""The runner for apps with Celery workers: a task has the run's process started beside its worker.

A message carries an id and nothing else. What is run, and whether it still may be, stands in the
ledger, so that a message which comes twice, or too late, does no harm.
"""

from __future__ import annotations

from celery import shared_task
from flask import current_app
from flask import has_app_context
from kombu.exceptions import OperationalError

from ..core.project import Project
from ..errors import SetupError
from ..extension import Alembic
from .failing import failing_check
from .failing import failing_run
from .process import wait_for_check_process
from .process import wait_for_process

#: The names of the tasks, by which an app may route them to a queue of their own.
RUN_TASK = "flask_alembic_admin.run"
CHECK_TASK = "flask_alembic_admin.check"


def send(task: str, id_: str) -> None:
    """Send a task to the workers of the present app.

    :param task: Its name.
    :param id_: The run or the check that is to be carried out.
    :raises SetupError: The app has no Celery app, or its broker does not answer.
    """
    celery = current_app.extensions.get("celery")

    if celery is None:
        raise SetupError(
            "ALEMBIC_ADMIN['runner'] is 'celery', and app.extensions['celery'] is not set.",
            "Put the Celery app there, as Flask's documentation shows, or use the runner "
            "'process'.",
        )

    try:
        # Whoever waits in a browser is told soon.
        celery.send_task(task, args=[id_], retry=False, ignore_result=True)
    except OperationalError as error:
        raise SetupError(
            f"The broker of app.extensions['celery'] does not answer: {error}",
            "Nothing was begun. Try again once it does.",
        ) from error


# Never again by itself, and told to the broker as done before it begins: whether a run that died
# may be followed by another one is for a person to say.
@shared_task(name=RUN_TASK, acks_late=False, max_retries=0, ignore_result=True)
def carry_out_run(run_id: str) -> None:
    """Carry out a run in a process of its own, and wait for its end.

    :param run_id: The run.
    """
    project = _project()

    with failing_run(project, run_id):
        wait_for_process(project, run_id)


@shared_task(name=CHECK_TASK, acks_late=False, max_retries=0, ignore_result=True)
def carry_out_check(check_id: str) -> None:
    """Carry out a check in a process of its own, and wait for its end.

    :param check_id: The check.
    """
    project = _project()

    with failing_check(project, check_id):
        wait_for_check_process(project, check_id)


def _project() -> Project:
    if not has_app_context():
        raise SetupError(
            "The worker runs tasks outside of an app context.",
            "Give the Celery app a task class that enters it, as Flask's documentation shows.",
        )

    alembic: Alembic = current_app.extensions["alembic"]
    return alembic.project

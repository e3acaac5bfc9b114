"""Asking a worker for a task by its name, from code that knows nothing of the app that does it."""

import logging
from typing import Any

from celery import current_app
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def ask(task: str, *arguments: Any, expires: float) -> bool:
    """Leave a message for the workers, worth something for so many seconds; tell whether it is left."""
    try:
        current_app.send_task(task, args=arguments, expires=expires)
    except OperationalError as error:
        logger.warning("nobody could be asked for %s of %s: %s", task, arguments, error)
        return False
    return True

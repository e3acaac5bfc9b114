"""Tasks leave by our own queue, from whichever process."""

from celery import current_app
from django.conf import settings

from accounts.tasks import mail_reset_link_task


def test_a_web_process_sends_tasks_to_the_desks_redis():
    assert current_app.conf.broker_url == settings.CELERY_BROKER_URL
    assert mail_reset_link_task.app.conf.broker_url == settings.CELERY_BROKER_URL


def test_a_task_that_is_sent_waits_in_redis():
    with current_app.connection_or_acquire() as connection:
        queue = connection.SimpleQueue("celery")
        queue.clear()
        mail_reset_link_task.apply_async(("nobody@example.com", "http://desk"), expires=1)

        waiting = queue.get(timeout=2)
        waiting.ack()
        assert waiting.headers["task"] == "accounts.tasks.mail_reset_link_task"

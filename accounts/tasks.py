"""Tasks about people and their sessions."""

from celery import shared_task


@shared_task(ignore_result=True, acks_late=True)
def end_old_sessions_task() -> None:
    """Delete the rows of sessions that ran out."""
    from accounts.sessions import SessionStore

    SessionStore.clear_expired()

"""Tasks about people and their sessions."""

from celery import shared_task


@shared_task(ignore_result=True, acks_late=True)
def end_old_sessions_task() -> None:
    """Delete the rows of sessions that ran out."""
    from accounts.sessions import SessionStore

    SessionStore.clear_expired()


@shared_task(ignore_result=True)
def check_sessions_task() -> None:
    """Ask the accounts that are logged in whether their brokers agree."""
    from accounts.logins import check_all

    check_all()


@shared_task(ignore_result=True)
def mail_reset_link_task(email: str, origin: str) -> None:
    """Mail a reset link, if the address is somebody's. The link itself never waits in Redis."""
    from accounts.passwords import mail_reset_link

    mail_reset_link(email, origin)

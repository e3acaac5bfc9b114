"""Tasks about people and their sessions."""

from celery import shared_task


@shared_task(ignore_result=True, acks_late=True)
def end_old_sessions_task() -> None:
    """Delete the rows of sessions that ran out."""
    from accounts.sessions import SessionStore

    SessionStore.clear_expired()


@shared_task(ignore_result=True)
def check_sessions_task() -> None:
    """Have every account that was silent asked for its profile, each by itself."""
    from django.conf import settings

    from accounts.upkeep import due_for_a_check

    for account_id in due_for_a_check():
        check_session_task.apply_async((account_id,), expires=settings.SESSION_CHECK_SECONDS)


@shared_task(ignore_result=True)
def check_session_task(account_id: int) -> None:
    """Ask one account's broker whether it still knows the session."""
    from accounts.upkeep import check

    check(account_id)


@shared_task(ignore_result=True)
def keep_logged_in_task() -> None:
    """Renew sessions, log in where the owner allowed it, and ask people for the rest."""
    from accounts import upkeep

    upkeep.renew_all()
    upkeep.log_in_due()
    upkeep.remind()


@shared_task(ignore_result=True)
def mail_reset_link_task(email: str, origin: str) -> None:
    """Mail a reset link, if the address is somebody's. The link itself never waits in Redis."""
    from accounts.passwords import mail_reset_link

    mail_reset_link(email, origin)

"""Tasks that bring data in."""

from celery import shared_task


@shared_task(ignore_result=True)
def sync_all_task() -> None:
    """Have every account that is logged in synced, each by itself."""
    from portfolio.sync import due_accounts

    for account_id in due_accounts():
        sync_account_task.apply_async((account_id,), expires=240)


@shared_task(ignore_result=True, soft_time_limit=150, time_limit=170)
def sync_account_task(account_id: int) -> None:
    """Bring in all parts of one account."""
    from portfolio.sync import sync_account

    sync_account(account_id)


@shared_task(ignore_result=True)
def refresh_watched_task() -> None:
    """Have what somebody watches renewed where it is as old as its interval."""
    from django.utils import timezone

    from orders.datasets import due

    for account_id, part in due(timezone.now()):
        refresh_part_task.apply_async((account_id, part), expires=10)


@shared_task(ignore_result=True)
def refresh_part_task(account_id: int, part: str) -> None:
    """Renew one part of one account."""
    from portfolio.sync import refresh_part

    refresh_part(account_id, part)

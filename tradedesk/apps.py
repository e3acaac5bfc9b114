from django.apps import AppConfig


class TradedeskConfig(AppConfig):
    name = "tradedesk"

    def ready(self) -> None:
        # The Celery application is made here too: a task sent by any process must find our queue.
        from tradedesk import celery, errors, sentry

        celery.app.set_default()
        errors.watch()
        sentry.start()

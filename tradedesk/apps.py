from django.apps import AppConfig


class TradedeskConfig(AppConfig):
    name = "tradedesk"

    def ready(self) -> None:
        from tradedesk import errors, sentry

        errors.watch()
        sentry.start()

from django.apps import AppConfig
from django.contrib.admin import apps


class AccountsConfig(AppConfig):
    name = "accounts"
    default = True

    def ready(self) -> None:
        from accounts import vault, watch  # noqa: F401 - they register themselves


class DeskAdminConfig(apps.AdminConfig):
    default = False
    default_site = "accounts.site.DeskAdminSite"

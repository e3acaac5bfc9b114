"""Every address of the desk."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from tradedesk import errors, health, views

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.not_found
handler500 = errors.server_error

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("accounts.urls")),
    path("", include("orders.urls")),
    path("", include("portfolio.urls")),
    path("_panel/parts/", views.parts, name="parts"),
    path("errors/", views.failures, name="failures"),
    path("style/", views.style, name="style"),
    path("favicon.ico", views.favicon),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics_page, name="metrics"),
    path(settings.ADMIN_PATH, admin.site.urls),
]

"""Addresses of what accounts hold: of all of them, and of one below /a/<code>/."""

from django.urls import path

from portfolio import (
    convert_page,
    dashboard,
    exit_all_page,
    exit_page,
    holdings_page,
    positions_page,
    views,
)

urlpatterns = [
    path("", dashboard.home, name="home"),
    path("a/<code:code>/", dashboard.home, name="home_of"),
    path("today/", dashboard.today, name="today"),
    path("a/<code:code>/today/", dashboard.today, name="today_of"),
    path("positions/", positions_page.positions, name="positions"),
    path("a/<code:code>/positions/", positions_page.positions, name="positions_of"),
    path("a/<code:code>/positions/exit/", exit_page.exit_position, name="exit_position"),
    path("a/<code:code>/positions/exit-all/", exit_all_page.exit_all, name="exit_all"),
    path(
        "a/<code:code>/positions/convert/",
        convert_page.convert_position,
        name="convert_position",
    ),
    path("holdings/", holdings_page.holdings, name="holdings"),
    path("a/<code:code>/holdings/", holdings_page.holdings, name="holdings_of"),
    path("funds/", views.funds, name="funds"),
    path("a/<code:code>/funds/", views.funds, name="funds_of"),
]

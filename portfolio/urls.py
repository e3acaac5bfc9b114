"""Addresses of what accounts hold: of all of them, and of one below /a/<code>/."""

from django.urls import path

from portfolio import dashboard, views

urlpatterns = [
    path("", dashboard.home, name="home"),
    path("a/<code:code>/", dashboard.home, name="home_of"),
    path("today/", dashboard.today, name="today"),
    path("a/<code:code>/today/", dashboard.today, name="today_of"),
    path("funds/", views.funds, name="funds"),
    path("a/<code:code>/funds/", views.funds, name="funds_of"),
]

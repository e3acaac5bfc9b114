"""Addresses of what accounts hold: of all of them, and of one below /a/<code>/."""

from django.urls import path

from portfolio import views

urlpatterns = [
    path("funds/", views.funds, name="funds"),
    path("a/<code:code>/funds/", views.funds, name="funds_of"),
]

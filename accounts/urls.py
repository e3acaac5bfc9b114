"""Addresses of people: logging in at /login/, everything of one's own below /me/."""

from allauth.account import views as allauth
from django.urls import include, path

from accounts.appearance import appearance

urlpatterns = [
    path("login/", allauth.login, name="account_login"),
    path("logout/", allauth.logout, name="account_logout"),
    path("me/appearance/", appearance, name="appearance"),
    path("me/", include("allauth.mfa.urls")),
]

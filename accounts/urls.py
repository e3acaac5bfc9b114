"""Addresses of people: logging in at /login/, everything of one's own below /me/.

The names are allauth's where its code looks them up. There is no sign-up.
"""

from django.urls import path, re_path, register_converter

from accounts import (
    activity_pages,
    holder_pages,
    link_pages,
    login_pages,
    me,
    pages,
    setup_page,
    sharing_pages,
    views,
)
from accounts.appearance import appearance
from accounts.linking import TAKEN_BY_PAGES


class AccountCode:
    """The code of an account in an address; words that pages use are none."""

    regex = rf"(?!(?:{'|'.join(sorted(TAKEN_BY_PAGES))})/)[a-z0-9-]{{1,16}}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(AccountCode, "code")

urlpatterns = [
    path("login/", views.login, name="account_login"),
    path("login/code/", views.second_step, name="mfa_authenticate"),
    path("login/passkey/", views.login_by_passkey, name="mfa_login_webauthn"),
    path("login/deactivated/", views.deactivated, name="account_inactive"),
    path("login/reset/", views.ask_for_reset, name="account_reset_password"),
    path("login/reset/sent/", views.reset_is_on_its_way, name="account_reset_password_done"),
    re_path(
        r"^login/reset/(?P<uidb36>[0-9a-z]{1,13})-(?P<key>[0-9a-z]{1,13}-[0-9a-f]{1,64})/$",
        views.reset_by_link,
        name="account_reset_password_from_key",
    ),
    path("login/invite/<slug:token>/", views.accept_invitation, name="accept_invitation"),
    path("logout/", views.logout, name="account_logout"),
    path("me/", me.profile, name="me"),
    path("me/appearance/", appearance, name="appearance"),
    path("me/stay/", me.stay, name="stay"),
    path("me/password/", me.change_password, name="account_change_password"),
    path("me/again/", me.password_again, name="account_reauthenticate"),
    path("me/again/code/", me.code_again, name="mfa_reauthenticate"),
    path("me/again/passkey/", me.passkey_again, name="mfa_reauthenticate_webauthn"),
    path("me/second-factor/", me.factors, name="mfa_index"),
    path("me/second-factor/app/", me.add_app, name="mfa_activate_totp"),
    path("me/second-factor/app/remove/", me.remove_app, name="mfa_deactivate_totp"),
    path("me/second-factor/codes/", me.new_recovery_codes, name="mfa_view_recovery_codes"),
    path("me/passkeys/add/", me.add_passkey, name="mfa_add_webauthn"),
    path("me/passkeys/<int:pk>/", me.rename_passkey, name="mfa_edit_webauthn"),
    path("me/passkeys/<int:pk>/remove/", me.remove_passkey, name="mfa_remove_webauthn"),
    path("me/sessions/", me.sessions, name="sessions"),
    path("me/sessions/end-others/", me.end_other_sessions, name="end_other_sessions"),
    path("me/sessions/<uuid:public_id>/end/", me.end_session, name="end_session"),
    path("me/people/", me.people, name="people"),
    path("setup/", setup_page.setup, name="setup"),
    path("_panel/rail/", pages.rail, name="rail"),
    path("accounts/", pages.accounts, name="accounts"),
    path("accounts/link/", link_pages.link, name="link_account"),
    path("accounts/link/<slug:broker>/", link_pages.link_broker, name="link_broker"),
    path("accounts/back/<slug:broker>/", login_pages.back, name="log_in_back"),
    path("api/zerodha/login", login_pages.api_login, name="api_login"),
    path("api/zerodha/callback", login_pages.back, {"broker": "kite"}, name="api_callback"),
    path("accounts/<code:code>/", pages.account, name="account"),
    path("accounts/<code:code>/credentials/", link_pages.credentials, name="credentials"),
    path("accounts/<code:code>/automatic/", link_pages.automatic, name="automatic_log_in"),
    path("accounts/<code:code>/login/", login_pages.log_in, name="log_in_account"),
    path("accounts/<code:code>/login/away/", login_pages.away, name="log_in_away"),
    path("accounts/<code:code>/login/token/", login_pages.take_token, name="log_in_by_token"),
    path("accounts/<code:code>/login/alone/", login_pages.alone, name="log_in_alone"),
    path("accounts/<code:code>/login/code/", login_pages.show_code, name="show_code"),
    path("accounts/<code:code>/logout/", pages.log_out, name="log_out_account"),
    path("accounts/<code:code>/pause/", pages.pause, name="pause_account"),
    path("accounts/<code:code>/resume/", pages.resume, name="resume_account"),
    path("accounts/<code:code>/unlink/", pages.unlink, name="unlink_account"),
    path("accounts/<code:code>/activity/", activity_pages.activity, name="activity"),
    path("accounts/<code:code>/activity.csv", activity_pages.export, name="export_activity"),
    path("activity/", activity_pages.whole_activity, name="whole_activity"),
    path("activity.csv", activity_pages.export_whole, name="export_whole_activity"),
    path("accounts/<code:code>/holder/", holder_pages.holder, name="holder"),
    path("accounts/<code:code>/people/", sharing_pages.members, name="members"),
    path(
        "accounts/<code:code>/people/<int:pk>/role/", sharing_pages.change_role, name="change_role"
    ),
    path(
        "accounts/<code:code>/people/<int:pk>/remove/", sharing_pages.remove, name="remove_member"
    ),
    path(
        "accounts/<code:code>/people/invitations/<int:pk>/withdraw/",
        sharing_pages.withdraw,
        name="withdraw_invitation",
    ),
    path("join/<slug:token>/", sharing_pages.join, name="join_account"),
]

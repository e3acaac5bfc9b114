"""Kite's own log-in page, gone through by program, where the operator has allowed it.

The exchanges want one log-in a day by a person, so nothing calls this by itself. Nothing is tried
twice: a wrong code that is repeated blocks the user.
"""

from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urljoin, urlsplit

from accounts.brokers.errors import AuthFailed
from accounts.brokers.kite.answers import data_of
from accounts.brokers.kite.environments import Environment, origin_of
from accounts.brokers.kite.sending import ORDER, Answer, Call, Sender
from accounts.brokers.kite.values import text

LOG_IN = "log in"
MOST_HOPS = 6


class WebLogin:
    """One visit to the log-in page, with its cookies."""

    def __init__(self, environment: Environment, login_url: str, patience: float) -> None:
        self.login_url = login_url
        self.origin = origin_of(environment.login)
        self.sender = Sender(self.origin)
        self.limits = ORDER.scaled(patience)
        self.cookies: dict[str, str] = {}

    def request_token(self, user_id: str, password: str, code: str) -> str:
        """Log in, and come back with the token that the app would be given."""
        try:
            self.visit(self.login_url)
            asked = self.post("/api/login", user_id=user_id, password=password)
            self.post(
                "/api/twofa",
                user_id=user_id,
                request_id=text(asked["request_id"]),
                twofa_value=code,
                twofa_type=text(asked.get("twofa_type") or "totp"),
            )
            return self.follow(f"{self.login_url}&skip_session=true")
        finally:
            self.sender.close()

    def follow(self, place: str) -> str:
        """Go from page to page of the broker until it would send us home."""
        for _ in range(MOST_HOPS):
            here, place = place, urljoin(place, self.visit(place))
            if place == here:
                break  # a page that leads nowhere: the app has no address to come back to
            if token := parse_qs(urlsplit(place).query).get("request_token"):
                return token[0]
            if origin_of(place) != self.origin:
                break
        raise AuthFailed(LOG_IN, text="the log-in page did not come back with a request token")

    def visit(self, place: str) -> str:
        return self.sender.send(self.call("GET", place), self.next_place)

    def next_place(self, call: Call, answer: Answer) -> str:
        self.keep_cookies(answer)
        if 300 <= answer.status < 400:
            answer.body.close()
            return str(answer.headers.get("location", ""))
        if answer.status == 200:
            answer.body.close()
            return ""
        return text(data_of(call, answer))

    def post(self, path: str, **form: str) -> dict[str, object]:
        call = self.call("POST", urljoin(self.login_url, path), form)
        return self.sender.send(call, self.answer_to_form)

    def answer_to_form(self, call: Call, answer: Answer) -> dict[str, object]:
        self.keep_cookies(answer)
        data = data_of(call, answer)
        return data if isinstance(data, dict) else {}

    def call(self, method: str, url: str, form: dict[str, str] | None = None) -> Call:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return Call(
            operation=LOG_IN,
            method=method,
            url=url,
            headers={"Cookie": cookies} if cookies else {},
            query=[],
            form=list(form.items()) if form else None,
            is_read=False,
            limits=self.limits,
        )

    def keep_cookies(self, answer: Answer) -> None:
        for line in answer.headers.get_list("set-cookie"):
            self.cookies |= {name: one.value for name, one in SimpleCookie(line).items()}

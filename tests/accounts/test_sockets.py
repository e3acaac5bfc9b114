"""A live socket ends with its session, at once."""

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings

from accounts.models import Session
from accounts.second_factor import reset_second_factor
from accounts.sessions import hashed
from tradedesk.asgi import application

pytestmark = pytest.mark.django_db(transaction=True)


async def connected(client):
    key = client.cookies[settings.SESSION_COOKIE_NAME].value
    headers = [
        (b"cookie", f"{settings.SESSION_COOKIE_NAME}={key}".encode()),
        (b"host", b"localhost"),
        (b"origin", b"http://localhost"),
    ]
    socket = WebsocketCommunicator(application, "/ws/", headers=headers)
    accepted, _ = await socket.connect()
    assert accepted
    await socket.send_to("ping")
    assert await socket.receive_from() == "pong"
    return socket


def end_session(user, client):
    Session.objects.filter(session_key=hashed(client.session.session_key)).end()


def log_out(user, client):
    client.post("/logout/")


def deactivate(user, client):
    user.is_active = False
    user.save()


def change_password(user, client):
    user.set_password("a different and long password")
    user.save()


def lose_the_phone(user, client):
    reset_second_factor(user)


@pytest.mark.parametrize(
    "ending", [end_session, log_out, deactivate, change_password, lose_the_phone]
)
async def test_the_socket_closes_within_seconds(enter, asha, ending):
    client = await sync_to_async(enter)(asha)
    socket = await connected(client)

    await sync_to_async(ending)(asha, client)

    closed = await socket.receive_output(timeout=5)
    assert (closed["type"], closed["code"]) == ("websocket.close", 4401)
    await socket.wait()


async def test_other_sessions_of_the_same_person_stay_open(enter, asha):
    here, there = await sync_to_async(enter)(asha), await sync_to_async(enter)(asha)
    socket = await connected(here)

    await sync_to_async(end_session)(asha, there)

    assert await socket.receive_nothing(timeout=0.5)
    await socket.disconnect()

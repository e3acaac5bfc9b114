"""The ASGI application: pages by Django, sockets by Channels, both behind the same guards."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradedesk.settings")

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

pages = get_asgi_application()

from streaming.routing import sockets  # needs the apps that the line above loads
from tradedesk.guards import guarded

application = guarded(ProtocolTypeRouter({"http": pages, "websocket": sockets}))

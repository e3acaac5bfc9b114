"""The one address of the browser's socket, and who may come in."""

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from django.urls import path

from streaming.consumers import DeskConsumer
from streaming.origin import same_origin

sockets = same_origin(AuthMiddlewareStack(URLRouter([path("ws/", DeskConsumer.as_asgi())])))

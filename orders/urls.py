"""Addresses of orders and triggers: of all accounts, and of one below /a/<code>/."""

from django.urls import path

from orders import gtt_pages, order_pages

urlpatterns = [
    path("orders/", order_pages.orders, name="orders"),
    path("a/<code:code>/orders/", order_pages.orders, name="orders_of"),
    path("a/<code:code>/orders/<str:order_id>/", order_pages.order, name="order"),
    path("gtt/", gtt_pages.gtt, name="gtt"),
    path("a/<code:code>/gtt/", gtt_pages.gtt, name="gtt_of"),
]

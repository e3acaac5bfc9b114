"""Addresses of orders and triggers: of all accounts, and of one below /a/<code>/."""

from django.urls import path

from orders import (
    change_pages,
    gtt_pages,
    gtt_ticket_pages,
    order_pages,
    stop_pages,
    task_pages,
    ticket_pages,
)

urlpatterns = [
    path("orders/", order_pages.orders, name="orders"),
    path("a/<code:code>/orders/", order_pages.orders, name="orders_of"),
    path("a/<code:code>/orders/new/", ticket_pages.new_order, name="new_order"),
    path("a/<code:code>/orders/check/", ticket_pages.check_order, name="check_order"),
    path("a/<code:code>/orders/margin/", ticket_pages.margin, name="order_margin"),
    path("a/<code:code>/instruments/", ticket_pages.instruments, name="instruments"),
    path("a/<code:code>/quote/", ticket_pages.quote, name="quote"),
    path("tasks/", task_pages.tasks, name="tasks"),
    path("a/<code:code>/tasks/", task_pages.tasks, name="tasks_of"),
    path("a/<code:code>/requests/<uuid:key>/", task_pages.request_tasks, name="request_tasks"),
    path("a/<code:code>/tasks/<int:pk>/", task_pages.task, name="task"),
    path("a/<code:code>/tasks/<int:pk>/decide/", task_pages.decide, name="decide_task"),
    path("a/<code:code>/tasks/<int:pk>/withdraw/", task_pages.withdraw, name="withdraw_task"),
    path("a/<code:code>/orders/cancel-all/", change_pages.cancel_all, name="cancel_all"),
    path(
        "a/<code:code>/orders/<str:order_id>/modify/",
        change_pages.modify_order,
        name="modify_order",
    ),
    path(
        "a/<code:code>/orders/<str:order_id>/cancel/",
        change_pages.cancel_order,
        name="cancel_order",
    ),
    path("a/<code:code>/orders/<str:order_id>/", order_pages.order, name="order"),
    path("stop/", stop_pages.stop_trading, name="stop_trading"),
    path("stop/<int:pk>/release/", stop_pages.release_stop, name="release_stop"),
    path("_panel/stops/", stop_pages.bar, name="stops"),
    path("gtt/", gtt_pages.gtt, name="gtt"),
    path("a/<code:code>/gtt/", gtt_pages.gtt, name="gtt_of"),
    path("a/<code:code>/gtt/new/", gtt_ticket_pages.new_gtt, name="new_gtt"),
    path("a/<code:code>/gtt/check/", gtt_ticket_pages.check_gtt, name="check_gtt"),
    path("a/<code:code>/gtt/<str:gtt_id>/modify/", gtt_ticket_pages.modify_gtt, name="modify_gtt"),
    path("a/<code:code>/gtt/<str:gtt_id>/delete/", gtt_ticket_pages.delete_gtt, name="delete_gtt"),
]

"""What the desk keeps of instruments, orders and trades."""

from orders.datasets import Dataset
from orders.engine.models import KillSwitch, Lane, OrderAttempt, OrderTask, TaskEvent
from orders.inbox import Heard
from orders.instruments.models import Instrument, MasterImport
from orders.ledger import GttTrigger, Order, OrderStep, Trade
from orders.product_rules import ProductRule
from orders.risk.models import RiskLimits

__all__ = [
    "Dataset",
    "GttTrigger",
    "Heard",
    "Instrument",
    "KillSwitch",
    "Lane",
    "MasterImport",
    "Order",
    "OrderAttempt",
    "OrderStep",
    "OrderTask",
    "ProductRule",
    "RiskLimits",
    "TaskEvent",
    "Trade",
]

"""What each kind of task does at the broker, and how its outcome is found again."""

from orders.engine.models import Kind
from orders.engine.operations.base import Finding, Operation, Reading, Sent
from orders.engine.operations.conversions import Convert
from orders.engine.operations.orders import Cancel, Modify, Place, is_in_parts, order_of
from orders.engine.operations.triggers import DeleteTrigger, ModifyTrigger, PlaceTrigger

OPERATIONS: dict[str, Operation] = {
    Kind.PLACE: Place(),
    Kind.MODIFY: Modify(),
    Kind.CANCEL: Cancel(),
    Kind.CONVERT: Convert(),
    Kind.PLACE_GTT: PlaceTrigger(),
    Kind.MODIFY_GTT: ModifyTrigger(),
    Kind.DELETE_GTT: DeleteTrigger(),
}


def operation(kind: str) -> Operation:
    return OPERATIONS[kind]


__all__ = ["Finding", "Operation", "Reading", "Sent", "is_in_parts", "operation", "order_of"]

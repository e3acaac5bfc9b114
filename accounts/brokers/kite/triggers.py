"""What Kite watches for us: GTTs and alerts."""

from typing import Any

from accounts.brokers.errors import InvalidOrder
from accounts.brokers.kite.client import Client, reading, rows_of, writing
from accounts.brokers.kite.rows import alert_from, firing_from, gtt_from
from accounts.brokers.kite.values import as_number, text
from accounts.brokers.types import Alert, AlertFiring, AlertRequest, Gtt, GttKind, GttRequest

PLACE = "place the trigger"
MODIFY = "modify the trigger"
DELETE = "delete the trigger"
READ = "read the triggers"


class Triggers(Client):
    """GTTs through the official client; alerts through routes it lacks."""

    def gtts(self) -> list[Gtt]:
        self.need(READ, offered=bool(self.offers.gtt))
        with reading(READ):
            return rows_of(READ, gtt_from, self.kite.get_gtts())

    def gtt(self, gtt_id: str) -> Gtt:
        self.need(READ, offered=bool(self.offers.gtt))
        with reading(READ):
            return gtt_from(self.kite.get_gtt(gtt_id))

    def place_gtt(self, request: GttRequest) -> str:
        self.need(PLACE, offered=request.kind in self.offers.gtt)
        definition = definition_of(PLACE, request)
        with writing(PLACE):
            return text(self.kite.place_gtt(**definition)["trigger_id"])

    def modify_gtt(self, gtt_id: str, request: GttRequest) -> str:
        """Replace the whole definition, which is how Kite changes one."""
        self.need(MODIFY, offered=request.kind in self.offers.gtt)
        definition = definition_of(MODIFY, request)
        with writing(MODIFY):
            return text(self.kite.modify_gtt(trigger_id=gtt_id, **definition)["trigger_id"])

    def delete_gtt(self, gtt_id: str) -> str:
        self.need(DELETE, offered=bool(self.offers.gtt))
        with writing(DELETE):
            return text(self.kite.delete_gtt(gtt_id)["trigger_id"])

    def alerts(self) -> list[Alert]:
        with reading("read the alerts"):
            return [alert_from(row) for row in self.kite._get("alerts")]

    def alert(self, alert_id: str) -> Alert:
        with reading("read the alert"):
            return alert_from(self.kite._get("alert.info", url_args={"alert_id": alert_id}))

    def create_alert(self, request: AlertRequest) -> Alert:
        with writing("create the alert"):
            return alert_from(self.kite._post("alert.create", params=alert_terms(request)))

    def modify_alert(self, alert_id: str, request: AlertRequest) -> Alert:
        with writing("modify the alert"):
            answer = self.kite._put(
                "alert.modify", url_args={"alert_id": alert_id}, params=alert_terms(request)
            )
            return alert_from(answer)

    def delete_alerts(self, *alert_ids: str) -> None:
        self.kite._delete("alert.delete", params={"uuid": list(alert_ids)})

    def alert_history(self, alert_id: str) -> list[AlertFiring]:
        with reading("read the alert's history"):
            rows = self.kite._get("alert.history", url_args={"alert_id": alert_id})
            return [firing_from(row) for row in rows]


def definition_of(operation: str, request: GttRequest) -> dict[str, Any]:
    """Spell a trigger for the official client, which asserts where it should refuse."""
    expected = 1 if request.kind is GttKind.SINGLE else 2
    if len(request.triggers) != expected or len(request.legs) != expected:
        raise InvalidOrder(operation, field="triggers", text=f"{request.kind} has {expected}")
    if list(request.triggers) != sorted(request.triggers):
        raise InvalidOrder(operation, field="triggers", text="the stop comes before the target")
    return {
        "trigger_type": request.kind.value,
        "tradingsymbol": request.symbol,
        "exchange": request.exchange,
        "trigger_values": [as_number(value) for value in request.triggers],
        "last_price": as_number(request.last_price),
        "orders": [
            {
                "transaction_type": leg.side.value,
                "quantity": leg.quantity,
                "order_type": str(leg.order_type),
                "product": str(leg.product),
                "price": as_number(leg.price),
            }
            for leg in request.legs
        ],
    }


def alert_terms(request: AlertRequest) -> dict[str, Any]:
    terms = {
        "name": request.name,
        "type": "simple",
        "lhs_exchange": request.exchange,
        "lhs_tradingsymbol": request.symbol,
        "lhs_attribute": request.attribute,
        "operator": request.operator,
    }
    if request.constant is not None:
        return {**terms, "rhs_type": "constant", "rhs_constant": request.constant}
    return {
        **terms,
        "rhs_type": "instrument",
        "rhs_exchange": request.other_exchange,
        "rhs_tradingsymbol": request.other_symbol,
        "rhs_attribute": request.other_attribute,
    }

"""The lists "intraday only" and "delivery only" in the administration: the operator adds, changes and ends."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit
from accounts.site import AsksForWhatIsShown, actor_of
from orders.instruments.models import Instrument
from orders.product_rules import ProductRule, Source
from tradedesk.times import in_ist

TOLD = ("master", "exchange", "symbol", "kind", "why", "until")


class ProductRuleForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = ProductRule
        fields = TOLD

    def clean_exchange(self) -> str:
        return str(self.cleaned_data["exchange"]).strip().upper()

    def clean_symbol(self) -> str:
        return str(self.cleaned_data["symbol"]).strip().upper()

    def clean(self) -> dict[str, Any] | None:
        terms = super().clean()
        exchange, symbol = self.cleaned_data.get("exchange"), self.cleaned_data.get("symbol")
        if exchange and symbol:
            there = Instrument.objects.filter(exchange=exchange, symbol=symbol)
            if master := self.cleaned_data.get("master"):
                there = there.of(master)
            if not there.exists():
                self.add_error("symbol", f"No list of instruments has {exchange}:{symbol} there.")
        # It is no field of the form, and without it the rule about doubles could not be checked.
        if self.instance.pk is None:
            self.instance.source = Source.OPERATOR
        return terms

    def _get_validation_exclusions(self) -> set[str]:
        return super()._get_validation_exclusions() - {"source"}  # type: ignore[misc, no-any-return]


@admin.register(ProductRule)
class ProductRuleAdmin(AsksForWhatIsShown, admin.ModelAdmin):  # type: ignore[type-arg]
    """What the broker said can only be ended: it would say it again."""

    form = ProductRuleForm
    list_display = ["exchange", "symbol", "kind", "master", "source", "until", "why", "made_at"]
    list_filter = ["kind", "source", "exchange"]
    search_fields = ["symbol"]
    actions = ["end"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        by_broker = obj is not None and obj.source == Source.BROKER
        return not by_broker and super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: ProductRule, form: Any, change: bool) -> None:  # noqa: FBT001
        before = ProductRule.objects.filter(pk=obj.pk).values(*TOLD).first()
        if not change:
            obj.source, obj.made_at = Source.OPERATOR, timezone.now()
        super().save_model(request, obj, form, change)
        note(request, obj, before)

    @admin.action(description="End these today")
    def end(self, request: HttpRequest, chosen: QuerySet[ProductRule]) -> None:
        yesterday = in_ist(timezone.now()).date() - timedelta(days=1)
        for rule in chosen:
            before = {name: getattr(rule, name) for name in TOLD}
            rule.until = yesterday
            rule.save(update_fields=["until"])
            note(request, rule, before)


def note(request: HttpRequest, rule: ProductRule, before: Any) -> None:
    after = {name: getattr(rule, name) for name in TOLD}
    audit.record(
        "product_rule.changed",
        actor=actor_of(request),
        request=request,
        object=f"{rule.exchange}:{rule.symbol}",
        before=before and {name: str(value) for name, value in before.items()},
        after={name: str(value) for name, value in after.items()},
    )

"""The encrypted field: every way in which the package's own loses or leaks, refused."""

import random

import pytest
from cryptography.fernet import Fernet
from django.core import checks, serializers
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, models, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat, Upper
from django.test.utils import isolate_apps
from encrypted_model_fields.fields import EncryptedCharField

from accounts.vault import SealBroken, SealedTextField, check_sealed, seal, unseal

PLACE = "accounts.safe.secret"


@pytest.fixture
def safe(db):
    """A table with two sealed fields, for this test only."""
    with isolate_apps("accounts"):

        class Safe(models.Model):  # noqa: DJ008 - lives for one test
            secret = SealedTextField(null=True)
            other = SealedTextField(null=True)

            class Meta:
                app_label = "accounts"

        with connection.schema_editor() as editor:
            editor.create_model(Safe)
        yield Safe


def stored(model, column="secret"):
    with connection.cursor() as cursor:
        cursor.execute(f"select {column} from {model._meta.db_table}")  # noqa: S608
        return cursor.fetchone()[0]


def test_it_keeps_a_text_and_the_database_cannot_read_it(safe):
    for text in ("token-4711", "", "₹ नमस्ते", "x" * 10_000):
        row = safe.objects.create(secret=text)
        assert safe.objects.get(pk=row.pk).secret == text
        assert "token-4711" not in stored(safe)
        safe.objects.all().delete()


def test_nothing_stays_nothing_and_can_be_asked_for(safe):
    safe.objects.create(secret=None)

    assert stored(safe) is None
    assert safe.objects.filter(secret__isnull=True).count() == 1
    assert safe.objects.get().secret is None


def test_update_with_a_text_seals_it_too(safe):
    safe.objects.create(secret="old")
    safe.objects.update(secret="new")

    assert "new" not in stored(safe)
    assert safe.objects.get().secret == "new"


@pytest.mark.parametrize(
    "value", [F("other"), Value("x"), Concat(F("secret"), Value("x")), Upper("secret"), 7, b"raw", ["x"]]
)  # fmt: skip
def test_expressions_and_other_kinds_are_refused_and_change_nothing(safe, value):
    safe.objects.create(secret="mine", other="theirs")

    with pytest.raises(TypeError), transaction.atomic():
        safe.objects.update(secret=value)

    assert safe.objects.get().secret == "mine"


def test_bulk_update_which_lost_data_is_refused(safe):
    row = safe.objects.create(secret="mine")
    row.secret = "new"

    with pytest.raises(TypeError), transaction.atomic():
        safe.objects.bulk_update([row], ["secret"])

    assert safe.objects.get().secret == "mine"


def test_bulk_create_works(safe):
    safe.objects.bulk_create([safe(secret="a"), safe(secret="b")])

    assert [row.secret for row in safe.objects.order_by("pk")] == ["a", "b"]


@pytest.mark.parametrize("lookup", ["exact", "iexact", "contains", "in", "gt", "startswith", "regex", "length"])  # fmt: skip
def test_it_cannot_be_searched(safe, lookup):
    with pytest.raises(TypeError):
        safe.objects.filter(**{f"secret__{lookup}": "x"}).exists()


def test_get_or_create_does_not_make_twins(safe):
    with pytest.raises(TypeError):
        safe.objects.get_or_create(secret="x")


def test_what_was_sealed_for_another_column_is_refused(safe):
    safe.objects.create(secret="mine", other="theirs")
    with connection.cursor() as cursor:
        cursor.execute(f"update {safe._meta.db_table} set secret = other")  # noqa: S608

    with pytest.raises(SealBroken, match="another place"):
        safe.objects.get()


@pytest.mark.parametrize("planted", ["plain text", "", "gAAAAA", "{}"])
def test_planted_text_is_refused_never_handed_out(safe, planted):
    safe.objects.create(secret="mine")
    with connection.cursor() as cursor:
        cursor.execute(f"update {safe._meta.db_table} set secret = %s", [planted])  # noqa: S608

    with pytest.raises(SealBroken) as caught:
        safe.objects.get()
    assert planted not in str(caught.value) or not planted


def test_a_thousand_changed_bits_are_all_noticed():
    token = seal("secret", PLACE)
    chance = random.Random(4711)
    for _ in range(1000):
        raw = bytearray(token.encode())
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(7)
        if raw.decode("latin1").rstrip("=") == token.rstrip("="):
            continue
        with pytest.raises(SealBroken):
            unseal(raw.decode("latin1"), PLACE)


def test_a_wrong_key_is_an_error_and_several_keys_rotate(safe, settings):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEY = [old]
    row = safe.objects.create(secret="mine")
    settings.FIELD_ENCRYPTION_KEY = [new]
    with pytest.raises(SealBroken):
        safe.objects.get()

    settings.FIELD_ENCRYPTION_KEY = [new, old]
    row = safe.objects.get()
    row.save()
    settings.FIELD_ENCRYPTION_KEY = [new]

    assert safe.objects.get().secret == "mine"


def test_without_a_kept_key_nothing_is_stored_and_the_message_says_what_to_do(safe, settings):
    settings.KEYS_ARE_KEPT = False

    with pytest.raises(ImproperlyConfigured, match=r"start the desk once.*FIELD_ENCRYPTION_KEY"):
        safe.objects.create(secret="mine")


def test_a_form_does_not_open_tokens(safe):
    token = seal("secret", PLACE)

    assert safe._meta.get_field("secret").clean(token, None) == token


def test_dumps_show_stars(safe):
    safe.objects.create(secret="mine")

    assert "mine" not in serializers.serialize("json", safe.objects.all())
    assert '"secret": "***"' in serializers.serialize("json", safe.objects.all())


@isolate_apps("accounts")
def test_the_check_finds_the_packages_own_fields(monkeypatch):
    from django.apps import apps

    class Careless(models.Model):  # noqa: DJ008
        secret = EncryptedCharField(max_length=10)
        sealed = SealedTextField()

        class Meta:
            app_label = "accounts"

    monkeypatch.setattr(apps, "get_models", lambda **options: [Careless])

    assert [error.id for error in check_sealed()] == ["accounts.E001"]


def test_no_model_of_ours_is_careless():
    assert check_sealed in checks.registry.registry.registered_checks
    assert check_sealed() == []

import django.contrib.postgres.indexes
from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0004_engine"),
    ]

    operations = [
        # A trusted extension: the owner of the database may make it.
        TrigramExtension(),
        migrations.AddIndex(
            model_name="instrument",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.indexes.OpClass(models.F("words"), name="gin_trgm_ops"),
                condition=models.Q(
                    models.Q(("expiry", None), ("kind", "FUT"), _connector="OR"),
                    ("is_active", True),
                ),
                fastupdate=False,
                name="instrument_by_nearly_a_word",
            ),
        ),
        migrations.AddIndex(
            model_name="instrument",
            index=models.Index(
                condition=models.Q(("is_active", True)),
                fields=["exchange", "exchange_token"],
                name="instrument_by_exchange_token",
            ),
        ),
    ]

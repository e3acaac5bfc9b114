"""Unhandled errors, so that an operator finds them by the id that the person saw."""

from django.db import models


class Failure(models.Model):
    """One kind of unhandled error, however often it came."""

    fingerprint = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=120)
    place = models.CharField(max_length=200)
    message = models.TextField(blank=True)
    traceback = models.TextField(blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    count = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField(auto_now_add=True)
    last_at = models.DateTimeField(auto_now=True, db_index=True)

    class Meta:
        ordering = ["-last_at"]

    def __str__(self) -> str:
        return f"{self.kind} in {self.place}"

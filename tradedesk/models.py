"""Unhandled errors, so that an operator finds them by the id that the person saw."""

from django.db import models


class FailureQuerySet(models.QuerySet["Failure"]):
    """Unhandled errors."""

    def of_request(self, request_id: str) -> "FailureQuerySet":
        """Keep those whose newest case came in this request; without an id, keep all."""
        return self.filter(request_id__startswith=request_id) if request_id else self.all()


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

    objects = FailureQuerySet.as_manager()

    class Meta:
        ordering = ["-last_at"]

    def __str__(self) -> str:
        return f"{self.kind} in {self.place}"

"""Unhandled errors, so that an operator finds them by the id that the person saw."""

from django.db import models


class FailureQuerySet(models.QuerySet["Failure"]):
    """Unhandled errors."""

    def of_request(self, request_id: str) -> "FailureQuerySet":
        """Keep those of which a case came in this request; without an id, keep all."""
        if not request_id:
            return self.all()
        cases = FailureCase.objects.filter(request_id__startswith=request_id)
        newest = models.Q(request_id__startswith=request_id)
        return self.filter(newest | models.Q(pk__in=cases.values("failure")))


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


class FailureCase(models.Model):
    """One case of an error, so that whatever number a person saw leads to it."""

    failure = models.ForeignKey(Failure, models.CASCADE, related_name="cases")
    request_id = models.CharField(max_length=64, db_index=True)
    place = models.CharField(max_length=200)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.request_id

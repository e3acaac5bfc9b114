"""What stands in for a mail server where the operator has none."""

import logging
from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

logger = logging.getLogger(__name__)


class NoServer(BaseEmailBackend):
    """Send nothing and say so: links come by command, `reset_link` and `invite`."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            logger.warning("no mail server is set: %r was not sent", message.subject)
        return 0

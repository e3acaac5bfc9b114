"""What the style page shows. The only invented figures of the product are here."""

from typing import Any


def everything() -> dict[str, Any]:
    return {}

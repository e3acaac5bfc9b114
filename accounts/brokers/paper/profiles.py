"""What Kite tells an app about its user."""

from typing import Any

from .state import Account, Session
from .units import stamp

EXCHANGES = ["NSE", "BSE", "NFO", "BFO", "CDS", "MCX"]
PRODUCTS = ["CNC", "NRML", "MIS", "MTF", "CO"]
ORDER_TYPES = ["MARKET", "LIMIT", "SL", "SL-M"]


def profile(account: Account) -> dict[str, Any]:
    """The profile."""
    return {
        "user_id": account.user_id,
        "user_type": "individual",
        "email": f"{account.user_id.lower()}@paper.example",
        "user_name": account.name,
        "user_shortname": account.name.split()[0] if account.name.split() else account.user_id,
        "broker": "ZERODHA",
        "exchanges": list(EXCHANGES),
        "products": list(PRODUCTS),
        "order_types": list(ORDER_TYPES),
        "avatar_url": None,
        "meta": {"demat_consent": "consent" if account.poa else ""},
    }


def full_profile(account: Account) -> dict[str, Any]:
    """The profile with what only the owner sees."""
    return profile(account) | {
        "twofa_type": "totp",
        "phone": "*0000",
        "bank_accounts": [{"name": "PAPER BANK", "branch": "", "account": "*0000"}],
        "dp_ids": ["1208160000000000"],
        "pan": "*000P",
        "tags": [],
        "password_timestamp": stamp(account.opened_at),
        "twofa_timestamp": stamp(account.opened_at),
        "meta": {
            "poa": "physical" if account.poa else "",
            "silo": "",
            "account_blocks": [],
        },
    }


def session_object(account: Account, session: Session) -> dict[str, Any]:
    """What a login answers."""
    return profile(account) | {
        "avatar_url": "",
        "api_key": session.api_key,
        "access_token": session.access_token,
        "public_token": session.public_token,
        "enctoken": "",
        "refresh_token": session.refresh_token,
        "silo": "",
        "login_time": stamp(session.created_at),
    }

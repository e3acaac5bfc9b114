"""The options of the paper exchange, shared by its two ways of being started."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROFILES: Final = ("kite", "kite-sandbox", "compat2019")
CLOCKS: Final = ("open", "real", "manual")
PRICES: Final = ("walk", "external")

# What nobody could tell for certain about the real exchange. A profile has its own choice for
# each; where the doors decide, it is the first value.
SWITCH: Final = ("off", "on")
WHEN: Final = ("sync", "async")
RULES: Final = {
    "rate_limits": ("on", "off"),
    "fourth_socket": ("refuse", "evict"),
    "relogin": ("same_token", "new_token_old_valid", "new_token_old_revoked"),
    "refresh_tokens": SWITCH,
    "ragged_expiry": SWITCH,
    "autoslice_array": SWITCH,
    "no_funds": WHEN,
    "no_holdings": WHEN,
    "outside_band": WHEN,
    "above_freeze": WHEN,
    "wrong_side_trigger": WHEN,
}
# These are kept at the doors; the exchange itself knows nothing of them.
DOOR_RULES: Final = {"rate_limits", "fourth_socket"}


@dataclass(frozen=True, slots=True)
class Options:
    """How one paper exchange is to run."""

    port: int = 8100
    home: Path = Path("var/paper")
    profile: str = "kite"
    clock: str = "open"
    seed: int = 1
    prices: str = "walk"
    host: str = "127.0.0.1"
    rules: tuple[tuple[str, str], ...] = ()

    def rule(self, name: str) -> str:
        return dict(self.rules).get(name, RULES[name][0])

    def exchange_rules(self) -> dict[str, str | bool]:
        """The chosen rules that the exchange itself follows."""
        chosen = {name: value for name, value in self.rules if name not in DOOR_RULES}
        return {
            name: value == "on" if RULES[name] == SWITCH else value
            for name, value in chosen.items()
        }


def port_number(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65_535:
        raise argparse.ArgumentTypeError("a port lies between 0 and 65535")
    return number


def one_rule(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if value not in RULES.get(name, ()):
        known = "; ".join(f"{key}={'|'.join(values)}" for key, values in RULES.items())
        raise argparse.ArgumentTypeError(f"known rules are {known}")
    return name, value


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Teach a parser the options of the exchange."""
    parser.add_argument("--port", type=port_number, default=8100, help="where to listen")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--home", type=Path, default=Path("var/paper"), help="where to keep state")
    parser.add_argument("--profile", choices=PROFILES, default="kite", help="whose rules to follow")
    parser.add_argument("--clock", choices=CLOCKS, default="open", help="when markets are open")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same prices")
    parser.add_argument("--prices", choices=PRICES, default="walk", help="where prices come from")
    parser.add_argument(
        "--rule",
        dest="rules",
        action="append",
        type=one_rule,
        default=[],
        metavar="NAME=VALUE",
        help="decide what is uncertain about the real exchange",
    )


def read_options(values: dict[str, object]) -> Options:
    """The options out of what an argument parser found."""
    names = ("port", "home", "profile", "clock", "seed", "prices", "host")
    chosen = {name: values[name] for name in names}
    rules = values["rules"]
    assert isinstance(rules, list)
    return Options(**chosen, rules=tuple(rules))  # type: ignore[arg-type]

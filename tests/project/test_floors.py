"""The house has floors: what stands below knows nothing of what stands above."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# From the top down: a floor may import itself and what stands below it.
FLOORS = ["streaming", "portfolio", "orders", "accounts", "accounts.brokers"]
# What everyone may use of the project, and what only the wiring on top may.
SHARED = {
    "tradedesk", "tradedesk.settings", "tradedesk.env", "tradedesk.home", "tradedesk.http", "tradedesk.live",
    "tradedesk.logs", "tradedesk.metrics", "tradedesk.money", "tradedesk.requests", "tradedesk.templatetags",
    "tradedesk.commands", "tradedesk.errors", "tradedesk.times", "tradedesk.models", "tradedesk.pulse",
    "tradedesk.spreadsheets", "tradedesk.database", "tradedesk.asking",
    "tradedesk.health", "tradedesk.lives", "tradedesk.memory", "tradedesk.signs",
}  # fmt: skip
TOP_LEVEL = {"tradedesk", "accounts", "orders", "portfolio", "streaming", "tests"}


def floor_of(module):
    if module == "accounts.brokers" or module.startswith("accounts.brokers."):
        return "accounts.brokers"
    return module.split(".")[0]


def imports_of(file):
    """Every module that a file imports when it runs; what only the type checker reads is apart."""
    tree = ast.parse(file.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = absolute(node, file)
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def absolute(node, file):
    """Spell out where a relative import points."""
    if not node.level:
        return node.module
    package = file.relative_to(ROOT).parts[: -node.level]
    return ".".join([*package, *filter(None, [node.module])])


def modules(folder):
    for file in sorted((ROOT / folder).rglob("*.py")):
        yield ".".join(file.relative_to(ROOT).with_suffix("").parts), file


def broken_floors(name, file):
    mine = FLOORS.index(floor_of(name))
    for imported in imports_of(file):
        floor = floor_of(imported)
        if floor in FLOORS and FLOORS.index(floor) < mine:
            yield f"{name} imports {imported}, which stands above it"
        if imported.startswith("tradedesk.") and not is_shared(imported):
            yield f"{name} imports {imported}, which is wiring"


def is_shared(module):
    return any(
        module == shared or module.startswith(shared + ".") for shared in SHARED - {"tradedesk"}
    )


@pytest.mark.parametrize("app", ["streaming", "portfolio", "orders", "accounts"])
def test_imports_go_one_way(app):
    assert [line for name, file in modules(app) for line in broken_floors(name, file)] == []


def test_the_check_finds_a_broken_floor(tmp_path):
    file = tmp_path / "bad.py"
    file.write_text(
        "from portfolio.models import Position\nfrom tradedesk.urls import urlpatterns\n"
    )

    assert len(list(broken_floors("accounts.bad", file))) == 4


def test_brokers_know_no_model_and_no_django():
    found = [
        f"{name} imports {imported}"
        for name, file in modules("accounts/brokers")
        for imported in imports_of(file)
        if imported.split(".")[0] == "django" or imported == "accounts.models"
    ]
    assert found == []


def test_the_top_level_is_the_users():
    folders = {path.parent.name for path in ROOT.glob("*/*.py")} | {
        path.name
        for path in ROOT.iterdir()
        if path.is_dir() and list(path.rglob("__init__.py"))[:1]
    }
    assert {name for name in folders if not name.startswith(".")} - {"var"} <= TOP_LEVEL

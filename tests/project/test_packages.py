"""Every package of the user's card is in the lock and at work in the product."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# The package, and the module that shows it at work.
CARD = {
    "django": "django",
    "channels": "channels",
    "daphne": "daphne",
    "kiteconnect": "kiteconnect",
    "django-htmx": "django_htmx",
    "celery": "celery",
    "redis": "redis",
    "psycopg": "psycopg",
    "django-encrypted-model-fields": "encrypted_model_fields",
    "pyotp": "pyotp",
    "pytest-django": "pytest_django",
}
LOCK = (ROOT / "requirements.txt").read_text()


def imported_modules():
    for file in ROOT.rglob("*.py"):
        if ".venv" in file.parts or "var" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.split(".")[0]


@pytest.mark.parametrize("package", CARD)
def test_the_lock_pins_every_package_of_the_card_with_hashes(package):
    assert re.search(rf"^{package}==\S+.*\\\n    --hash=sha256:", LOCK, re.M)


def test_the_lock_says_in_its_first_line_how_it_is_installed():
    assert LOCK.splitlines()[0].startswith("# Install with: pip install --no-deps --require-hashes")


def test_every_direct_dependency_states_its_reason():
    lines = [
        line for line in (ROOT / "requirements.in").read_text().splitlines() if line[:1].isalpha()
    ]

    assert len(lines) > 20
    assert [line for line in lines if "  # " not in line] == []


def test_no_file_names_a_package_host():
    hosts = re.compile(r"pypi\.org|pythonhosted|npmjs|unpkg|jsdelivr|crates\.io")
    folders = [".ci", "docs", "tradedesk", "accounts", "orders", "portfolio", "streaming", "templates", "static/css", "static/js"]  # fmt: skip
    files = [*ROOT.glob("*.*"), *(file for name in folders for file in (ROOT / name).rglob("*"))]
    binary = {".png", ".pyc"}

    assert [
        str(file)
        for file in files
        if file.is_file() and file.suffix not in binary and hosts.search(file.read_text())
    ] == []


def test_the_product_uses_the_lock_it_names():
    from importlib.metadata import version

    for package in CARD:
        assert f"\n{package}=={version(package)} " in LOCK

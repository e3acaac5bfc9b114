"""The vendored files are those that their README names, and nothing asks another host."""

import hashlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = [ROOT / "static/vendor", ROOT / "tests/e2e/vendor"]
LINE = re.compile(r"^\| `([^`]+)` \|.* \| `([0-9a-f]{64})` \|$", re.MULTILINE)


def listed(folder):
    return dict(LINE.findall((folder / "README.md").read_text()))


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_every_vendored_file_is_listed_with_its_hash(folder):
    found = {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file() and file.name != "README.md"
    }

    assert listed(folder) == found


def test_our_own_files_name_no_other_host():
    ours = [
        *ROOT.glob("templates/**/*.html"),
        *ROOT.glob("static/css/*.css"),
        *ROOT.glob("static/js/*.js"),
    ]
    namespace = "http://www.w3.org/"

    named = {
        (file.name, address)
        for file in ours
        for address in re.findall(r"(?:https?:)?//[\w.-]+\.[a-z]{2,}[\w/.-]*", file.read_text())
        if not address.startswith(namespace)
    }

    assert named == set()


def test_the_sprite_has_every_icon_that_is_drawn():
    sprite = (ROOT / "static/vendor/lucide-1.62.0/sprite.svg").read_text()
    there = set(re.findall(r'<symbol id="([\w-]+)"', sprite))
    sources = [*ROOT.glob("templates/**/*.html"), *ROOT.glob("tradedesk/**/*.py")]
    drawn = {
        name
        for file in sources
        for name in re.findall(
            r"""(?:icon |icon_name=|icon=)"([a-z][a-z0-9-]+)\"""", file.read_text()
        )
    }

    assert drawn <= there
    assert len(drawn) > 20


def test_scripts_stay_within_their_budget():
    sizes = {file.name: file.stat().st_size for file in ROOT.glob("static/js/*.js")}

    assert sum(sizes.values()) < 40_000
    assert sizes["socket.js"] < 4_000


def test_every_module_is_fetched_before_it_is_asked_for():
    base = (ROOT / "templates/base.html").read_text()
    modules = {file.stem for file in ROOT.glob("static/js/*.js")} - {
        "desk",
        "passkeys",
    }  # its own page asks for passkeys

    assert set(re.findall(r'modulepreload" href="{% static "js/(\w+)\.js" %}"', base)) == modules

"""manage.py on a machine that has only Python: a folder of its own, without environment or home."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# One small package stands for the lock: what is tested is how it is installed, not what.
SMALL_LOCK = (
    "six==1.17.0 \\\n"
    "    --hash=sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274 \\\n"
    "    --hash=sha256:ff70335d468e7eb6ec65b95b99d3a2836546063f63acc5171de367e834932a81\n"
)


@pytest.fixture
def checkout(tmp_path):
    """A checkout whose command only says which Python runs it."""
    folder = tmp_path / "checkout"
    (folder / "tradedesk").mkdir(parents=True)
    shutil.copy(ROOT / "manage.py", folder)
    (folder / "requirements.txt").write_text(SMALL_LOCK)
    (folder / "tradedesk" / "__init__.py").touch()
    (folder / "tradedesk" / "commands.py").write_text(
        "import sys, six\n\ndef run(arguments):\n    print('ran', arguments[1:], sys.prefix)\n"
    )
    return folder


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRADEDESK")}
    return kept | more


def manage(checkout, *arguments, python=sys.executable, **more):
    return subprocess.run(
        [python, str(checkout / "manage.py"), *arguments],
        env=environment(**more), capture_output=True, text=True, cwd="/",
    )  # fmt: skip


def test_the_first_call_makes_the_environment_and_goes_on_inside_it(checkout):
    ran = manage(checkout, "hello", "--there")

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == f"ran ['hello', '--there'] {checkout / '.venv'}\n"
    assert "installing 1 packages" in ran.stderr


def test_the_second_call_is_silent_and_quick(checkout):
    manage(checkout, "hello")
    began = time.perf_counter()

    ran = manage(checkout, "hello")

    assert ran.stderr == ""
    assert ran.stdout.startswith("ran ['hello']")
    assert time.perf_counter() - began < 5  # a sanity limit; the bench measures


def test_a_changed_lock_is_installed_before_the_command_runs(checkout):
    manage(checkout, "hello")
    (checkout / "requirements.txt").write_text("# newer\n" + SMALL_LOCK)

    assert "installing 1 packages" in manage(checkout, "hello").stderr
    assert manage(checkout, "hello").stderr == ""


def test_two_calls_at_once_install_once(checkout):
    command = [sys.executable, str(checkout / "manage.py"), "hello"]
    both = [
        subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]  # fmt: skip
    words = [process.communicate(timeout=120) for process in both]

    assert [process.returncode for process in both] == [0, 0], words
    assert sum("installing" in error for _, error in words) == 1
    assert all(output.startswith("ran ['hello']") for output, _ in words)


def test_a_half_made_environment_is_told_why_and_completed(checkout):
    subprocess.run([sys.executable, "-m", "venv", str(checkout / ".venv")], check=True)

    ran = manage(checkout, "hello")

    assert ran.returncode == 0, ran.stderr
    assert "is half-made" in ran.stderr
    assert "pip install --no-deps --require-hashes -r requirements.txt" in ran.stderr


def test_a_lock_with_a_wrong_hash_is_not_installed(checkout):
    (checkout / "requirements.txt").write_text(
        SMALL_LOCK.replace("4721f391", "00000000").replace("ff70335d", "00000000")
    )

    ran = manage(checkout, "hello")

    assert ran.returncode == 1
    assert "pip could not install the lock" in ran.stderr
    assert "ran" not in ran.stdout
    assert "Traceback" not in ran.stderr


def test_without_a_fitting_python_one_line_says_what_to_do(checkout, tmp_path):
    old = tmp_path / "bin"
    old.mkdir()
    shutil.copy("/usr/bin/env", old / "env")
    hidden = {"PATH": str(old), "PYENV_ROOT": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    code = (
        "import sys; sys.version_info = (3, 9, 0, 'final', 0); sys.argv = ['manage.py', 'hello'];"
        f"sys.path.insert(0, {str(checkout)!r}); import manage; manage.main()"
    )

    ran = subprocess.run([sys.executable, "-c", code], env=hidden, capture_output=True, text=True)

    assert ran.returncode == 1
    assert (
        ran.stderr
        == "tradedesk: needs Python 3.12 or newer (best 3.13), and found none. Install it and run this again\n"
    )


def test_a_python_without_venv_is_named_with_the_remedy(checkout, tmp_path):
    crippled = tmp_path / "bin" / "python3.13"
    crippled.parent.mkdir()
    crippled.write_text('#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\nexit 0\n')
    crippled.chmod(0o755)
    hidden = {
        "PATH": f"{crippled.parent}:/bin:/usr/bin",
        "PYENV_ROOT": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path),
    }
    code = (
        "import sys; sys.version_info = (3, 9, 0, 'final', 0); sys.argv = ['manage.py', 'hello'];"
        f"sys.path.insert(0, {str(checkout)!r}); import manage; manage.main()"
    )

    ran = subprocess.run([sys.executable, "-c", code], env=hidden, capture_output=True, text=True)

    assert ran.returncode == 1
    assert f"{crippled} has no venv or no ensurepip" in ran.stderr
    assert "python3.13-venv" in ran.stderr


def test_a_place_that_cannot_be_written_gets_a_clear_answer(checkout):
    (checkout / "file").write_text("in the way")

    ran = manage(checkout, "hello", TRADEDESK_VENV=str(checkout / "file" / "venv"))

    assert ran.returncode == 1
    assert "cannot write the environment" in ran.stderr
    assert "TRADEDESK_VENV=/some/folder" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_environment_may_lie_elsewhere(checkout, tmp_path):
    ran = manage(checkout, "hello", TRADEDESK_VENV=str(tmp_path / "elsewhere"))

    assert ran.stdout == f"ran ['hello'] {tmp_path / 'elsewhere'}\n"
    assert not (checkout / ".venv").exists()

#!/usr/bin/env python3
"""Tradedesk's one command: makes its own environment when needed, then does what was asked."""

import os
import sys

TYPE_CHECKING = False  # what is not needed to go on is imported where it is: most calls only go on
if TYPE_CHECKING:
    from typing import NoReturn

HERE = os.path.dirname(os.path.abspath(__file__))
LOCK = os.path.join(HERE, "requirements.txt")
ENVIRONMENT = os.path.abspath(os.environ.get("TRADEDESK_VENV") or os.path.join(HERE, ".venv"))
PYTHON = os.path.join(ENVIRONMENT, "bin", "python")
INSTALLED = os.path.join(ENVIRONMENT, "requirements.txt")  # the lock as it was installed
PIN = (
    "kiteconnect asks for an autobahn of 2019 that no current web server accepts, so the lock is "
    "installed with: pip install --no-deps --require-hashes -r requirements.txt"
)


def main() -> None:
    if not is_ready():
        make_environment()
    if os.path.realpath(sys.prefix) != os.path.realpath(ENVIRONMENT):
        os.execv(PYTHON, [PYTHON, os.path.abspath(__file__), *sys.argv[1:]])
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradedesk.settings")
    if sys.argv[1:2] == ["test"]:
        os.chdir(HERE)
        os.execv(PYTHON, [PYTHON, "-m", "pytest", *sys.argv[2:]])
    from tradedesk.commands import run

    run(sys.argv)


def is_ready() -> bool:
    """Tell whether the environment holds exactly what the lock names."""
    try:
        with open(LOCK, "rb") as lock, open(INSTALLED, "rb") as installed:
            return lock.read() == installed.read() and os.access(PYTHON, os.X_OK)
    except OSError:
        return False


def make_environment() -> None:
    """Install the lock, once, however many commands start at the same time."""
    import fcntl
    import subprocess

    try:
        os.makedirs(os.path.dirname(ENVIRONMENT), exist_ok=True)
        guard = open(ENVIRONMENT + ".lock", "w")
    except OSError as error:
        stop(
            f"cannot write the environment to {ENVIRONMENT}: {error.strerror}. Make its folder writable, or name another "
            "place: TRADEDESK_VENV=/some/folder"
        )
    fcntl.flock(guard, fcntl.LOCK_EX)
    if is_ready():
        return  # another command was first
    if os.path.isdir(ENVIRONMENT) and not os.path.exists(INSTALLED):
        say(f"the environment in {ENVIRONMENT} is half-made. {PIN}")
    if not os.access(PYTHON, os.X_OK) or not works(PYTHON):
        python = find_python()
        say(f"making {ENVIRONMENT} with {python}")
        if subprocess.call([python, "-m", "venv", "--clear", ENVIRONMENT], stdout=sys.stderr):
            stop("the environment could not be made; the reason stands above")
    install()


def install() -> None:
    """Run pip over the lock and keep a copy of what was installed."""
    import re
    import subprocess

    with open(LOCK, "rb") as file:
        lock = file.read()
    total = len(re.findall(rb"^\S+==", lock, re.M))
    pip = [PYTHON, "-m", "pip", "install", "--no-deps", "--require-hashes", "-r", LOCK]
    say(f"installing {total} packages, a minute or two the first time")
    settings = dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1")
    lines: list[str] = []
    with subprocess.Popen(
        pip, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=settings
    ) as process:
        for line in process.stdout or ():
            lines.append(line.rstrip())
            if sys.stderr.isatty():
                count = sum(
                    seen.startswith(("Collecting", "Requirement already")) for seen in lines
                )
                sys.stderr.write(f"\r  {min(count, total)} of {total} ")
                sys.stderr.flush()
    if process.returncode:
        say("\n".join(["", *lines[-12:]]))
        stop("pip could not install the lock; its last words stand above")
    with open(INSTALLED + ".new", "wb") as file:
        file.write(lock)
    os.replace(INSTALLED + ".new", INSTALLED)
    say("ready")


def find_python() -> str:
    """Find Python 3.13, else 3.12, else a newer one: on the PATH, pyenv's, uv's."""
    import glob
    import shutil

    home = os.path.expanduser
    pyenv = os.environ.get("PYENV_ROOT") or home("~/.pyenv")
    data = os.environ.get("XDG_DATA_HOME") or home("~/.local/share")
    uv = os.environ.get("UV_PYTHON_INSTALL_DIR") or os.path.join(data, "uv", "python")
    crippled = None
    for minor in (13, 12, 14, 15, 16):
        name = f"python3.{minor}"
        found = [shutil.which(name)]
        found += sorted(glob.glob(os.path.join(pyenv, "versions", f"3.{minor}.*", "bin", name)))
        found += sorted(glob.glob(os.path.join(uv, f"cpython-3.{minor}*", "bin", name)))
        if sys.version_info[:2] == (3, minor):
            found.append(sys.executable)
        for python in filter(None, found):
            if works(python):
                return python
            if works(python, "import sys"):
                crippled = python
    if crippled:
        stop(
            f"{crippled} has no venv or no ensurepip. Install them (Debian and Ubuntu: apt install "
            "python3-venv, or python3.13-venv by its version)"
        )
    return stop(
        "needs Python 3.12 or newer (best 3.13), and found none. Install it and run this again"
    )


def works(
    python: str, code: str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))"
) -> bool:
    """Tell whether this interpreter starts and can run the code."""
    import subprocess

    try:
        return not subprocess.call([python, "-c", code], stderr=subprocess.DEVNULL)
    except OSError:
        return False


def say(text: str) -> None:
    sys.stderr.write(f"tradedesk: {text}\n")
    sys.stderr.flush()


def stop(text: str) -> "NoReturn":
    sys.exit("tradedesk: " + text)


if __name__ == "__main__":
    main()

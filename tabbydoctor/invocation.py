"""How the doctor is called: what is printed must work where it is pasted.

`sudo` looks for programs on its own path (`secure_path`, sudoers(5)), not on the caller's: a
doctor in somebody's virtual environment is not found there, and is called by its whole path.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys

NAME = "tabbydoctor"
SECURE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The usual `secure_path` of sudoers(5)."""
_AS_ACCOUNT = re.compile(r"(?<![\w./-])sudo(edit)? (?:-H )?-u (\S+) (?:-- )?(?=(\w+=)?)")
_AS_ROOT = re.compile(r"(?<![\w./-])sudo (?!-)")
_EDITOR = re.compile(r"(?<![\w./-])sudoedit (?!-)")
_EDIT = '"${EDITOR:-vi}" '


def invocation(arguments: str, *, root: bool = False) -> str:
    """The command line that runs this doctor with these arguments, as root where that is needed."""
    sudo = root and not root_shell()
    path = SECURE_PATH if sudo else os.environ.get("PATH", os.defpath)
    return f"{'sudo ' if sudo else ''}{called(program(), path)} {arguments}"


def root_shell() -> bool:
    """Whether what is printed is pasted into a shell of root's own: where sudo was not used to come
    here, it may not even be installed.
    """
    return os.geteuid() == 0 and "SUDO_USER" not in os.environ


def typed(command: str) -> str:
    """A command as it is typed by who runs the doctor: root's shell needs no sudo (runuser(1))."""
    if not root_shell():
        return command

    def as_account(found: re.Match[str]) -> str:
        start = _EDIT if found[1] else "env " if found[3] else ""  # sudo alone takes `NAME=value`
        return f"runuser -u {found[2]} -- {start}"

    command = _AS_ACCOUNT.sub(as_account, command)
    return _EDITOR.sub(_EDIT, _AS_ROOT.sub("", command))


def again(arguments: str) -> str:
    """The command line for the account that runs the doctor now: what root did, root takes back."""
    return invocation(arguments, root=os.geteuid() == 0)


def program() -> tuple[str, ...]:
    """The words that start the doctor that runs: its command, else its interpreter's module."""
    given = os.path.abspath(sys.argv[0]) if sys.argv and sys.argv[0] else ""
    if zipped():
        return (given,) if _runs(given) else (sys.executable, given)
    beside = os.path.join(os.path.dirname(sys.executable), NAME)
    for command in (given, beside):
        if os.path.basename(command) == NAME and _runs(command):
            return (command,)
    return (sys.executable or "python3", "-P", "-m", NAME)


def zipped() -> bool:
    """Whether the doctor is one file (zipapp, PEP 441): shiv unpacks it and goes on from there."""
    main = getattr(sys.modules.get("__main__"), "__file__", None) or ""
    return os.path.basename(main) == "__main__.py" and os.path.isfile(os.path.dirname(main))


def own_imports() -> dict[str, str]:
    """An environment in which `sys.executable` imports the doctor, though it came as one file."""
    if not zipped():
        return dict(os.environ)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(os.path.isabs, sys.path))}


def called(program: tuple[str, ...], path: str) -> str:
    """The name alone where the search path leads to this very program, else its whole path."""
    found = shutil.which(NAME, path=path)
    if found is not None and os.path.realpath(found) == os.path.realpath(program[0]):
        return NAME
    return shlex.join(program)


def _runs(command: str) -> bool:
    return os.path.isfile(command) and os.access(command, os.X_OK)

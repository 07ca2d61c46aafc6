"""A throw-away machine: a real systemd as PID 1 of its own namespaces (see boot.sh)."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.lab import snapshot
from tests.lab.snapshot import FileState

BOOT_SCRIPT = Path(__file__).with_name("boot.sh")
UNAVAILABLE = 77  # boot.sh: a lab cannot be had here, as opposed to: it failed
SYSTEM_UNITS = "/etc/systemd/system"
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}


class LabUnavailableError(Exception):
    """This machine cannot host the lab; the message says why."""


class BootError(Exception):
    """The lab should have started and did not; the message says why."""


class CommandError(Exception):
    """A command inside the machine exited with another code than 0."""

    def __init__(self, completed: "subprocess.CompletedProcess[str]") -> None:
        self.completed = completed
        output = completed.stdout + completed.stderr
        super().__init__(f"exit code {completed.returncode}: {completed.args}\n{output}")


class Machine:
    """One booted machine. Make it with `Machine.boot`, end it with `close` (or a `with` block).

    Everything written to it lives in memory and is gone with it; the real machine is only the
    read-only ground below. Paths are always paths inside.
    """

    def __init__(self, scratch: Path, shown: Sequence[Path]) -> None:
        self._scratch = scratch
        self._shown = tuple(shown)
        self._supervisor, self._pid = _boot(scratch, self._shown)
        self._await_boot()

    @classmethod
    def boot(cls, scratch: Path, shown: Sequence[Path] = ()) -> "Machine":
        """Boot one in about half a second; `scratch` is an empty directory outside.

        `shown` directories appear inside, read-only, whatever filesystem they are on.

        Raises:
            LabUnavailableError: not root, no namespaces, no systemd.
            BootError: everything seemed to be there, and yet it did not come up.
        """
        return cls(scratch, shown)

    def reset(self) -> None:
        """Make it as new: the power is cut and the machine boots again on a fresh overlay."""
        self.close()
        self._supervisor, self._pid = _boot(self._scratch, self._shown)
        self._await_boot()

    def reboot(self, *, orderly: bool = True) -> None:
        """Boot again with everything on disk kept: as `systemctl reboot` does, or the power cut."""
        if orderly:
            self.run(["systemctl", "reboot", "--no-block"])
        assert self._supervisor.stdin is not None
        self._supervisor.stdin.write("reboot\n" if orderly else "power\n")
        self._supervisor.stdin.flush()
        self._pid = _ready(self._supervisor)
        self._await_boot()

    def close(self) -> None:
        """End it and everything in it; to close twice is fine."""
        if self._supervisor.stdin is not None:
            self._supervisor.stdin.close()
        self._supervisor.wait(timeout=30)
        for stream in (self._supervisor.stdout, self._supervisor.stderr):
            if stream is not None:
                stream.close()

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _await_boot(self) -> None:
        state = self.run(["systemctl", "is-system-running", "--wait"], check=False).stdout.strip()
        if state != "running":
            failed = self.run(["systemctl", "--failed", "--plain"], check=False).stdout
            self.close()
            raise BootError(f"systemd settled as {state!r}:\n{failed}")

    # Commands

    @property
    def enter(self) -> list[str]:
        """What goes before a command outside for it to run inside, with no clean environment."""
        return ["nsenter", f"--target={self._pid}", "--all", "--"]

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        user: str | None = None,
        env: Mapping[str, str] | None = None,
        input: str | bytes | None = None,
        timeout: float = 60,
        check: bool = True,
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command inside, as root or as `user` with that user's groups and home.

        The environment is a clean one plus `env`; standard input is empty or `input`;
        `timeout` is in seconds.

        Raises:
            CommandError: it exited with another code than 0, and `check` is true.
            subprocess.TimeoutExpired: it ran too long, and was killed.
        """
        environment = {**ENVIRONMENT, "HOME": "/root", "USER": "root"}
        command = [str(word) for word in argv]
        if user is not None:
            uid, gid, home, shell = self._account(user)
            environment |= {"HOME": home, "USER": user, "LOGNAME": user, "SHELL": shell}
            become = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--init-groups"]
            command = [*become, "--inh-caps=-all", "--", *command]
        completed = self._execute(command, {**environment, **(env or {})}, _bytes(input), timeout)
        result = subprocess.CompletedProcess(
            [str(word) for word in argv],
            completed.returncode,
            completed.stdout.decode("utf-8", "replace"),
            completed.stderr.decode("utf-8", "replace"),
        )
        if check and result.returncode != 0:
            raise CommandError(result)
        return result

    def _execute(
        self, command: list[str], environment: dict[str, str], input: bytes | None, timeout: float
    ) -> "subprocess.CompletedProcess[bytes]":
        with subprocess.Popen(
            [*self.enter, *command],
            env=environment,
            stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                output, errors = process.communicate(input, timeout)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)  # nsenter's child does not end with nsenter
                raise
        return subprocess.CompletedProcess(command, process.returncode, output, errors)

    def _account(self, user: str) -> tuple[str, str, str, str]:
        entry = self.run(["getent", "passwd", user]).stdout.rstrip("\n").split(":")
        return entry[2], entry[3], entry[5], entry[6]

    # Files

    def write(
        self, path: str | Path, content: str | bytes, mode: int = 0o644, owner: str = "root:root"
    ) -> None:
        """Write a new file (or replace one), its missing directories made as root's."""
        account, _, group = owner.partition(":")
        ownership = [f"--owner={account}", f"--group={group or account}", f"--mode={mode:o}"]
        self.run(["install", "-D", *ownership, "/dev/stdin", path], input=content)

    def mkdir(self, path: str | Path, mode: int = 0o755, owner: str = "root:root") -> None:
        """Make a directory; `mode` and `owner` apply to the last part of the path."""
        account, _, group = owner.partition(":")
        ownership = [f"--owner={account}", f"--group={group or account}", f"--mode={mode:o}"]
        self.run(["install", "-d", *ownership, path])

    def read(self, path: str | Path) -> str:
        """The text of a file.

        Raises:
            CommandError: it is missing.
        """
        return self.run(["cat", path]).stdout

    def exists(self, path: str | Path) -> bool:
        """Whether something, a dangling link too, is there."""
        return self.run(["test", "-e", path, "-o", "-L", path], check=False).returncode == 0

    def remove(self, *paths: str | Path) -> None:
        """Remove files, and directories with all in them; missing ones are fine."""
        self.run(["rm", "-rf", "--", *paths])

    def snapshot(self, paths: Sequence[str | Path]) -> dict[str, FileState]:
        """The exact state of the paths and of everything below them, links not followed."""
        source = Path(snapshot.__file__).read_bytes()
        return snapshot.parse(
            self.run(["/usr/bin/python3", "-I", "-", *paths], input=source).stdout
        )

    # Accounts

    def useradd(
        self,
        name: str,
        groups: Sequence[str] = (),
        shell: str = "/bin/bash",
        home_mode: int = 0o755,
    ) -> None:
        """Add an account that has its own group, a home, and the extra `groups`."""
        for group in groups:
            self.run(["groupadd", "--force", "--system", group])
        options = [
            f"--shell={shell}",
            f"--key=HOME_MODE=0{home_mode:o}",
            "--groups",
            ",".join(groups),
        ]
        self.run(["useradd", "--create-home", "--user-group", *options, name])

    # systemd

    def systemctl(self, *arguments: str, check: bool = True) -> str:
        """Run systemctl and give its output."""
        return self.run(["systemctl", *arguments], check=check).stdout

    def unit(self, name: str, text: str, *, reload: bool = True) -> None:
        """Write a unit file; without `reload` systemd does not know of the change yet."""
        self.write(f"{SYSTEM_UNITS}/{name}", text)
        if reload:
            self.systemctl("daemon-reload")

    def dropin(self, unit: str, text: str, *, name: str = "lab", reload: bool = True) -> None:
        """Write a drop-in of a unit."""
        self.unit(f"{unit}.d/{name}.conf", text, reload=reload)

    def property(self, unit: str, name: str) -> str:
        """One property of a unit, such as `ActiveState` or `Result`."""
        return self.systemctl("show", "--value", f"--property={name}", unit).rstrip("\n")

    def journal(self, unit: str) -> list[dict[str, Any]]:
        """The journal's entries of a unit, all written so far."""
        self.run(["journalctl", "--sync"])
        lines = self.run(["journalctl", "--unit", unit, "--output=json"]).stdout.splitlines()
        return [json.loads(line) for line in lines]

    def wait_for(self, predicate: Callable[[], bool], why: str, deadline: float = 20) -> None:
        """Poll until `predicate` holds, for at most `deadline` seconds.

        Raises:
            TimeoutError: it never held; the message has `why` and the end of the journal.
        """
        end = time.monotonic() + deadline
        while not predicate():
            if time.monotonic() > end:
                last = self.run(["journalctl", "--lines=40", "--no-pager"], check=False).stdout
                raise TimeoutError(f"waited {deadline} s for {why}; the journal ends:\n{last}")
            time.sleep(0.05)


def _boot(scratch: Path, shown: Sequence[Path]) -> "tuple[subprocess.Popen[str], int]":
    """Start boot.sh; the machine lives while this process keeps its standard input open."""
    supervisor = subprocess.Popen(
        ["bash", BOOT_SCRIPT, scratch, *shown],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # an interrupt at the terminal is the tests' to handle
    )
    return supervisor, _ready(supervisor)


def _ready(supervisor: "subprocess.Popen[str]") -> int:
    """Wait until systemd answers; gives its process."""
    assert supervisor.stdout is not None
    answer = supervisor.stdout.readline().split()
    if answer[:1] == ["ready"]:
        return int(answer[1])
    _, errors = supervisor.communicate()
    failure = LabUnavailableError if supervisor.returncode == UNAVAILABLE else BootError
    raise failure(errors.strip() or f"boot.sh exited with {supervisor.returncode}")


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value

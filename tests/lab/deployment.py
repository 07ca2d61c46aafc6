"""The healthy deployment of the field: TabbyAPI, a router in front of it, two backends beside it.

Everything is a real unit of a real systemd, under accounts of its own. TabbyAPI is the stand-in of
`tabbydoctor.demo.standin`, or a real checkout where one is given (`RealServer`).
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from tests.lab.installed import Installed
from tests.lab.machine import Machine

INSTALL_STAND_IN = """\
import pathlib, sys
from tabbydoctor.demo.standin import install
install(pathlib.Path(sys.argv[1]), sys.executable, sys.argv[2])
"""
DATA = Path(__file__).with_name("data")
API_KEY = "5d41402abc4b2a76b9719d911017c592"
ADMIN_KEY = "7d793037a0760186574b0282f2f435e7"
TOKENS = f"api_key: {API_KEY}\nadmin_key: {ADMIN_KEY}\n"
CONFIG = """\
network:
  host: 127.0.0.1
  port: 5000
  disable_auth: false

model:
  model_dir: models
"""
TABBY_PORT = 5000
ROUTER_PORT = 8002
BACKENDS = {"sglang": 30000, "llamacpp": 8085}
UNITS = ("tabbyapi.service", "llm-router.service", "sglang.service", "llamacpp.service")

RouterKind = Literal["healthy", "broken", "notes"]
"""healthy: sends the key · broken: sends none · notes: the notes' Option 2, only the probe does."""

TABBY_UNIT = """\
[Unit]
Description=TabbyAPI
After=network.target

[Service]
User={user}
WorkingDirectory={directory}
Environment=TABBY_DEVELOPER_UNSAFE_LAUNCH=true
ExecStart={python} main.py
UMask=0077
Restart=on-failure

[Install]
WantedBy=multi-user.target
"""
ROUTER_UNIT = """\
[Unit]
Description=LLM router
After=network.target tabbyapi.service

[Service]
User={user}
ExecStart={python} {router}
Restart=on-failure

[Install]
WantedBy=multi-user.target
"""
LINK = "/usr/local/bin/tabbydoctor"
BACKEND_UNIT = """\
[Unit]
Description={name} (stand-in)

[Service]
User=backend
StateDirectory={name}
ExecStart=/usr/bin/python3 /opt/backend/backend.py {port} /var/lib/{name}/requests.jsonl

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True)
class RealServer:
    """A checkout of TabbyAPI, and an interpreter with its dependencies; all may execute it."""

    checkout: Path
    python: Path

    @classmethod
    def from_environment(cls) -> "RealServer | None":
        """What TABBYAPI_DIR and TABBYAPI_PYTHON name, if both are set."""
        checkout, python = os.environ.get("TABBYAPI_DIR"), os.environ.get("TABBYAPI_PYTHON")
        return cls(Path(checkout), Path(python)) if checkout and python else None


class Answer(NamedTuple):
    """Of an HTTP request; status 0 means that nothing answered."""

    status: int
    body: str


class DoctorRun(NamedTuple):
    """Of one `tabbydoctor` command."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """What `--format json` printed."""
        parsed: dict[str, Any] = json.loads(self.stdout)
        return parsed


@dataclass(frozen=True)
class Deployment:
    """One deployment on one machine; make it with `deploy`, on a machine just booted or reset."""

    machine: Machine
    installed: Installed
    user: str = "ivan"
    router_user: str = "ivan"
    real: RealServer | None = None

    @property
    def directory(self) -> Path:
        """TabbyAPI's working directory."""
        return Path(f"/home/{self.user}/TabbyAPI")

    @property
    def config(self) -> Path:
        """TabbyAPI's config.yml."""
        return self.directory / "config.yml"

    @property
    def tokens(self) -> Path:
        """TabbyAPI's api_tokens.yml, mode 0600."""
        return self.directory / "api_tokens.yml"

    @property
    def router(self) -> Path:
        """The router's source."""
        return Path("/opt/llm-router/router.py")

    @classmethod
    def deploy(
        cls,
        machine: Machine,
        installed: Installed,
        *,
        user: str = "ivan",
        router: RouterKind = "healthy",
        router_user: str | None = None,
        config: str | bytes | None = CONFIG,
        tokens: str | bytes | None = TOKENS,
        release: Literal["current", "2025-01"] = "current",
        real: RealServer | None = None,
    ) -> "Deployment":
        """Lay it all out, enabled and not started.

        The router runs under TabbyAPI's account unless `router_user` says otherwise (then it has
        the account's group too, and the tokens are 0640). `config` and `tokens` are the files'
        text; None leaves the file out. `release` is the stand-in's.
        """
        deployment = cls(machine, installed, user, router_user or user, real)
        deployment._lay_out_tabbyapi(config, tokens, release)
        deployment._lay_out_router(router)
        deployment._lay_out_backends()
        # As the README's "Install it" has it: so `sudo tabbydoctor` is what works, and is printed.
        machine.run(["ln", "-sfn", installed.doctor, LINK])
        machine.systemctl("daemon-reload")
        machine.systemctl("enable", "--quiet", *UNITS)
        return deployment

    def start(self) -> None:
        """Start all four services, and wait for none."""
        self.machine.systemctl("start", *UNITS)

    def wait_ready(self, deadline: float = 30) -> None:
        """Wait until TabbyAPI, the router and the backends answer.

        Raises:
            TimeoutError: one does not within `deadline` seconds.
        """
        ports = {"tabbyapi": TABBY_PORT, "llm-router": ROUTER_PORT, **BACKENDS}
        for name, port in ports.items():
            url = (
                f"http://127.0.0.1:{port}/health" if name != "llm-router" else self._router_url("/")
            )
            self.machine.wait_for(
                lambda url=url: self.request("GET", url).status != 0,  # type: ignore[misc]
                f"{name} to answer on port {port}",
                deadline,
            )

    def forward(self, model: str = "test") -> Answer:
        """One completion through the router; the model's name chooses the backend.

        `sglang…` goes to SGLang, `….gguf` to llama.cpp, everything else to TabbyAPI.
        """
        messages = [{"role": "user", "content": "hi"}]
        body = {"model": model, "messages": messages, "max_tokens": 1}
        return self.request("POST", self._router_url("/v1/chat/completions"), document=body)

    def router_health(self) -> dict[str, bool]:
        """Which backends the router believes ready."""
        answer = self.request("GET", self._router_url("/health"))
        backends: dict[str, bool] = json.loads(answer.body)["backends"]
        return backends

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        document: object = None,
    ) -> Answer:
        """Send one HTTP request from inside the machine, with a JSON `document` if there is one."""
        argv = ["curl", "--silent", "--noproxy", "*", "--max-time", "20", "--request", method]
        argv += ["--write-out", "\n%{http_code}", url]
        for name, value in (headers or {}).items():
            argv += ["--header", f"{name}: {value}"]
        body = None
        if document is not None:
            argv += ["--header", "Content-Type: application/json", "--data-binary", "@-"]
            body = json.dumps(document)
        text, _, status = self.machine.run(argv, input=body, check=False).stdout.rpartition("\n")
        return Answer(int(status), text)

    def requests(self, backend: str) -> list[dict[str, Any]]:
        """What a backend (`sglang`, `llamacpp`) was sent so far: method, path, headers."""
        record = f"/var/lib/{backend}/requests.jsonl"
        if not self.machine.exists(record):
            return []
        return [json.loads(line) for line in self.machine.read(record).splitlines()]

    def doctor(
        self, *arguments: str, user: str | None = None, env: Mapping[str, str] | None = None
    ) -> DoctorRun:
        """Run the installed `tabbydoctor` inside, as root or as `user`; any exit code is fine."""
        done = self.machine.run(
            [self.installed.doctor, *arguments], user=user, env=env, timeout=120, check=False
        )
        return DoctorRun(done.returncode, done.stdout, done.stderr)

    @staticmethod
    def _router_url(path: str) -> str:
        return f"http://127.0.0.1:{ROUTER_PORT}{path}"

    def _lay_out_tabbyapi(
        self, config: str | bytes | None, tokens: str | bytes | None, release: str
    ) -> None:
        owner = f"{self.user}:{self.user}"
        self.machine.useradd(self.user)
        self.machine.mkdir(self.directory, owner=owner)
        if self.real is None:
            python = self._environment(f"{self.directory}/venv")
            self.machine.run([python, "-c", INSTALL_STAND_IN, self.directory, release])
        else:
            python = str(self.real.python)
            self.machine.run(["cp", "-aT", self.real.checkout, self.directory])
            self.machine.run(["mkdir", "-p", self.directory / "models"])
        self.machine.run(["chown", "--recursive", "--no-dereference", owner, self.directory])
        if config is not None:
            self.machine.write(self.config, config, owner=owner)
        if tokens is not None:
            mode = 0o600 if self.router_user == self.user else 0o640
            self.machine.write(self.tokens, tokens, mode=mode, owner=owner)
        unit = TABBY_UNIT.format(user=self.user, directory=self.directory, python=python)
        self.machine.unit("tabbyapi.service", unit, reload=False)

    def _lay_out_router(self, kind: RouterKind) -> None:
        if self.router_user != self.user:
            self.machine.useradd(self.router_user, groups=[self.user], shell="/usr/sbin/nologin")
        source = (DATA / f"router-{kind}.py.txt").read_text()
        self.machine.write(self.router, source.replace("/home/ivan/", f"/home/{self.user}/"))
        python = self._environment("/opt/llm-router/venv")
        unit = ROUTER_UNIT.format(user=self.router_user, python=python, router=self.router)
        self.machine.unit("llm-router.service", unit, reload=False)

    def _lay_out_backends(self) -> None:
        self.machine.useradd("backend", shell="/usr/sbin/nologin")
        self.machine.write("/opt/backend/backend.py", (DATA / "backend.py.txt").read_text())
        for name, port in BACKENDS.items():
            unit = BACKEND_UNIT.format(name=name, port=port)
            self.machine.unit(f"{name}.service", unit, reload=False)

    def _environment(self, path: str) -> str:
        """A virtual environment on what is installed; gives its interpreter.

        Its own site-packages are writable: a test may put packages in that TabbyAPI "has".
        """
        self.machine.run(["mkdir", "-p", f"{path}/bin"])
        self.machine.run(["ln", "-s", "/usr/bin/python3", f"{path}/bin/python"])
        self.machine.write(f"{path}/pyvenv.cfg", "home = /usr/bin\n")
        packages: Sequence[Path] = self.installed.site_packages
        own = f"{path}/lib/{packages[0].parent.name}/site-packages"
        self.machine.write(f"{own}/installed.pth", "".join(f"{place}\n" for place in packages))
        return f"{path}/bin/python"


Deploy = Callable[..., Deployment]
"""`Deployment.deploy` on the test's fresh machine: the fixture `deploy`."""

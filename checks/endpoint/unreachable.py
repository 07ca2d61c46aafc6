"""Nothing answers where TabbyAPI should be: it is still loading, or it is down.

## What it checks
One GET of `/.well-known/serviceinfo` at TabbyAPI's address must get an answer within three
seconds. The address is the one given with `--url`, else the socket of TabbyAPI's own process,
else what its log or its configuration says.

## Why it matters
Every client and the router's health check fail in the same way.

## How it is told
TabbyAPI opens its port only after the configured model has loaded. A unit that is active,
a refused connection and no `Uvicorn running on` in the log of this run therefore mean
*loading*, unless start.sh has not yet come to starting it; without a running process it is
*down*. Neither is said of one that systemd starts again and again: it does not *stay up*. A time
limit means that something holds the port and does not answer, or that a firewall drops the
packets. A unit that is stopped and that a router starts on demand is only remarked upon. *Nothing
listens* is said only where TabbyAPI's process is not seen to listen at another address.

## What to do
Loading: wait, and watch the log. Down: the service findings say why it ended; start it.
No answer in time: look at who holds the port (`ss -ltnp`) and whether the process is stuck. One
that was stopped by a signal or a debugger (state `T`) goes on with `kill -CONT`; else restart it.
"""

import posixpath
import shlex
from collections.abc import Iterator

from tabbydoctor.api import DOWN, PASSING, Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.deployment.parts import Instance, ProcessState, ProcessTable
from tabbydoctor.redaction import redact
from tabbydoctor.routers import RouterReading
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.log import RunLog
from tabbydoctor.tabbyapi.log_lines import says
from tabbydoctor.tabbyapi.probes import Endpoint
from tabbydoctor.tabbyapi.stopping import stop_of
from tabbydoctor.tabbyapi.updating import installing

from ..service.unit_restart_loop import loops
from . import restart

CAUSES = (
    *("SVC001", "SVC002", "SVC003", "SVC004", "SVC007", "SVC009", "SVC012"),
    *("SVC013", "SVC014"),
    *("CFG001", "CFG002", "CFG005", "CFG010", "TOK002", "TOK003", "TOK007"),
    *("GPU001", "GPU002", "GPU003", "GPU004", "GPU005", "GPU006", "GPU008", "GPU009"),
    *("GPU010", "GPU011", "GPU014"),
    *("GRP001", "GRP002", "GRP003"),
    *("CTR001", "CTR004", "CTR005", "CTR009"),
)
ELSEWHERE = "API011"
BIND_FAILED = "SVC011"
"""A cause where the log says that TabbyAPI could not listen: its other lines explain nothing."""


@check(
    "API001",
    "api-unreachable",
    category="endpoint",
    caused_by=(*CAUSES, ELSEWHERE, BIND_FAILED),
    tags=(DOWN, PASSING),
)
def unreachable(
    endpoint: Endpoint,
    instance: Instance | None,
    config: EffectiveConfig | None,
    log: RunLog | None,
    router: RouterReading | None,
    state: ProcessState | None,
    table: ProcessTable | None = None,
) -> Iterator[Finding]:
    first = endpoint.serviceinfo
    if endpoint.reached or endpoint.identity == "other":
        return
    halted = bool(state and state.halted and first.error == "timeout")
    title, detail = _halted(endpoint) if halted else _what(endpoint, instance, config, log)
    updates = _updating(endpoint, instance, log, table)
    if updates:
        url = endpoint.address.url
        title = f"start.sh still installs TabbyAPI's packages: nothing listens at {url}"
        detail = "TabbyAPI is started when that is done."
    starter = _starter(instance, router)
    if starter:
        title, detail = "TabbyAPI is stopped", f"{starter} starts it on demand."
    yield Finding(
        title,
        detail,
        evidence=(
            Evidence(first.url, "an HTTP answer", first.detail or first.error),
            *(_state(instance, state) if halted else ()),
            *_stopped(instance, log),
            *updates,
        ),
        remedies=tuple(_remedies(endpoint, instance, halted)) if instance else (),
        severity=Severity.INFO if starter else None,
        caused_by=None if says(log, "bind-failed") else (*CAUSES, ELSEWHERE),
    )


def _what(
    endpoint: Endpoint,
    instance: Instance | None,
    config: EffectiveConfig | None,
    log: RunLog | None,
) -> tuple[str, str]:
    url, error = endpoint.address.url, endpoint.serviceinfo.error
    refused = error == "refused"
    if refused and endpoint.address.listens:
        places = ", ".join(endpoint.address.listens)
        return (
            f"Nothing answers at {url}: TabbyAPI listens at {places}",
            "It runs, and serves there.",
        )
    if refused and instance and _starts_anew(instance, endpoint):
        return (
            f"TabbyAPI does not stay up: nothing listens at {url}",
            f"systemd starts {instance.name} again and again.",
        )
    if refused and instance and _runs(instance):
        if _loading(log):
            model = config.value("model", "model_name") if config else None
            what = f"{model} " if model else ""
            return (
                f"TabbyAPI is loading: nothing listens yet at {url}",
                f"The port opens only after the model {what}has loaded; its process runs.",
            )
        return f"TabbyAPI runs, and nothing listens at {url}", "Its process is there."
    if refused and instance and stop_of(log) and not endpoint.address.trusted:
        return (
            f"TabbyAPI was stopped: nothing listens at {url}",
            f"systemd was told to stop {instance.name}: nothing is broken.",
        )
    if refused and instance and not endpoint.address.trusted:
        return f"TabbyAPI is down: nothing listens at {url}", f"{instance.name} does not run."
    if error == "timeout":
        return (
            f"TabbyAPI at {url} does not answer",
            "The connection or the answer took longer than three seconds: "
            "the server hangs, or packets are dropped on the way.",
        )
    return f"Nothing usable answers at {url}: {endpoint.serviceinfo.detail or error}", ""


def _halted(endpoint: Endpoint) -> tuple[str, str]:
    return (
        f"TabbyAPI at {endpoint.address.url} does not answer: its process is stopped",
        "A signal (SIGSTOP) or a debugger halted it. It holds its port and does nothing.",
    )


def _state(instance: Instance | None, state: ProcessState | None) -> Iterator[Evidence]:
    if instance and instance.process and state:
        yield Evidence(f"ps -o stat= -p {instance.process.pid}", "S or R", state.letter)


def _stopped(instance: Instance | None, log: RunLog | None) -> Iterator[Evidence]:
    line = stop_of(log)
    if line and log and not (instance and _runs(instance)):
        yield Evidence(log.source, "running", redact(line.text))


def _updating(
    endpoint: Endpoint,
    instance: Instance | None,
    log: RunLog | None,
    table: ProcessTable | None,
) -> tuple[Evidence, ...]:
    """What shows that start.sh has not come to starting TabbyAPI; nothing where it has."""
    if endpoint.serviceinfo.error != "refused" or not (instance and _runs(instance)):
        return ()
    found = installing(instance, log, table)
    if isinstance(found, str):
        return (Evidence(log.source if log else "its log", actual=redact(found.strip())[:160]),)
    if found is None:
        return ()
    words = " ".join(posixpath.basename(word) for word in found.argv[:4])
    return (Evidence(f"ps -o args= -p {found.pid}", "main.py", words),)


def _starts_anew(instance: Instance, endpoint: Endpoint) -> bool:
    """Whether systemd is in the middle of it; a unit that has failed was given up."""
    given_up = instance.unit is None or instance.unit.get("ActiveState") == "failed"
    return not given_up and loops(instance, endpoint)


def _runs(instance: Instance) -> bool:
    return instance.process is not None or bool(instance.unit and instance.unit.active)


def _loading(log: RunLog | None) -> bool:
    """The log of this run does not say that it serves (or there is no log to ask)."""
    return log is None or (log.present and not says(log, "serving"))


def _starter(instance: Instance | None, router: RouterReading | None) -> str:
    """The router that starts the cleanly stopped unit on demand; empty without one."""
    unit = instance.unit if instance else None
    if unit is None or router is None or unit.get("ActiveState") != "inactive":
        return ""
    names = {name.removesuffix(".service") for name in router.starts_units}
    stopped_well = unit.get("Result", "success") == "success"
    return router.path if stopped_well and unit.name.removesuffix(".service") in names else ""


def _remedies(endpoint: Endpoint, instance: Instance, halted: bool) -> Iterator[Remedy]:
    unit, process = instance.unit, instance.process
    if endpoint.address.listens and endpoint.serviceinfo.error == "refused":
        yield Remedy(f"Ask it at {', '.join(endpoint.address.listens)}, or let it listen there")
    elif halted and process:
        yield Remedy("Let it go on", Safety.UNSAFE, (f"sudo kill -CONT {process.pid}",))
        if unit:
            yield restart(instance, "Or restart it")
    elif instance.contained and instance.contained.ended and instance.contained.restart:
        start = (*instance.contained.restart, instance.contained.logs)
        yield Remedy("Start it, and see what it says", commands=start)
    elif instance.contained and instance.contained.logs:
        yield Remedy("See what it said", commands=(instance.contained.logs,))
    elif unit is None:
        yield Remedy(f"Look at the output of the TabbyAPI of {instance.directory}")
    elif not unit.active:
        start = (f"{unit.systemctl} start {shlex.quote(unit.name)}", f"{unit.journalctl} -e")
        yield Remedy("Start it and watch its log", commands=start)
    elif endpoint.serviceinfo.error == "timeout":
        yield restart(instance, "See what it did last, then restart it", f"{unit.journalctl} -n 50")
    else:
        yield Remedy("Watch its log until it serves", commands=(f"{unit.journalctl} -f",))

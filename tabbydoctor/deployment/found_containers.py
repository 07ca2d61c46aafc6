"""TabbyAPI in containers that have ended: what is to be examined where nothing runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tabbydoctor.deployment.container import Ending
from tabbydoctor.deployment.ended_containers import ended_containers
from tabbydoctor.deployment.parts import Instance, ProcessTable
from tabbydoctor.host import Account, Host


def ended_instances(host: Host, table: ProcessTable) -> Iterator[Instance]:
    """Each of them, the last one first."""
    for box in ended_containers(host, table):
        by = box.answer.by if box.answer else f"the records of {box.engine}"
        ending = box.ended or Ending()
        yield Instance(
            directory=f"{box.root}{box.directory}",
            arguments=_arguments(ending.argv),
            environment=ending.environment,
            environment_sources=dict.fromkeys(ending.environment, by),
            user=_user(host, ending.uid),
            container=box.label,
            found_by=dict.fromkeys(("dir", "user", "arguments"), by),
            contained=box,
        )


def _user(host: Host, uid: int | None) -> Account | None:
    """The number alone counts: the names are the container's own."""
    if uid is None:
        return None
    return host.account(uid) or Account(f"#{uid}", uid, uid)


def _arguments(argv: Sequence[str]) -> tuple[str, ...]:
    """What follows TabbyAPI's own program."""
    for place, word in enumerate(argv):
        if word.rsplit("/", 1)[-1] in ("main.py", "start.py", "start.sh"):
            return tuple(argv[place + 1 :])
    return ()

"""Meets whoever answers at one address: who it is, and what may be sent there."""

from __future__ import annotations

from typing import Literal

from tabbydoctor.host import Admission, Host, Peer
from tabbydoctor.host.data import HttpAnswer
from tabbydoctor.records import dataclass
from tabbydoctor.tabbyapi.answers import names_tabbyapi, titled_tabbyapi
from tabbydoctor.tabbyapi.probes import Credential
from tabbydoctor.tabbyapi.standing import Judge, Standing

SERVICEINFO = "/.well-known/serviceinfo"
OPENAPI = "/openapi.json"
MARK = "?probe=tabbydoctor"
TIMEOUT = 3.0
"""Seconds for one request."""
_PATIENCE = 2.0
"""Seconds within which who answers is to be seen."""
_PUZZLING = {401, 403, 408, 421, 429}
"""Statuses of a gate in front (a proxy with its own rules), behind which TabbyAPI may be."""

Identity = Literal["tabbyapi", "other", "unknown"]


@dataclass(frozen=True, slots=True)
class Meeting:
    """The one way to a server: GET, marked, each request over a connection of its own, which is
    judged anew, for the port may be another's by then."""

    host: Host
    judge: Judge
    url: str
    serviceinfo: HttpAnswer
    peer: Peer | None
    """The far end of the first connection; None where there was none."""
    identity: Identity

    @property
    def standing(self) -> Standing:
        """What the far end of the first connection is to TabbyAPI."""
        return self.judge.standing(self.peer) if self.peer else "hidden"

    @property
    def stranger(self) -> str:
        """Who answers and is no process of TabbyAPI's, in words; empty where none is seen."""
        return self.judge.stranger(self.peer) if self.peer else ""

    @property
    def withheld(self) -> str:
        """Why no key may be sent, in words; empty when the API key may."""
        if self.standing == "own":
            return ""
        if self.standing in ("unseen", "foreign"):
            return self._by_word()
        if self.standing == "forwarder":
            return f"{self.stranger} stands between, and where it leads is not proven"
        if self.identity == "other" or self.stranger:
            who = f": {self.stranger}" if self.stranger else ""
            return f"what answers there is not seen to be TabbyAPI{who}"
        return "which process answers there cannot be seen"

    def _by_word(self) -> str:
        if self.identity == "other":
            return "what answers there is not TabbyAPI"
        if self.standing == "foreign" or names_tabbyapi(self.serviceinfo):
            return ""
        return (
            f"it does not name itself TabbyAPI at {SERVICEINFO}, and whose process it is "
            "cannot be seen (run as root)"
        )

    @property
    def admin_withheld(self) -> str:
        """Why the admin key may not be sent, in words; empty when it may."""
        if self.withheld or self.standing == "own":
            return self.withheld
        see = "look on that machine" if self.standing == "foreign" else "run as root"
        return f"it goes only to a process that is seen to be TabbyAPI's ({see})"

    async def ask(
        self, path: str, credential: Credential = "none", key: str | None = None
    ) -> HttpAnswer:
        """One request, sent only if the same kind of process answers as before.

        `HttpAnswer.error` is `withheld` where it does not, or may not get that credential.
        """

        def refusal(peer: Peer) -> str:
            if self.judge.standing(peer) != self.standing:
                who = self.judge.stranger(peer)
                return f"another answered there than before{f': {who}' if who else ''}"
            if key is None:
                return ""
            return self.admin_withheld if credential == "admin_key" else self.withheld

        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        likely = self.peer.holders if self.peer else ()
        admission = Admission(refusal, likely, self.judge.namespace)
        return await _get(self.host, f"{self.url}{path}", headers, admission)


async def meet(host: Host, judge: Judge, url: str) -> Meeting:
    """Ask for /.well-known/serviceinfo, without a key, and see which process answers.

    Servers before 2024-11-04 lack it: they are told by their process, or by /openapi.json.
    """
    seen: list[Peer] = []

    def look(peer: Peer) -> str:
        seen.append(peer)
        return ""

    admission = Admission(look, namespace=judge.namespace, patience=_PATIENCE)
    first = await _get(host, f"{url}{SERVICEINFO}", {}, admission)
    met = Meeting(host, judge, url, first, seen[0] if seen else None, "unknown")
    if first.status is None or first.error == "timeout":
        identity: Identity = "other" if first.error == "protocol" else "unknown"
    elif met.standing == "own":
        identity = "tabbyapi"
    elif met.standing == "other":
        identity = "other"
    else:
        identity = await _by_its_word(met)
    return Meeting(host, judge, url, first, met.peer, identity)


async def _by_its_word(met: Meeting) -> Identity:
    if names_tabbyapi(met.serviceinfo):
        return "tabbyapi"
    openapi = await met.ask(OPENAPI)
    if titled_tabbyapi(openapi):
        return "tabbyapi"
    return "unknown" if _puzzling(met.serviceinfo) or _puzzling(openapi) else "other"


def _puzzling(answer: HttpAnswer) -> bool:
    """An answer from which nothing follows about who stands behind it."""
    status = answer.status
    return answer.error is not None or status is None or status >= 500 or status in _PUZZLING


async def _get(host: Host, url: str, headers: dict[str, str], admission: Admission) -> HttpAnswer:
    return await host.get(f"{url}{MARK}", headers, timeout=TIMEOUT, admission=admission)

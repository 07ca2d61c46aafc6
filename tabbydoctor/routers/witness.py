"""The live witness: what comes back through the running router, whatever its language.

It is asked with `GET /v1/models` alone, once without a key and once with one that nobody knows,
in `Authorization: Bearer` and nothing else. TabbyAPI's own words in the answers tell what reached
it. No key of anybody's is ever sent, and nothing that a router could take for a completion.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from tabbydoctor.deployment.parts import Instance, Machine, RouterSite
from tabbydoctor.facts import Absent, NoFact, Unknown
from tabbydoctor.host import Host, HttpAnswer
from tabbydoctor.records import dataclass
from tabbydoctor.routers.announced import announced, between
from tabbydoctor.tabbyapi.answers import detail
from tabbydoctor.tabbyapi.log_reading import run_log
from tabbydoctor.tabbyapi.probes import Endpoint
from tabbydoctor.tabbyapi.probing import WRONG_KEY
from tabbydoctor.threads import in_thread

PATH = "/v1/models"
NO_KEY = "Please provide an API key"
WRONG = "Invalid API key"
_TIMEOUT = 3.0
_PLACES = 4
"""How many of the router's sockets are asked."""
_LOOKS, _PAUSE = 5, 0.2
"""How often, and seconds between, the log is looked at for what has just been asked."""
_SERVED = re.compile(r'"GET \S*/v1/models\S* HTTP/1\.\d" \d{3}')
_NESTED = re.compile(r'\{\s*"detail"\s*:\s*"([^"\\]*)"\s*\}')
_DEEP = 6

Said = Literal["no key", "wrong key", "accepted", "own"]
"""What an answer tells of what TabbyAPI was sent; `own` is the router's own answer."""
Verdict = Literal["handed on", "none sent", "wrong sent", "caller wins", "keyed", "nothing"]

VERDICTS: Mapping[tuple[Said, Said], Verdict] = {
    ("no key", "wrong key"): "handed on",
    ("no key", "no key"): "none sent",
    ("wrong key", "wrong key"): "wrong sent",
    ("accepted", "wrong key"): "caller wins",
    ("accepted", "accepted"): "keyed",
}
"""What follows from the answer without a key and the one with an unknown key."""
FORWARDS_NO_KEY: tuple[Verdict, ...] = ("handed on", "none sent", "caller wins")
CALLERS: tuple[Verdict, ...] = ("handed on", "caller wins")
"""Where what callers send reaches TabbyAPI."""


@dataclass(frozen=True, slots=True)
class RouterWitness:
    """What the running router was seen to do with a key."""

    url: str
    """What was asked, `/v1/models` included."""
    verdict: Verdict
    without_key: str = ""
    """What came back without a key, in words."""
    with_unknown: str = ""
    """What came back with a key that nobody knows."""
    why: str = ""
    """Why nothing follows, in words; empty where something does."""
    statuses: tuple[int | None, int | None] = (None, None)
    """The HTTP status of both; None where there was no answer."""
    said: tuple[Said, Said] = ("own", "own")
    """What both tell of what TabbyAPI was sent."""

    @property
    def told(self) -> tuple[str, str]:
        """Both answers, in words."""
        return self.without_key, self.with_unknown

    @property
    def proves_fault(self) -> bool:
        """Whether TabbyAPI was seen not to get a key it accepts."""
        return self.verdict not in ("keyed", "nothing")


async def router_witness(
    host: Host,
    site: RouterSite,
    endpoint: Endpoint,
    instance: Instance | None,
    machine: Machine | None,
) -> RouterWitness:
    """Ask the running router. Raises Absent where nothing could follow from what it answers,
    Unknown where it cannot be asked.
    """
    if not endpoint.reached or endpoint.identity != "tabbyapi":
        raise Absent("TabbyAPI does not answer: nothing follows from what its router says")
    if not endpoint.enforces_auth:
        raise Absent("TabbyAPI asks for no key: nothing follows about the router's")
    return await ask_models(host, site, endpoint, instance, machine)


async def ask_models(
    host: Host,
    site: RouterSite,
    endpoint: Endpoint,
    instance: Instance | None,
    machine: Machine | None,
) -> RouterWitness:
    """Ask the running router, whatever may follow. Raises Unknown where it cannot be asked."""
    own = [url for url in site.urls if url != endpoint.address.url][:_PLACES]
    if not own:
        raise Unknown(_not_asked(site, machine))
    async with announced(host, endpoint.address.url) as stretch:
        seen = await asyncio.gather(*(_asked(host, url, endpoint) for url in own))
    best = next((one for one in seen if one.verdict != "nothing"), seen[0])
    if best.verdict != "nothing" and await _logged(host, instance, machine, stretch.token) is False:
        return _own(best)
    return best


def _not_asked(site: RouterSite, machine: Machine | None) -> str:
    unit = site.unit
    if site.process is None and not site.pids:
        return f"{unit.name} is not running" if unit else "the router is not running"
    if machine is not None and not machine.root:
        return "the port the router listens on cannot be seen without root (use sudo)"
    return "the running router listens on no port that can be seen"


async def _asked(host: Host, base: str, endpoint: Endpoint) -> RouterWitness:
    url = f"{base}{PATH}"
    bare, unknown = await asyncio.gather(
        host.get(url, timeout=_TIMEOUT),
        host.get(url, {"Authorization": f"Bearer {WRONG_KEY}"}, timeout=_TIMEOUT),
    )
    said = (said_by(bare, endpoint), said_by(unknown, endpoint))
    verdict = VERDICTS.get(said, "nothing")
    return RouterWitness(
        url,
        verdict,
        _words(bare, said[0]),
        _words(unknown, said[1]),
        "" if verdict != "nothing" else _why(bare, unknown),
        (bare.status, unknown.status),
        said,
    )


def said_by(answer: HttpAnswer, endpoint: Endpoint) -> Said:
    """What an answer that came through a router tells of what TabbyAPI was sent.

    A refusal is TabbyAPI's only in its own words, exactly, and a list only where it is what
    TabbyAPI itself answers to a key.
    """
    if answer.error or answer.truncated or answer.status is None:
        return "own"
    document = _document(answer.body) or answer.body.decode("utf-8", errors="replace")
    asked = detail(endpoint.answer(PATH)) or NO_KEY
    refused = detail(endpoint.answer(PATH, "wrong")) or WRONG
    told = set(_details(document))
    if told & {asked, refused}:
        return "own" if {asked, refused} <= told else "no key" if asked in told else "wrong key"
    lists = (endpoint.answer(PATH, "api_key"), endpoint.answer(PATH, "admin_key"))
    given = [found for one in lists if one and one.status == 200 and (found := _models(one.body))]
    return "accepted" if answer.status == 200 and _models(answer.body) in given else "own"


def _details(value: Any, depth: int = _DEEP) -> Iterator[str]:
    """Each `{"detail": "…"}` in a document: its whole, a part of it, or quoted in a text of it."""
    if depth == 0:
        return
    if isinstance(value, Mapping):
        if set(value) == {"detail"} and isinstance(value["detail"], str):
            yield value["detail"]
        for each in value.values():
            yield from _details(each, depth - 1)
    elif isinstance(value, list):
        for each in value:
            yield from _details(each, depth - 1)
    elif isinstance(value, str):
        yield from _NESTED.findall(value)


def _models(body: bytes) -> tuple[str, ...] | None:
    """The entries of a list of models, without when each was made; None for anything else."""
    document = _document(body)
    if not isinstance(document, Mapping) or set(document) != {"object", "data"}:
        return None
    data = document["data"]
    if document["object"] != "list" or not isinstance(data, list):
        return None
    entries = (
        {name: value for name, value in each.items() if name != "created"}
        for each in data
        if isinstance(each, Mapping)
    )
    return ("list", *(json.dumps(each, sort_keys=True) for each in entries))


def _document(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _words(answer: HttpAnswer, said: Said) -> str:
    """An answer in words of the doctor's own: nothing of a stranger's body is shown."""
    if answer.status is None:
        return answer.detail or answer.error or "no answer"
    meaning = {
        "no key": f"TabbyAPI's {NO_KEY}",
        "wrong key": f"TabbyAPI's {WRONG}",
        "accepted": "TabbyAPI's list of models",
        "own": "the router's own answer",
    }
    return f"{answer.status}, {meaning[said]}"


def _own(seen: RouterWitness) -> RouterWitness:
    """What it came to where TabbyAPI's log shows that it was not asked."""
    words = (f"{told.partition(',')[0]}, the router's own answer" for told in seen.told)
    without_key, with_unknown = words
    why = f"its answer to GET {PATH} is its own: TabbyAPI was not asked"
    return RouterWitness(seen.url, "nothing", without_key, with_unknown, why, seen.statuses)


def _why(bare: HttpAnswer, unknown: HttpAnswer) -> str:
    silent = next((one for one in (bare, unknown) if one.status is None), None)
    if silent:
        return f"it gave no answer to GET {PATH} ({silent.detail or silent.error})"
    return f"its answer to GET {PATH} is its own, not TabbyAPI's"


async def _logged(
    host: Host, instance: Instance | None, machine: Machine | None, token: str
) -> bool | None:
    """Whether TabbyAPI's log shows that it was asked meanwhile; None where it does not tell."""
    if instance is None or machine is None:
        return None
    for _ in range(_LOOKS):
        try:
            log = await in_thread(lambda: run_log(host, instance, machine))
        except NoFact:
            return None
        found = between(log.lines, token)
        if found is not None:
            return any(_SERVED.search(line.text) for line in found)
        await asyncio.sleep(_PAUSE)
    return None


GATHERERS = (router_witness,)

"""What TabbyAPI's answers say: the reading of their JSON. Nothing here asks.

Shapes: TabbyAPI's endpoints/core/router.py, common/auth.py and common/health.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from tabbydoctor.documents import json_of
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.host.data import HttpAnswer
from tabbydoctor.redaction import redact
from tabbydoctor.tabbyapi.probes import PATHS, Credential, Endpoint

NO_KEY_SEEN = "Please provide an"
KEY_REFUSED = "Invalid"
NO_MODEL = "No models are currently loaded"
KEYED_PATHS = tuple(path for path in PATHS if path != "/health")

_OPENAPI_TITLE = re.compile(rb'"info"\s*:\s*\{[^{}]*?"title"\s*:\s*"TabbyAPI"')
_HTML_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{0,200})</title", re.IGNORECASE)


def document(answer: HttpAnswer | None) -> dict[str, Any]:
    """The JSON object of an answer; empty where it is none."""
    if answer is None or not answer.body:
        return {}
    try:
        found = json_of(answer.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def detail(answer: HttpAnswer | None) -> str:
    """The `detail` by which TabbyAPI tells one 401 from another; empty without one."""
    found = document(answer).get("detail")
    return found if isinstance(found, str) else ""


def key_refused(answer: HttpAnswer | None) -> bool:
    """A 401 for a key that was seen and not known."""
    return _is_401(answer) and detail(answer).startswith(KEY_REFUSED)


def no_key_seen(answer: HttpAnswer | None) -> bool:
    """A 401 because the request brought no key."""
    return _is_401(answer) and detail(answer).startswith(NO_KEY_SEEN)


def no_model(answer: HttpAnswer | None) -> bool:
    """No model is loaded, by /v1/model: 503, and 400 before 2025-04-25."""
    return answer is not None and answer.status in (400, 503) and NO_MODEL in _text(answer)


def _text(answer: HttpAnswer) -> str:
    return answer.body.decode("utf-8", errors="replace")


def of_tabbyapi(endpoint: Endpoint) -> None:
    """Raises Absent or Unknown, with the reason, unless it is TabbyAPI that answers."""
    url = endpoint.address.url
    if endpoint.identity == "other":
        raise Absent(f"what answers at {url} is not TabbyAPI")
    if not endpoint.reached:
        raise Absent(f"nothing answers at {url}")
    if endpoint.identity == "unknown":
        raise Unknown(f"whether TabbyAPI answers at {url} cannot be told: {endpoint.withheld}")


def keyed(endpoint: Endpoint, credential: Credential) -> list[HttpAnswer]:
    """The answers of the endpoints that ask for a key, to one credential."""
    asked = (endpoint.answer(path, credential) for path in KEYED_PATHS)
    return [answer for answer in asked if answer is not None]


def offered(endpoint: Endpoint, credential: Credential) -> None:
    """Raises Unknown, with the reason, where a credential was kept back."""
    why = endpoint.admin_withheld if credential == "admin_key" else endpoint.withheld
    if why:
        raise Unknown(f"the {credential.replace('_', ' ')} was not sent: {why}")


def accepted(answers: Iterable[HttpAnswer]) -> bool | None:
    """Whether the credential they were given to is good; None where they do not tell."""
    told = list(answers)
    if any(answer.status == 200 or no_model(answer) for answer in told):
        return True
    return False if any(map(key_refused, told)) else None


def _is_401(answer: HttpAnswer | None) -> bool:
    return answer is not None and answer.status == 401


def permission(answer: HttpAnswer | None) -> str:
    """`api` or `admin`, as /v1/auth/permission grants it; empty where it does not."""
    found = document(answer).get("permission")
    return found if isinstance(found, str) else ""


def model_name(answer: HttpAnswer | None) -> str:
    """The `id` that /v1/model gives; empty where no model is loaded."""
    found = document(answer).get("id")
    return found if isinstance(found, str) else ""


def health_issues(answer: HttpAnswer | None) -> tuple[tuple[str, str], ...]:
    """The (time, description) of each issue that /health lists."""
    issues = document(answer).get("issues")
    return tuple(
        (str(issue.get("time", "")), str(issue.get("description", "")))
        for issue in (issues if isinstance(issues, list) else [])
        if isinstance(issue, dict)
    )


def names_tabbyapi(serviceinfo: HttpAnswer) -> bool:
    """Whether /.well-known/serviceinfo (there since 2024-11-04) names TabbyAPI."""
    software = document(serviceinfo).get("software")
    return (
        serviceinfo.status == 200
        and isinstance(software, dict)
        and software.get("name") == "TabbyAPI"
    )


def titled_tabbyapi(openapi: HttpAnswer) -> bool:
    """Whether the head of /openapi.json bears TabbyAPI's title (the document may be cut)."""
    return openapi.status == 200 and bool(_OPENAPI_TITLE.search(openapi.body[:4096]))


def introduction(answer: HttpAnswer) -> str:
    """How a stranger presents itself: its Server header, or the title of its page."""
    title = _HTML_TITLE.search(_text(answer))
    words = answer.headers.get("server") or (title[1] if title else "")
    return " ".join("".join(c if c.isprintable() else " " for c in redact(words)).split())[:60]

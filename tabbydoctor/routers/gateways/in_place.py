"""The files of a gateway, changed so that it takes the key from a file of its own.

Each way to TabbyAPI that sends no right key is edited, and all is read anew: an edit counts only
where what is read then is right, and whatever else passes through is as before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping

from tabbydoctor.records import dataclass, field
from tabbydoctor.routers.gateways.passage import Passage, SentKey
from tabbydoctor.routers.gateways.splices import TextEdit, spliced
from tabbydoctor.routers.kind import CannotGiveKey, PlacedKind
from tabbydoctor.routers.probes import is_open
from tabbydoctor.routers.urls import server

Texts = Mapping[str, str]
Right = Callable[[SentKey], bool]
"""Whether a key is one that TabbyAPI takes, and not the admin's."""


@dataclass(frozen=True)
class KeyPlacing:
    """One configuration that is to take the key from a file."""

    kind: PlacedKind
    path: str
    urls: tuple[str, ...]
    """TabbyAPI's base URLs."""
    key_file: str
    right: Right
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    same: Mapping[str, str] = field(default_factory=dict)
    """Path of a file -> what it is without links: one file may be included by two names."""

    def texts(self, given: Texts) -> Texts:
        """All of its files' texts, with the key. Raises CannotGiveKey where nothing is right."""
        before = self._ways(given)
        self._refuse(before)
        texts, wrong = dict(given), self._wrong(before)
        while wrong:
            texts = self._with(texts, wrong[0])
            left = self._wrong(self._ways(texts))
            if len(left) >= len(wrong):
                one = left[0]
                raise CannotGiveKey(f"{one.file}:{one.line}: no place for the key was found there")
            wrong = left
        self._compare(before, self._ways(texts))
        return texts

    def _ways(self, texts: Texts) -> list[Passage]:
        cuts: list[str] = []
        try:
            found = self.kind.passages(self.path, texts, self.urls, self.environment, cuts)
        except Exception as error:  # a text that an edit broke: it is not taken
            raise CannotGiveKey(f"{self.path} cannot be read then: {error}") from error
        if cuts:
            raise CannotGiveKey(f"{self.path} was not read to its end: {'; '.join(cuts)}")
        return found

    def _tabby(self, ways: Collection[Passage]) -> list[Passage]:
        servers = {server(url) for url in self.urls}
        return [one for one in ways if server(one.base) in servers]

    def _wrong(self, ways: Collection[Passage]) -> list[Passage]:
        return [one for one in self._tabby(ways) if not self._is_right(one)]

    def _is_right(self, one: Passage) -> bool:
        if one.purpose != "probe":
            return is_open(one.sent) or self.right(one.key)
        asked = is_open(one.sent) and one.method == "GET"
        return not one.accepts_401 and (asked or (self.right(one.key) and one.method == "GET"))

    def _refuse(self, ways: Collection[Passage]) -> None:
        """Raises CannotGiveKey where the key would reach anybody but TabbyAPI."""
        tabby = self._tabby(ways)
        if not tabby:
            raise CannotGiveKey("no way through it leads to TabbyAPI's address")
        others = [one for one in ways if one not in tabby]
        for one in tabby:
            beside = next((each for each in others if each.place == one.place), None)
            if beside:
                raise CannotGiveKey(
                    f"{one.file}:{one.line}: {one.name} is TabbyAPI and {beside.base} together, "
                    "which would be sent TabbyAPI's key: give each a group of its own"
                )
            if not one.alone:
                raise CannotGiveKey(
                    f"{one.file}:{one.line}: {one.name} has further servers, which would be sent "
                    "TabbyAPI's key: give TabbyAPI a group of its own"
                )

    def _with(self, texts: Texts, one: Passage) -> dict[str, str]:
        changed = dict(texts)
        files = dict.fromkeys(self._real(splice.file) for splice in one.splices)
        for real in files:
            here = [each for each in one.splices if self._real(each.file) == real]
            for name in (each for each in texts if self._real(each) == real):
                changed[name] = spliced(texts[name], map(_placed, here), self.key_file)
        if changed == dict(texts):
            raise CannotGiveKey(f"{one.file}:{one.line}: {one.block or one.name} takes no header")
        return changed

    def _real(self, path: str) -> str:
        return self.same.get(path, path)

    def _compare(self, before: Collection[Passage], after: Collection[Passage]) -> None:
        """Raises CannotGiveKey where anything but the key of TabbyAPI's own requests differs."""
        of_tabby = [Counter(map(_route, self._tabby(ways))) for ways in (before, after)]
        others = [
            Counter((*_route(one), one.key.sends, one.key.source, one.key.literal) for one in ways
                    if one not in self._tabby(ways))
            for ways in (before, after)
        ]  # fmt: skip
        if of_tabby[0] != of_tabby[1] or others[0] != others[1]:
            raise CannotGiveKey("the edit would change more than the key that TabbyAPI is sent")


def _placed(splice: TextEdit) -> TextEdit:
    """The same for any name of its file."""
    return TextEdit("", splice.start, splice.end, splice.text, splice.indent, splice.raw)


def _route(one: Passage) -> tuple[object, ...]:
    """What is to stay of a way; a health check may ask for another path."""
    if one.purpose == "probe":
        return (one.purpose, one.base, one.name)
    seconds = tuple((wait.setting, wait.seconds) for wait in one.waits)
    return (one.purpose, one.base, one.name, one.asked, one.sent, seconds)

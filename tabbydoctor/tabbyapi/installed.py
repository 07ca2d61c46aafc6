"""Reads an installed TabbyAPI: its own keys and features, statically."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from tabbydoctor.deployment.nix_wrapper import package_directory
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.reader import reader
from tabbydoctor.documents import python_of
from tabbydoctor.host import Host
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.installed_version import installed_version
from tabbydoctor.tabbyapi.keys import TABLE, ConfigKey, ValueKind, shipped_sections

_MODELS = "common/config_models.py"
_ROOT = "TabbyConfigModel"
_SAMPLES = ("config_sample.yml", "config_sample.yaml")
_SHOWN = re.compile(r"^(?:(\w+)[ \t]*:|  #?[ \t]?(\w+)[ \t]*:)", re.MULTILINE)
"""A section, or a key of one, of a sample configuration."""
_CONSTRAINTS = ("ge", "gt", "le", "lt", "multiple_of")
_NO_SECTIONS = frozenset({"config", "actions"})
"""Fields of the root that no file configures: both stand for command-line arguments."""
_KINDS: Mapping[str, ValueKind] = {
    "bool": "bool",
    "int": "int",
    "float": "float",
    "str": "text",
    "dict": "mapping",
    "list[str]": "texts",
    "list[int]": "ints",
    "list[float]": "floats",
    "list[LoraInstanceModel]": "loras",
    "CACHE_TYPE": "cache",
    "float | Literal['auto']": "float-or-auto",
}
_Features = tuple[bool | None, bool | None, bool | None, bool | None, bool | None]
_TABLE_SOURCE = "the table shipped with tabbydoctor"


def installation(host: Host, instance: Instance) -> Installation:
    """The keys of the TabbyAPI that the instance runs, or the shipped table's."""
    host = host.seen_by(reader(host, instance))
    root = _root(host, instance)
    path = f"{root}/{_MODELS}"
    try:
        keys = read_keys(host.read(path, limit=4 << 20).text())
    except OSError as error:
        return _from_table(host, root, f"cannot read {path}: {error.strerror or error}")
    except (ValueError, RecursionError):
        return _from_table(host, root, f"{path} is not what TabbyAPI ships there")
    if not keys:
        return _from_table(host, root, f"{path} declares no {_ROOT}")
    names = dict.fromkeys(section for section, _ in keys)
    sections = {name: frozenset(key for s, key in keys if s == name) for name in names}
    features, version = _features(host, root), installed_version(host, root)
    return Installation(root, sections, path, True, *features, keys=keys, version=version)


def _root(host: Host, instance: Instance) -> str:
    """Where it is: the directory of main.py, or the package of a wrapper in the Nix store."""
    own = instance.main_directory
    try:
        host.status(f"{own}/{_MODELS}")
    except OSError:
        return package_directory(host, instance, _MODELS) or own
    return own


def _from_table(host: Host, root: str, problem: str) -> Installation:
    sections, sampled = shipped_sections(), _sampled(host, root)
    for section, names in sampled.items():
        sections[section] = sections.get(section, frozenset()) | names
    features, version = _features(host, root), installed_version(host, root)
    return Installation(
        root, sections, _TABLE_SOURCE, False, *features, problem=problem, version=version
    )


def _features(host: Host, root: str) -> _Features:
    """(loads exl2, loads exl3, lists of keys, live reload, migrates old files), None where it
    cannot be told."""
    exl2 = exl3 = lists = reload = None
    try:
        backends = host.names(f"{root}/backends")
        exl2, exl3 = "exllamav2" in backends, "exllamav3" in backends
    except OSError:
        pass
    try:
        auth = host.read(f"{root}/common/auth.py").text()
        lists, reload = "List[str]" in auth or "list[str]" in auth, "_watch_auth_file" in auth
    except OSError:
        pass
    return exl2, exl3, lists, reload, _migrates(host, root)


def _migrates(host: Host, root: str) -> bool | None:
    """Since September 2024 by `common/tabby_config.py`; the versions before have neither that file
    nor `common/config_models.py`."""
    try:
        return "migrat" in host.read(f"{root}/common/tabby_config.py").text()
    except FileNotFoundError:
        pass
    except OSError:
        return None
    try:
        host.status(f"{root}/{_MODELS}")
    except FileNotFoundError:
        return None if _absent(host, f"{root}/main.py") else False
    except OSError:
        pass
    return None


def _absent(host: Host, path: str) -> bool:
    try:
        host.status(path)
    except OSError:
        return True
    return False


def _sampled(host: Host, root: str) -> dict[str, frozenset[str]]:
    """Section -> the keys that its own sample configuration shows, commented out or not."""
    for name in _SAMPLES:
        try:
            text = host.read(f"{root}/{name}", 1 << 20).text()
        except OSError:
            continue
        found: dict[str, set[str]] = {}
        keys: set[str] = set()
        for section, key in _SHOWN.findall(text):
            keys = found.setdefault(section, set()) if section else keys
            keys |= {key} if key else set()
        return {section: frozenset(names) for section, names in found.items() if names}
    return {}


def read_keys(source: str) -> dict[tuple[str, str], ConfigKey]:
    """The keys that a config_models.py declares: the fields of the root's sections.

    Raises Unreadable where the text is no Python.
    """
    classes, names = _definitions(python_of(source))
    root = classes.get(_ROOT)
    return {
        (section, key.name): key
        for section, annotation, _ in (_fields(root) if root else ())
        if section not in _NO_SECTIONS
        for key in _section_keys(section, classes.get(_inner(annotation)[0]), names)
    }


def _definitions(module: ast.Module) -> tuple[dict[str, ast.ClassDef], dict[str, ast.expr]]:
    """The classes and the assigned names of a module."""
    classes = {node.name: node for node in module.body if isinstance(node, ast.ClassDef)}
    names = {
        target.id: node.value
        for node in module.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return classes, names


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr, ast.expr | None]]:
    """(name, annotation, value) of the annotated public fields of a class."""
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            name = item.target.id
            if not name.startswith("_") and name != "model_config":
                yield name, item.annotation, item.value


def _section_keys(
    section: str, node: ast.ClassDef | None, names: Mapping[str, ast.expr]
) -> Iterator[ConfigKey]:
    for name, annotation, value in _fields(node) if node else ():
        yield _key(section, name, annotation, value, names)


def _key(
    section: str,
    name: str,
    annotation: ast.expr,
    value: ast.expr | None,
    names: Mapping[str, ast.expr],
) -> ConfigKey:
    spelled, nullable = _inner(annotation)
    known = TABLE.get((section, name), ConfigKey(section, name))
    kind, choices = _kind(spelled, names)
    default, limits = _field(value, known.default)
    since = known.since
    return ConfigKey(section, name, kind, default, nullable, limits, choices, since)


def _inner(annotation: ast.expr) -> tuple[str, bool]:
    """The type inside `Optional[...]` as normalised text, and whether it was optional."""
    text = ast.unparse(annotation).replace("List[", "list[").replace("Dict", "dict")
    if text.startswith("Optional["):
        text, nullable = text[len("Optional[") : -1], True
    elif text.endswith(" | None"):
        text, nullable = text.removesuffix(" | None"), True
    else:
        nullable = False
    if text.startswith("Union["):
        text = text[len("Union[") : -1].replace(", ", " | ", 1)
    return text, nullable


def _kind(text: str, names: Mapping[str, ast.expr]) -> tuple[ValueKind, tuple[str, ...]]:
    """The kind of key that a type means; `any` for a type this doctor does not know."""
    if text in _KINDS:
        return _KINDS[text], ()
    if text.startswith("dict"):
        return "mapping", ()
    if text in names:
        return _kind(ast.unparse(names[text]), names)
    if text.startswith("Literal["):
        return "choice", _choices(text)
    if text.startswith("list[Literal["):
        return "choices", _choices(text[len("list[") : -1])
    return "any", ()


def _choices(literal: str) -> tuple[str, ...]:
    values = ast.literal_eval(f"({literal[len('Literal[') : -1]},)")
    return tuple(str(value) for value in values)


def _field(value: ast.expr | None, otherwise: object) -> tuple[object, dict[str, float]]:
    """The default and the constraints of a `Field(...)` or a plain value."""
    if not isinstance(value, ast.Call):
        return _literal(value, otherwise), {}
    given = {keyword.arg: keyword.value for keyword in value.keywords}
    default = value.args[0] if value.args else given.get("default")
    found = _literal(default, otherwise)
    factory = given.get("default_factory")
    if isinstance(factory, ast.Name) and factory.id in ("list", "dict"):
        found = [] if factory.id == "list" else {}
    limits = {name: _literal(given[name], None) for name in _CONSTRAINTS if name in given}
    return found, {name: n for name, n in limits.items() if isinstance(n, int | float)}


def _literal(node: ast.expr | None, otherwise: object) -> object:
    if node is None:
        return otherwise
    try:
        value: object = ast.literal_eval(node)
    except (ValueError, TypeError):
        return otherwise
    return value


GATHERERS = (installation,)

"""`tabbydoctor config`: every effective value, where it came from, and what is ignored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tabbydoctor.reports.masked import masked
from tabbydoctor.reports.page import Page
from tabbydoctor.tabbyapi.config import ConfigFile, EffectiveConfig, Ignored, Setting

_ROLES = {"working-directory": "from the working directory", "config-file": "the --config file"}
_WHY = {
    "unknown-section": "TabbyAPI has no such section",
    "unknown-key": "TabbyAPI has no such key",
    "arguments-ignored": "arguments do not count beside --config",
    "section-not-mapping": "a section must hold keys: it counts as absent",
}


def as_text(config: EffectiveConfig, width: int, *, verbose: bool = False) -> str:
    """The configuration for people: what is set first, then what is ignored or refused."""
    page = Page(width)
    page.flow((f"TabbyAPI in {config.directory}", ""))
    page.blank()
    for file in config.files:
        page.flow((f"{file.path}: {_file(file)}", ""), hang=4)
    page.blank()
    chosen = [setting for setting in config.settings.values() if _is_set(setting)]
    if not chosen:
        page.flow(("Every value is TabbyAPI's default.", ""))
    for setting in chosen:
        _write_setting(page, setting)
    _write_list(page, "Ignored", _ignored_lines(config))
    _write_list(page, "Refused: TabbyAPI does not start", _refused_lines(config))
    if verbose:
        rest = [setting for setting in config.settings.values() if not _is_set(setting)]
        lines = ((f"{setting.name} = {_shown(setting, setting.value)}", "") for setting in rest)
        _write_list(page, "Defaults", lines)
    return page.text()


def as_json(config: EffectiveConfig) -> dict[str, Any]:
    """The configuration for machines."""
    from tabbydoctor.reports.config_document import config_document
    from tabbydoctor.reports.documents.base import plain

    return plain(config_document(config))


def _is_set(setting: Setting) -> bool:
    return setting.origin.layer != "default"


def _file(file: ConfigFile) -> str:
    role = _ROLES[file.role]
    if file.problem:
        return f"{role}; not used: {file.detail}"
    return f"{role}; TabbyAPI will rewrite it" if file.legacy else role


def _write_setting(page: Page, setting: Setting) -> None:
    page.flow((f"{setting.name} = {_shown(setting, setting.value)}", ""), hang=4)
    page.flow((f"from {setting.origin.where}", ""), indent=4, hang=6)
    for origin, value in setting.overrides:
        page.flow((f"over {_shown(setting, value)} from {origin.where}", ""), indent=4, hang=6)


def _write_list(page: Page, title: str, lines: Iterator[tuple[str, str]]) -> None:
    for number, (first, second) in enumerate(lines):
        if number == 0:
            page.blank()
            page.flow((title, ""))
        page.flow((first, ""), indent=2, hang=4)
        if second:
            page.flow((second, ""), indent=4, hang=6)


def _ignored_lines(config: EffectiveConfig) -> Iterator[tuple[str, str]]:
    for item in config.ignored:
        if item.value is None:
            yield item.origin.where, _WHY[item.why]
        else:
            value = _text(masked(item.section, item.key, item.value))
            yield f"{_name(item)} = {value}", f"{item.origin.where}: {_WHY[item.why]}"


def _refused_lines(config: EffectiveConfig) -> Iterator[tuple[str, str]]:
    if config.usage_error:
        yield "arguments", config.usage_error
    for item in config.invalid:
        name = f"{item.section}.{item.key}" if item.key else item.section
        yield f"{name}: {item.message}", item.origin.where


def _name(item: Ignored) -> str:
    return f"{item.section}.{item.key}" if item.key else item.section


def _shown(setting: Setting, value: Any) -> str:
    return _text(masked(setting.section, setting.key, value))


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)

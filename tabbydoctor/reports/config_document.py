"""From the effective configuration to the document of `config`."""

from __future__ import annotations

from typing import Any

from tabbydoctor.reports.documents.config import (
    ConfigDocument,
    FilePart,
    IgnoredPart,
    InvalidPart,
    OverridePart,
    SettingPart,
)
from tabbydoctor.reports.masked import masked
from tabbydoctor.tabbyapi.config import EffectiveConfig, Origin, Setting


def config_document(config: EffectiveConfig) -> ConfigDocument:
    """The document of `config --format json`."""
    return ConfigDocument(
        directory=config.directory,
        config_argument=config.config_argument,
        starts=config.starts,
        usage_error=config.usage_error or None,
        files=[
            FilePart(
                path=file.path,
                role=file.role,
                problem=file.problem,
                detail=file.detail or None,
                line=file.line,
            )
            for file in config.files
        ],
        settings=[_setting(setting) for setting in config.settings.values()],
        ignored=[
            IgnoredPart(
                section=item.section,
                key=item.key,
                value=masked(item.section, item.key, item.value),
                why=item.why,
                **_origin(item.origin),
            )
            for item in config.ignored
        ],
        invalid=[
            InvalidPart(
                section=item.section, key=item.key, message=item.message, **_origin(item.origin)
            )
            for item in config.invalid
        ],
    )


def _setting(setting: Setting) -> SettingPart:
    return SettingPart(
        section=setting.section,
        key=setting.key,
        value=masked(setting.section, setting.key, setting.value),
        **_origin(setting.origin),
        overrides=[
            OverridePart(value=masked(setting.section, setting.key, value), **_origin(origin))
            for origin, value in setting.overrides
        ],
    )


def _origin(origin: Origin) -> dict[str, Any]:
    return {
        "layer": origin.layer,
        "where": origin.where,
        "path": origin.path,
        "line": origin.line,
    }

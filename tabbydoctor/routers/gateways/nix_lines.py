"""A gateway whose configuration NixOS writes: the lines that belong into configuration.nix.

The option paths are those of nixpkgs (nixos/modules/services: web-servers/nginx, caddy and traefik,
networking/haproxy and llama-swap, misc/litellm and open-webui). What is in the store anybody may
read, so the key comes from a file beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from tabbydoctor.deployment.nixos import in_store
from tabbydoctor.diagnosis.finding import Remedy
from tabbydoctor.nixos.by_rebuild import by_rebuild
from tabbydoctor.nixos.nix_text import comment, literal, path
from tabbydoctor.routers import HandEdit

KEY_FILE = "/etc/tabby-key.env"
_LINKED = ("/etc/haproxy.cfg", "/etc/nginx/nginx.conf", "/etc/caddy/caddy_config")
"""Links into the store by which the modules let a gateway reload."""
_VARIABLE = "TABBY_API_KEY"
_MADE_IN = {
    "nginx": "services.nginx.virtualHosts",
    "haproxy": "services.haproxy.config",
    "caddy": "services.caddy.virtualHosts",
    "traefik": "services.traefik.dynamicConfigOptions",
    "litellm": "services.litellm.settings",
    "llama-swap": "services.llama-swap.settings",
    "open-webui": "services.open-webui.environment",
}
"""Kind of gateway -> what its file is made from."""


def by_nix(file: str, kind: str, command: Iterable[str] = ()) -> bool:
    """Whether a gateway's file is made from configuration.nix. `command` is its unit's."""
    if kind not in _MADE_IN:
        return False
    stored = any(in_store(word) or "=/nix/store/" in word for word in command)
    return in_store(file) or (file in _LINKED and stored)


def key_by_rebuild(kind: str, unit: str) -> Remedy:
    """What lets a gateway send the key."""
    holds, lines = _KEYED[kind](unit)
    umask = f"sudo install -m 600 /dev/null {KEY_FILE}"
    note = comment(f"{KEY_FILE} holds one line: {holds}")
    title = "Let it send TabbyAPI's API key, from a file outside the store"
    first = (umask, f"sudoedit {KEY_FILE}")
    return by_rebuild(title, note, *lines, first=first)


def lines_by_rebuild(kind: str, edit: HandEdit, what: str) -> Remedy:
    """Other lines of a gateway's file, told where that is made."""
    told = [comment(f"in {_MADE_IN[kind]}, where {edit.file}:{edit.line} comes from:")]
    return by_rebuild(what, *told, *(f"#   {line.strip()}" for line in edit.lines))


def _environment_file(unit: str) -> str:
    place = path("systemd", "services", unit.removesuffix(".service"), "serviceConfig")
    return f"{place}.EnvironmentFile = {literal(KEY_FILE)};"


def _nginx(_: str) -> tuple[str, tuple[str, ...]]:
    include = literal(f"include {KEY_FILE};")
    where = comment("of the virtual host and the location that lead to TabbyAPI:")
    line = f'services.nginx.virtualHosts."<host>".locations."/v1/".extraConfig = {include};'
    return 'proxy_set_header Authorization "Bearer <api_key>";', (where, line)


def _haproxy(unit: str) -> tuple[str, tuple[str, ...]]:
    sets = f'http-request set-header Authorization "Bearer ${{{_VARIABLE}}}"'
    where = comment(f"in the backend of services.haproxy.config: {sets}")
    return f"{_VARIABLE}=<api_key>", (where, _environment_file(unit))


def _caddy(_: str) -> tuple[str, tuple[str, ...]]:
    sets = f'header_up Authorization "Bearer {{env.{_VARIABLE}}}"'
    where = comment(f"in the reverse_proxy of services.caddy.virtualHosts: {sets}")
    return f"{_VARIABLE}=<api_key>", (
        where,
        f"services.caddy.environmentFile = {literal(KEY_FILE)};",
    )


def _traefik(unit: str) -> tuple[str, tuple[str, ...]]:
    own = "services.traefik.dynamicConfigOptions.http"
    value = literal(f"Bearer {{{{ env `{_VARIABLE}` }}}}")
    headers = f"{own}.middlewares.tabby-key.headers.customRequestHeaders"
    return f"{_VARIABLE}=<api_key>", (
        f"{headers}.Authorization = {value};",
        comment("of the router that leads to TabbyAPI, last of all:"),
        f'{own}.routers."<router>".middlewares = [ "tabby-key" ];',
        _environment_file(unit),
    )


def _litellm(_: str) -> tuple[str, tuple[str, ...]]:
    where = comment(
        "in each entry of services.litellm.settings.model_list that leads to TabbyAPI: "
        f'litellm_params.api_key = "os.environ/{_VARIABLE}";'
    )
    line = f"services.litellm.environmentFile = {literal(KEY_FILE)};"
    return f"{_VARIABLE}=<api_key>", (where, line)


def _llama_swap(unit: str) -> tuple[str, tuple[str, ...]]:
    value = literal(f"${{env.{_VARIABLE}}}")
    line = f'services.llama-swap.settings.peers."<peer>".apiKey = {value};'
    return f"{_VARIABLE}=<api_key>", (line, _environment_file(unit))


def _open_webui(_: str) -> tuple[str, tuple[str, ...]]:
    line = f"services.open-webui.environmentFile = {literal(KEY_FILE)};"
    return "OPENAI_API_KEYS=<api_key>", (line,)


_KEYED: Mapping[str, Callable[[str], tuple[str, tuple[str, ...]]]] = {
    "nginx": _nginx,
    "haproxy": _haproxy,
    "caddy": _caddy,
    "traefik": _traefik,
    "litellm": _litellm,
    "llama-swap": _llama_swap,
    "open-webui": _open_webui,
}
"""Kind -> what its file of the key holds, and the lines; the argument is its unit's name."""

"""Caddy as a front: caddyserver.com/docs/caddyfile."""

from __future__ import annotations

NAME = "caddy"
BINARIES = ("/usr/bin/caddy", "/usr/local/bin/caddy")
KEY_LINE = 'header_up Authorization "Bearer <key>"\n'
ADDRESS = "    bind {host}"
DROP = "        request_header -{name}"
JIT = False
UNIT_LINES = (
    "Type=notify",
    "LoadCredential=key:{directory}/key",
    "Environment=GOMAXPROCS=1",
    "ExecStart={binary} run --adapter caddyfile --config {config}",
)
# `vars` reads the whole request into memory first: Go's server closes what is left of a request
# when its answer begins, and where TabbyAPI answers at once that was cut (golang/go#40747).
TEMPLATE = """\
# Written by tabbydoctor; `tabbydoctor undo` takes it back.
{
    admin off
    auto_https off
    servers {
        timeouts {
            idle 1h
        }
    }
}

:$port {
$listens
    @admin path_regexp `(?i)$admin`
    handle @admin {
        header Content-Type application/json
        respond `$refusal` 403
    }
    @tunnel method CONNECT
    handle @tunnel {
        respond 405
    }
    handle {
$drops
        vars request {http.request.body}
        reverse_proxy $upstream {
            flush_interval -1
            import $key
            transport http {
                dial_timeout 5s
                keepalive 4s
                compression off
            }
        }
    }
}
"""

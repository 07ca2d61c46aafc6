"""HAProxy as a front: docs.haproxy.org, "Configuration Manual"."""

from __future__ import annotations

NAME = "haproxy"
BINARIES = ("/usr/sbin/haproxy", "/usr/bin/haproxy", "/usr/local/sbin/haproxy")
# It includes no file: the key comes by an environment file, which root alone can read.
KEY_LINE = "TABBY_API_KEY=<key>\n"
ADDRESS = "    bind {place}"
JIT = True
UNIT_LINES = (
    "Type=notify",
    "EnvironmentFile={directory}/key",
    "ExecStart={binary} -Ws -f {config}",
    "KillMode=mixed",
    "SuccessExitStatus=143",
)
# Without http-no-delay each part of an answer is held back for up to 200 ms.
TEMPLATE = """\
# Written by tabbydoctor; `tabbydoctor undo` takes it back.
global
    maxconn 8192
    nbthread 1
    tune.bufsize 65536
    hard-stop-after 1s

defaults
    mode http
    option http-no-delay
    timeout connect 5s
    timeout client 1d
    timeout server 1d
    timeout tunnel 1d
    timeout http-request 10m
    timeout http-keep-alive 1h

frontend tabbydoctor
$listens
    http-request return status 403 content-type application/json string '$refusal' \
if { path,url_dec -m reg -i '$admin' }
    http-request set-header Authorization "Bearer $${TABBY_API_KEY}"
    http-request del-header X-API-Key
    http-request del-header X-Admin-Key
    default_backend tabbyapi

backend tabbyapi
    retries 0
    http-reuse never
    server tabbyapi $upstream
"""

"""HAProxy as a front: docs.haproxy.org, "Configuration Manual"."""

from __future__ import annotations

NAME = "haproxy"
BINARIES = ("/usr/sbin/haproxy", "/usr/bin/haproxy", "/usr/local/sbin/haproxy")
# It includes no file: the key comes by an environment file, which root alone can read.
KEY_LINE = "TABBY_API_KEY=<key>\n"
ADDRESS = "    bind {place}"
DROP = "    http-request del-header {name}"
JIT = True
UNIT_LINES = (
    "Type=notify",
    "EnvironmentFile={directory}/key",
    "ExecStart={binary} -Ws -f {config}",
    "KillMode=mixed",
    "SuccessExitStatus=143",
)
# Without http-no-delay each part of an answer is held back for up to 200 ms. What is asked in
# HTTP/2, or by a path that cannot be decoded, is refused: neither could be judged as it is meant.
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
    acl HTTP_1 req.ver 1.0 1.1
$listens
    http-request return status 403 content-type application/json string '$refusal' \
if METH_CONNECT or !HTTP_1 or !{ path,url_dec -m found } or { path,url_dec -m reg -i '$admin' }
$drops
    http-request set-header Authorization "Bearer $${TABBY_API_KEY}"
    default_backend tabbyapi

backend tabbyapi
    retries 0
    http-reuse never
    server tabbyapi $upstream
"""

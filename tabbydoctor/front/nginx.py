"""nginx as a front: nginx.org/en/docs/http/ngx_http_proxy_module.html."""

from __future__ import annotations

NAME = "nginx"
BINARIES = ("/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx")
KEY_LINE = 'proxy_set_header Authorization "Bearer <key>";\n'
ADDRESS = "        listen {place};"
DROP = '            proxy_set_header {name} "";'
JIT = False
UNIT_LINES = (
    "Type=forking",
    "PIDFile={runtime}/nginx.pid",
    "LoadCredential=key:{directory}/key",
    "ExecStart={binary} -c {config}",
)
# TabbyAPI's server closes an idle connection after 5 seconds: the front lets go of it before.
TEMPLATE = """\
# Written by tabbydoctor; `tabbydoctor undo` takes it back.
pid /run/tabbydoctor-front/nginx.pid;
error_log stderr warn;
worker_processes 1;
worker_rlimit_nofile 65536;

events {
    worker_connections 8192;
}

http {
    access_log off;
    server_tokens off;
    default_type application/json;
    client_body_temp_path /run/tabbydoctor-front/body;
    proxy_temp_path /run/tabbydoctor-front/proxy;
    fastcgi_temp_path /run/tabbydoctor-front/fastcgi;
    uwsgi_temp_path /run/tabbydoctor-front/uwsgi;
    scgi_temp_path /run/tabbydoctor-front/scgi;

    upstream tabbyapi {
        server $upstream;
        keepalive 128;
        keepalive_timeout 4s;
        keepalive_requests 1000000;
    }

    server {
$listens
        server_name localhost;
        client_max_body_size 0;
        client_header_timeout 10m;
        client_body_timeout 1d;
        large_client_header_buffers 8 64k;
        send_timeout 1d;
        keepalive_timeout 1h;
        keepalive_requests 1000000;
        tcp_nodelay on;

        location ~* "$admin" {
            return 403 '$refusal';
        }

        location / {
            proxy_pass http://tabbyapi;
            proxy_http_version 1.1;
            proxy_set_header Host $$host:$$server_port;
            proxy_set_header Connection "";
$drops
            include $key;
            proxy_buffering off;
            proxy_request_buffering off;
            proxy_max_temp_file_size 0;
            proxy_connect_timeout 5s;
            proxy_send_timeout 1d;
            proxy_read_timeout 1d;
        }
    }
}
"""

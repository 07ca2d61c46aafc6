"""nginx, HAProxy and Caddy as Debian's packages bring them, in the place of the lab's router."""

from __future__ import annotations

from dataclasses import dataclass

from tests.lab.deployment import API_KEY, Deployment

KEYS = "/etc/tabbydoctor"


@dataclass(frozen=True)
class LabGateway:
    """One of them, with a site before TabbyAPI and another server beside it."""

    name: str
    config: str
    """The file that the site stands in."""
    site: str
    wrong: str
    """The same, with an old key and a check that TabbyAPI refuses."""
    broken: str
    """A line that its own parser refuses."""
    watched: tuple[str, ...]

    @property
    def unit(self) -> str:
        return f"{self.name}.service"

    @property
    def act(self) -> str:
        """How it takes in its files: Caddy's admin endpoint moves, by a restart alone."""
        return "restart" if self.name == "caddy" else "reload"

    @property
    def key_file(self) -> str:
        return f"{KEYS}/{self.unit}/tabby_api_key.conf"


_NGINX = """\
# our models
server {
    listen 127.0.0.1:8002 default_server;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header Host $http_host;

    location /v1/ {
        proxy_pass http://127.0.0.1:5000;  # TabbyAPI
        proxy_read_timeout 600s;
    }
    location /llama/ { proxy_pass http://127.0.0.1:8085/; }
    location /own/ {
        proxy_set_header X-Own yes;
        proxy_pass http://127.0.0.1:8085/;
    }
}
"""
_NGINX_WRONG = _NGINX.replace(
    "  # TabbyAPI\n",
    "\n        include proxy_params;\n"
    '        proxy_set_header Authorization "Bearer old-0123456789";\n',
)
_HAPROXY = """\
global
    stats socket /run/haproxy-admin.sock mode 660 level admin
    user haproxy
    group haproxy

defaults
    mode http
    timeout connect 5s
    timeout client 600s
    timeout server 600s

frontend llm
    bind 127.0.0.1:8002
    http-request set-header X-Real-IP %[src]
    use_backend llama if { path_beg /llama/ /own/ }
    default_backend tabby

backend tabby
    # ours
    option forwardfor
    server one 127.0.0.1:5000

backend llama
    http-request replace-path /(llama|own)/(.*) /\\2
    server two 127.0.0.1:8085
"""
_HAPROXY_WRONG = _HAPROXY.replace(
    "    server one 127.0.0.1:5000\n",
    "    option httpchk GET /v1/models\n"
    '    http-request set-header Authorization "Bearer old-0123456789"\n'
    "    server one 127.0.0.1:5000 check inter 200ms\n",
)
_CADDY = """\
http://127.0.0.1:8002 {
	# ours
	handle_path /llama/* {
		reverse_proxy 127.0.0.1:8085
	}
	handle_path /own/* {
		reverse_proxy 127.0.0.1:8085 {
			header_up X-Own yes
		}
	}
	reverse_proxy /v1/* 127.0.0.1:5000
}
"""
_CADDY_WRONG = _CADDY.replace(
    "127.0.0.1:5000\n",
    '127.0.0.1:5000 {\n\t\theader_up Authorization "Bearer old-0123456789"\n'
    "\t\thealth_uri /v1/models\n\t\thealth_interval 200ms\n\t}\n",
)
GATEWAYS = {
    one.name: one
    for one in (
        LabGateway(
            "nginx", "/etc/nginx/sites-available/llm", _NGINX, _NGINX_WRONG, "nonsense;\n",
            ("/etc/nginx",),
        ),
        LabGateway(
            "haproxy", "/etc/haproxy/haproxy.cfg", _HAPROXY, _HAPROXY_WRONG, "nonsense here\n",
            ("/etc/haproxy",),
        ),
        LabGateway(
            "caddy", "/etc/caddy/Caddyfile", _CADDY, _CADDY_WRONG, "nonsense {\n", ("/etc/caddy",)
        ),
    )
}  # fmt: skip


def lay_out(deployment: Deployment, gateway: LabGateway, text: str) -> None:
    """In the place of the deployment's router; everything runs."""
    machine = deployment.machine
    machine.systemctl("disable", "--quiet", "llm-router.service")
    machine.remove("/etc/systemd/system/llm-router.service", "/opt/llm-router")
    machine.write(gateway.config, text)
    if gateway.name == "nginx":
        machine.remove("/etc/nginx/sites-enabled/default")
        machine.run(["ln", "-s", "../sites-available/llm", "/etc/nginx/sites-enabled/llm"])
    machine.systemctl("daemon-reload")
    units = ("tabbyapi.service", "sglang.service", "llamacpp.service")
    machine.systemctl("start", *units, gateway.unit)
    deployment.wait_ready()


def others(deployment: Deployment) -> list[tuple[str, str, dict[str, str]]]:
    """What the other server records of requests by the gateway's other locations."""
    count = len(deployment.requests("llamacpp"))
    for path in ("/llama/health", "/own/health"):
        deployment.request(
            "GET",
            f"http://127.0.0.1:8002{path}",
            headers={"Authorization": "Bearer theirs", "X-Api-Key": "theirs"},
        )
    found = deployment.requests("llamacpp")[count:]
    return [(one["method"], one["path"], one["headers"]) for one in found]


def permission(deployment: Deployment, **headers: str) -> str:
    """What TabbyAPI takes a caller of the gateway for."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = "http://127.0.0.1:8002/v1/auth/permission"
    answer = deployment.request("GET", url, headers=named)
    return f"{answer.status} {answer.body}"


def rotate(deployment: Deployment, new: str) -> None:
    """TabbyAPI has another key."""
    machine = deployment.machine
    text = machine.read(deployment.tokens).replace(API_KEY, new)
    machine.run(["tee", deployment.tokens], input=text)
    machine.systemctl("restart", "tabbyapi.service")
    deployment.wait_ready()

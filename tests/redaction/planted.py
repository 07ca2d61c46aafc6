"""Secrets nobody remembered, in every place where a source, a configuration or a log has them.

Each group is a way of writing one down, and its siblings; `@` stands for the secret,
`AT` for the sign.
"""

from __future__ import annotations

import random
import string

PROGRAM, SETTINGS, LOG = "/srv/router/router.py", "/etc/router/settings.yml", "log"

GROUPS: dict[str, tuple[str, list[str]]] = {
    "a constant": (
        PROGRAM,
        [
            'HF_TOKEN = "@"\n',
            "SGLANG_KEY='@'\n",
            'OPENAI_API_KEY: str = "@"  # of the team\n',
            'class S:\n    db_password: str = b"@"\n',
            'ROUTER_SECRET = ("@")\n',
            'TOKEN = """@"""\n',
            'api_key = password = "@"\n',
        ],
    ),
    "a header": (
        PROGRAM,
        [
            'h = {"Authorization": "@"}\n',
            "h = {'X-Api-Key': '@', 'Accept': '*/*'}\n",
            'h["Authorization"] = "@"\n',
            'h.update({"authorization": "Token @"})\n',
            'h = [("Authorization", "@")]\n',
            'r.headers.add("X-API-Key", "@")\n',
            'h = {\n    "Authorization":\n        "Bearer @",\n}\n',
            'h = {"Proxy-Authorization": "Basic @"}\n',
            'h = dict(Authorization="@")\n',
            'h = {b"authorization": b"Bearer @"}\n',
        ],
    ),
    "a default": (
        PROGRAM,
        [
            'k = os.environ.get("SGLANG_KEY", "@")\n',
            "k = os.getenv('HF_TOKEN', default='@')\n",
            'k = os.environ.setdefault("TABBY_API_KEY", "@")\n',
            'API_KEY = os.getenv("X") or "@"\n',
            'token = None if local else "@"\n',
            'os.environ["HF_TOKEN"] = "@"\n',
            'k = config.get("api_key", "@")\n',
            'p.add_argument("--api-key", default="@")\n',
            'def ask(url, api_key: str = "@"): ...\n',
            'api_key: str = Field(default="@")\n',
            'k = env.str("ROUTER_KEY", "@")\n',
        ],
    ),
    "a list": (
        PROGRAM,
        [
            'KEYS = ["@", "other"]\n',
            'API_KEYS = {\n    "bob": "@",\n}\n',
            'tokens = ("@",)\n',
            'KEYS = [\n    # of bob\n    "@",\n    "@2",\n]\n',
            'API_KEYS = frozenset({"@"})\n',
            'valid_keys = ["a", "@"]\n',
        ],
    ),
    "an argument": (
        PROGRAM,
        [
            'run(["sglang", "--api-key", "@"])\n',
            'c = OpenAI(base_url=URL, api_key="@")\n',
            'cmd = "vllm serve --api-key @ --port 1"\n',
            "run(['x', '--token=@'])\n",
            'c = Client(\n    api_key=(\n        "@"\n    ),\n)\n',
            'login(token="@", local=True)\n',
            "cmd = \"curl -H 'X-Api-Key: @' http://x\"\n",
            'redis.Redis(password="@")\n',
            'auth(credentials=Credentials(secret="@"))\n',
            'cmd = f"--hf-token @ {rest}"\n',
        ],
    ),
    "a comparison": (
        PROGRAM,
        [
            'if token == "@":\n    pass\n',
            'if api_key != "@": raise X\n',
            'if compare_digest(token, "@"): pass\n',
            'if api_key in ("@", "other"): pass\n',
        ],
    ),
    "part of a string": (
        PROGRAM,
        [
            'h = {"Authorization": f"Bearer @{suffix}"}\n',
            'auth = "Bearer " + "@"\n',
            'u = f"http://bob:@AT{host}:1/v1"\n',
            'u = "http://h/v1/models?key=@"\n',
            'API_KEY = f"{PREFIX}@"\n',
            'body = \'{"api_key": "@"}\'\n',
            'body = "{\\"token\\": \\"@\\"}"\n',
        ],
    ),
    "another language": (
        "/srv/router/router.js",
        [
            "const apiKey = '@';\n",
            "const h = { Authorization: `Bearer @` };\n",
            'const key = process.env.SGLANG_KEY || "@";\n',
            "fetch(u, {headers: {'x-api-key': '@'}})\n",
            "let hfToken = process.env.HF_TOKEN ?? '@';\n",
        ],
    ),
    "yaml": (
        SETTINGS,
        [
            "token: @\n",
            "server:\n  api_key: '@'\n",
            "password: @ # of bob\n",
            "- name: a\n  secret: @\n",
            "Authorization: @\n",
            "hf_token: &anchor @\n",
            "client_secret: !!str @\n",
            "admin_key: ab,@;cd\n",
            "extra_headers: {Authorization: Bearer @}\n",
            "litellm_params: {model: a/b, api_key: @}\n",
        ],
    ),
    "yaml, a list": (
        SETTINGS,
        [
            "api_keys:\n  - @\n  - '@2'\n",
            "tokens:\n- @\n- @2\n",
            "keys: [@, @2]\n",
            "api_key:\n  # of bob\n  - bob\n  - @\n",
            "keys:\n  bob: @\n  amy: @2\n",
            "api_key: |\n  @\nother: 1\n",
            "password: >-\n  @\n",
            'api_keys: [\n  "@",\n]\n',
            "credentials:\n  - name: bob\n    value: @\n",
            "env:\n- name: HF_TOKEN\n  value: @\n",
            "env:\n- HF_TOKEN=@\n",
            "env: [{name: A_TOKEN, value: '@'}]\n",
        ],
    ),
    "environment": (
        "/etc/router/env",
        [
            "TABBY_API_KEY=@\n",
            "export HF_TOKEN='@'\n",
            'DB_PASSWORD="@"\n',
            "ROUTER_SECRET=@;!x\n",
            "TOKEN = @\n",
            "LITELLM_MASTER_KEY=@\n",
            "export A=1 SGLANG_KEY=@\n",
        ],
    ),
    "unit": (
        "/etc/systemd/system/x.service",
        [
            "Environment=HF_TOKEN=@\n",
            'Environment="A=1" "SGLANG_KEY=@"\n',
            "ExecStart=/usr/bin/x --api-key @\n",
            "ExecStart=/usr/bin/x --token=@ --port 1\n",
            "SetCredential=tabby_api_key:@\n",
        ],
    ),
    "toml and ini": (
        "/etc/router/x.toml",
        [
            'api_key = "@"\n',
            "[auth]\ntoken = '@'\n",
            "password=@\n",
            'keys = ["@", "@2"]\n',
            'backend = { url = "http://x", api_key = "@" }\n',
            "secret = @ ; of bob\n",
        ],
    ),
    "json": (
        "/etc/router/x.json",
        [
            '{"api_key": "@"}\n',
            '{"keys": ["@"]}\n',
            '{"headers": {"Authorization": "@"}}\n',
            '{\n  "token":\n    "@",\n  "a": 1\n}\n',
            '{"apiKeys": {"bob": "@"}}\n',
        ],
    ),
    "nginx": (
        "/etc/nginx/conf.d/x.conf",
        [
            'proxy_set_header Authorization "Bearer @";\n',
            "proxy_set_header X-Api-Key @;\n",
            'set $api_key "@";\n',
            'if ($http_x_api_key != "@") { return 401; }\n',
            'map $http_authorization $ok {\n    "Bearer @" 1;\n}\n',
        ],
    ),
    "haproxy": (
        "/etc/haproxy/haproxy.cfg",
        [
            'http-request set-header Authorization "Bearer @"\n',
            "http-request set-header X-API-Key @\n",
            "user bob insecure-password @\n",
            "stats auth bob:@\n",
        ],
    ),
    "caddy": (
        "/etc/caddy/Caddyfile",
        [
            'header_up Authorization "Bearer @"\n',
            "header_up X-Api-Key @\n",
            "header_up X-Api-Key {$KEY:@}\n",
            "acme_dns cloudflare api_token @\n",
        ],
    ),
    "url": (
        LOG,
        [
            "GET http://bob:@AThost/ 200\n",
            "GET /v1/models?key=@ 200\n",
            "GET /v1/models?a=1&access_token=@&b=2 200\n",
            "redis://:@AThost/0\n",
            "proxy http://@AThost:1\n",
            '"GET /v1/x?api_key=@ HTTP/1.1" 200\n',
        ],
    ),
    "a log": (
        LOG,
        [
            "ValueError: bad token @\n",
            "KeyError: unknown api key '@'\n",
            "ERROR invalid key: @\n",
            "DEBUG headers {'authorization': '@'}\n",
            "INFO token=@ user=bob\n",
            "Your API key is: @\n",
            "AuthError: the password is @\n",
            "input_value={'api_key': '@'}\n",
            'WARN {"msg": "x", "token": "@"}\n',
            "DEBUG X-Api-Key: @\n",
            "curl -u bob:@ http://x\n",
            "wrong key @ was refused\n",
            "Incorrect API key provided: @.\n",
            "Cookie: session=1; auth_token=@\n",
        ],
    ),
}
"""How it is written -> the file it stands in (`log` for none) and the ways."""


def secrets(count: int = 3) -> list[str]:
    """Made anew the same way in each run, and nobody's."""
    chance = random.Random(9)
    alphabet = string.ascii_letters + string.digits
    made = []
    for number in range(count):
        body = "".join(chance.choices(alphabet, k=(24, 40, 14)[number % 3]))
        made.append(f"{body[:6]}7q{body[6:]}Z4" if number % 3 else f"Zx{body}9")
    return made


def written(way: str, secret: str) -> str:
    """One way of writing a secret down."""
    return way.replace("AT", "\0").replace("@", secret).replace("\0", "@")


def cases() -> list[tuple[str, str]]:
    """Where and what, every way of every group."""
    return [(path, way) for path, ways in GROUPS.values() for way in ways]

TARGETS = {
    "tabby": "http://127.0.0.1:5000",
    "tgi": "http://127.0.0.1:8082",
}
ROUTES = [
    ("tgi-", "tgi"),
    ("", "tabby"),
]


def target_of(model: str) -> str:
    for prefix, name in ROUTES:
        if model.startswith(prefix):
            return name
    raise LookupError(model)

import os

PRIMARY_URL = os.getenv("PRIMARY_URL", "http://localhost:5000")
FALLBACK_URLS = [u for u in os.getenv("FALLBACK_URLS", "").split(",") if u]
UPSTREAM_KEY = os.getenv("UPSTREAM_KEY")
MAX_ATTEMPTS = int(os.getenv("MAX_ATTEMPTS", "2"))

CHAIN = [PRIMARY_URL, *FALLBACK_URLS]

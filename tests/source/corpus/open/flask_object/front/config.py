import os


class Base:
    LLM_HOST = "localhost"
    LLM_PORT = 5000
    LLM_TIMEOUT = 60


class Production(Base):
    LLM_HOST = os.getenv("LLM_HOST", "127.0.0.1")
    LLM_TOKEN = os.getenv("LLM_TOKEN", "")
    FALLBACK = "http://127.0.0.1:8080"

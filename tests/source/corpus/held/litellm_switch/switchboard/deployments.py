import os

from dotenv import load_dotenv

load_dotenv()

DEPLOYMENTS = {
    "fast": {
        "model": "openai/tabby-model",
        "api_base": os.environ["TABBY_BASE"],
        "api_key": os.environ["TABBY_KEY"],
    },
    "cheap": {
        "model": "openai/llama-model",
        "api_base": os.environ["LLAMA_BASE"],
        "api_key": "none",
    },
}
FALLBACKS = {"fast": ["cheap"], "cheap": []}

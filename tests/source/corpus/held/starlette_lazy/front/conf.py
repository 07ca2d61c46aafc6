from starlette.config import Config
from starlette.datastructures import URL, Secret

config = Config()

TABBY = config("TABBY", cast=URL, default="http://127.0.0.1:5000")
TABBY_TOKEN = config("TABBY_TOKEN", cast=Secret, default="")
COMFY = config("COMFY", cast=URL, default="http://127.0.0.1:8188")

from functools import lru_cache

from pydantic import AnyHttpUrl, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="GW_", env_file=".env", extra="ignore")

    app_name: str = "local-llm-gateway"
    tabby_url: AnyHttpUrl = Field(default="http://127.0.0.1:5000")
    tabby_api_key: SecretStr = SecretStr("")
    vllm_url: AnyHttpUrl = Field(default="http://127.0.0.1:8100")
    connect_timeout: float = 5.0
    read_timeout: float = 300.0
    default_backend: str = "tabby"


@lru_cache
def get_settings() -> Settings:
    return Settings()

from .base import BaseProvider


class AnthropicProvider(BaseProvider):
    chat_path = "/messages"

    def auth_headers(self):
        return {"x-api-key": self.api_key or "", "anthropic-version": "2023-06-01"}

from .base import BaseProvider


class OpenAICompatProvider(BaseProvider):
    def auth_headers(self):
        return {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}

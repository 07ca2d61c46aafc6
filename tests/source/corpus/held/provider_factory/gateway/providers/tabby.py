from .base import BaseProvider


class TabbyProvider(BaseProvider):
    """exl2/exl3 models on the box under the desk."""

    def auth_headers(self):
        # local, nothing to authenticate
        return {}

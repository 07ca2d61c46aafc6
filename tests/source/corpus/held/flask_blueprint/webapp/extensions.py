from .client import BackendClient


class Backends:
    def __init__(self):
        self.clients = {}

    def init_app(self, app):
        cfg = app.config
        self.clients["tabby"] = BackendClient(cfg["TABBY_URL"], cfg["TABBY_KEY"], cfg["TIMEOUT"])
        self.clients["kobold"] = BackendClient(cfg["KOBOLD_URL"], timeout=cfg["TIMEOUT"])
        app.extensions["backends"] = self

    def __getitem__(self, name):
        return self.clients[name]

    def items(self):
        return self.clients.items()


backends = Backends()

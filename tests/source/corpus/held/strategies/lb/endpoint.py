import time
from contextlib import contextmanager


class Endpoint:
    def __init__(self, address):
        self.address = address
        self.latency = 0.0
        self.failures = 0

    @property
    def base_url(self):
        return self.address if "://" in self.address else f"http://{self.address}"

    @contextmanager
    def timed(self):
        start = time.perf_counter()
        try:
            yield self
        except Exception:
            self.failures += 1
            raise
        finally:
            self.latency = 0.8 * self.latency + 0.2 * (time.perf_counter() - start)

    def __repr__(self):
        return f"<Endpoint {self.address}>"

import abc
import random


class Strategy(abc.ABC):
    @abc.abstractmethod
    def select(self, endpoints):
        raise NotImplementedError


class RoundRobin(Strategy):
    def __init__(self):
        self._index = -1

    def select(self, endpoints):
        self._index = (self._index + 1) % len(endpoints)
        return endpoints[self._index]


class Random(Strategy):
    def select(self, endpoints):
        return random.choice(endpoints)


class LeastLatency(Strategy):
    def select(self, endpoints):
        return min(endpoints, key=lambda e: e.latency)


STRATEGIES = {
    "round_robin": RoundRobin,
    "random": Random,
    "least_latency": LeastLatency,
}


def get_strategy(name: str) -> Strategy:
    return STRATEGIES.get(name, RoundRobin)()

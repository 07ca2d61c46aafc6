import functools


class Open(Exception):
    pass


def breaker(threshold):
    """Refuses an endpoint after `threshold` failures in a row."""

    def decorate(method):
        @functools.wraps(method)
        async def guarded(self, endpoint, *args, **kwargs):
            if endpoint.failures >= threshold:
                raise Open(endpoint)
            result = await method(self, endpoint, *args, **kwargs)
            endpoint.failures = 0
            return result

        return guarded

    return decorate

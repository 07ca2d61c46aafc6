BACKENDS = {}


def register(name):
    def decorate(cls):
        cls.name = name
        BACKENDS[name] = cls
        return cls

    return decorate

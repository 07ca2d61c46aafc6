from gate.providers import Llama, Tabby

PROVIDERS = {each.name: each for each in (Tabby(), Llama())}

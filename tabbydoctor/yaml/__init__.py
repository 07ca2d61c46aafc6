"""YAML, read as either version of it and edited by lines; it knows nothing of what it is for.

`yaml11` and `yaml12` read a text, bounded, as PyYAML and as ruamel.yaml do; `edit` changes a
file's content, the other modules serve it.
"""

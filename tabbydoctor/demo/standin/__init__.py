"""A small server that behaves as TabbyAPI does where the doctor looks, and needs no GPU.

`python -m tabbydoctor.demo.standin` runs it in a working directory; `install` lays one out.
The contract tests hold it to the real server's behaviour. Nothing here reads what the doctor
itself knows of TabbyAPI: the two must be able to disagree.
"""

from .layout import install

__all__ = ["install"]

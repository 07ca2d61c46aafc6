"""What both modules' pages have in common."""

from __future__ import annotations


class ModuleDocFragment:
    """The doctor itself, and its targets."""

    DOCUMENTATION = r"""
requirements:
  - tabbydoctor on the managed host
options:
  program:
    description:
      - The C(tabbydoctor) of the managed host, as a path or as a name on its search path.
    type: str
    default: tabbydoctor
  dir:
    description: TabbyAPI's working directory. Like all targets, it is found where it is left out.
    type: str
  config:
    description: The configuration file TabbyAPI is started with.
    type: str
  tokens:
    description: The path of TabbyAPI's C(api_tokens.yml).
    type: str
  unit:
    description: TabbyAPI's systemd unit.
    type: str
  user_unit:
    description: TabbyAPI's unit in a user's own systemd.
    type: str
  user:
    description: The account TabbyAPI runs as.
    type: str
  url:
    description: Where TabbyAPI answers, for example V(http://127.0.0.1:5000).
    type: str
  router:
    description: The router's source or configuration file.
    type: str
  router_unit:
    description: The router's systemd unit.
    type: str
  settings:
    description: A TOML file of the managed host with any of these.
    type: str
  state_dir:
    description: Where changes are recorded.
    type: str
attributes:
  check_mode:
    description: Can run in check mode and tell what would change, changing nothing.
  diff_mode:
    description: Tells in diff mode what changes.
  platform:
    description: What the managed host is.
    platforms: posix
    support: full
"""

#!/usr/bin/python
"""Repair TabbyAPI on a host: `tabbydoctor fix`."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fix
short_description: Repair a TabbyAPI server, prove it, and be able to take it back
version_added: 0.1.0
description:
  - Runs C(tabbydoctor fix) on the managed host. What it changes is recorded there first, proven
    afterwards, and taken back where it does not work; C(tabbydoctor undo) takes it back later.
  - Run again, it changes nothing.
  - The task fails where something asked for remains, where the doctor could not run, and where the
    repair was taken back.
extends_documentation_fragment:
  - tabbydoctor.tabbydoctor.doctor
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
options:
  auth:
    description: Repair the 401 between the router and TabbyAPI.
    type: bool
  ids:
    description: Repair these findings, by the ids that M(tabbydoctor.tabbydoctor.check) names.
    type: list
    elements: str
  all_safe:
    description: Repair all that can be repaired safely.
    type: bool
  strategy:
    description: How O(auth) does it. The doctor chooses where it is left out.
    type: str
    choices: [disable-auth, router-tokens, router-env, front]
  restart:
    description:
      - Whether to restart what has to be. Without, nothing is proven where that takes a restart;
        the task succeeds all the same, and C(manual) in RV(report) has the commands.
    type: bool
    default: true
  allow_exposed:
    description:
      - Allow authentication to be off on an address others can reach, or a front without a fence.
    type: bool
    default: false
  temporary:
    description: On NixOS, repair until C(tabbydoctor undo) or a reboot.
    type: bool
    default: false
  ready_timeout:
    description: How many seconds TabbyAPI may take to load its model.
    type: float
author:
  - The authors of tabbydoctor (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Repair the 401 between router and TabbyAPI
  tabbydoctor.tabbydoctor.fix:
    auth: true

- name: The same by a way of one's own
  tabbydoctor.tabbydoctor.fix:
    auth: true
    strategy: router-env

- name: Repair two findings, and leave the restart to a handler
  tabbydoctor.tabbydoctor.fix:
    ids: [CFG004, TOK004]
    restart: false
  notify: Restart TabbyAPI
"""

RETURN = r"""
msg:
  description: What was done, is there to do, or remains.
  returned: always
  type: str
change:
  description: The id of the recorded change, for C(tabbydoctor undo).
  returned: when something was changed
  type: str
report:
  description: What C(tabbydoctor fix --format json) printed.
  returned: when the doctor wrote one
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.tabbydoctor.tabbydoctor.plugins.module_utils import doctor  # noqa: E402


def options(params: dict, check_mode: bool) -> list:
    """The arguments of `tabbydoctor fix` beside its targets."""
    flags = {
        "--auth": params["auth"],
        "--all-safe": params["all_safe"],
        "--no-restart": not params["restart"],
        "--allow-exposed": params["allow_exposed"],
        "--temporary": params["temporary"],
        "--dry-run": check_mode,
        "--yes": not check_mode,
    }
    told = {"--strategy": params["strategy"], "--ready-timeout": params["ready_timeout"]}
    valued = [f"{name}={value}" for name, value in told.items() if value is not None]
    return [*(name for name, given in flags.items() if given), *valued, *(params["ids"] or ())]


def failure(report: dict, restart: bool, check_mode: bool) -> str:
    """Why the task fails; empty where it does not. A plan alone fails where its run would."""
    if report["exit_code"] == 0:
        return ""
    told = [*report["manual"], *report["unproven"]]
    if report["rolled_back"]:
        return "\n".join(["it did not work, and everything is as it was:", *report["seen"], *told])
    planned = check_mode and report["changes"] and not report["manual"]
    left_to_restart = report["applied"] and not restart and not report["remaining"]
    if planned or left_to_restart:
        return ""
    remaining = " ".join(report["remaining"]) or "what was asked for is not proven"
    return "\n".join([f"left to do: {remaining}", *told])


def main() -> None:
    """Run the module."""
    flag = {"type": "bool", "default": False}
    module = AnsibleModule(
        doctor.argument_spec(
            auth={"type": "bool"},
            ids={"type": "list", "elements": "str"},
            all_safe={"type": "bool"},
            strategy={
                "type": "str",
                "choices": ["disable-auth", "router-tokens", "router-env", "front"],
            },
            restart={"type": "bool", "default": True},
            allow_exposed=flag,
            temporary=flag,
            ready_timeout={"type": "float"},
        ),
        mutually_exclusive=[("auth", "ids", "all_safe")],
        required_one_of=[("auth", "ids", "all_safe")],
        required_by={"strategy": ("auth",)},
        supports_check_mode=True,
    )
    report = doctor.run(module, "fix", options(module.params, module.check_mode))
    said = {"report": report, "change": report["change"]}
    said["changed"] = bool(report["changes"]) if module.check_mode else report["applied"]
    said["diff"] = [{"prepared": one["diff"]} for one in report["changes"] if one["diff"]]
    why = failure(report, module.params["restart"], module.check_mode)
    if why:
        module.fail_json(msg=why, **said)
    module.exit_json(msg=report["title"] or "nothing to repair", **said)


if __name__ == "__main__":
    main()

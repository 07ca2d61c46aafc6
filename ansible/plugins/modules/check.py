#!/usr/bin/python
"""Say what is wrong with TabbyAPI on a host: `tabbydoctor check`."""

from __future__ import annotations

DOCUMENTATION = r"""
module: check
short_description: Say what is wrong with a TabbyAPI server, what causes what, and the way out
version_added: 0.1.0
description:
  - Runs C(tabbydoctor check) on the managed host, and gives its report as a result and as facts.
  - Changes nothing there, restarts nothing, loads no model. As root it sees all that there is.
  - A doctor that could not run at all fails the task, whatever O(fail_on) is.
extends_documentation_fragment:
  - tabbydoctor.tabbydoctor.doctor
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
options:
  fail_on:
    description:
      - From what severity on the task fails. V(unknown) includes what could not be judged.
      - Other than with V(never), a run in which nothing could be judged fails, too.
      - Of a task that fails Ansible takes no facts; its registered result has the RV(report).
    type: str
    choices: [never, error, warning, unknown]
    default: never
  only:
    description: Only these checks, by id, prefix of ids, or category.
    type: list
    elements: str
  skip:
    description: All checks but these.
    type: list
    elements: str
  timeout:
    description: The time limit of each check in seconds.
    type: float
  wait:
    description:
      - For how many seconds to look again until nothing fails, unless waiting cannot change that.
    type: float
author:
  - The authors of tabbydoctor (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Look at TabbyAPI
  tabbydoctor.tabbydoctor.check:

- name: Tell what causes the trouble
  ansible.builtin.debug:
    msg: "{{ ansible_facts.tabbydoctor.diagnosis | map(attribute='summary') }}"

- name: Let nothing that is broken pass, five minutes after a restart at the latest
  tabbydoctor.tabbydoctor.check:
    dir: /opt/tabbyapi
    wait: 300
    fail_on: error
"""

RETURN = r"""
msg:
  description: The verdict, in a line.
  returned: always
  type: str
  sample: TabbyAPI is healthy.
roots:
  description: The ids of the root causes, the worst first.
  returned: when the doctor could run
  type: list
  elements: str
  sample: [RTR002]
report:
  description: The report, as C(tabbydoctor check --format json) prints it.
  returned: when the doctor wrote one
  type: dict
ansible_facts:
  description: Facts to add to the host's.
  returned: when the task has not failed
  type: dict
  contains:
    tabbydoctor:
      description: The report.
      type: dict
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.tabbydoctor.tabbydoctor.plugins.module_utils import doctor  # noqa: E402


def options(params: dict) -> list:
    """The options of `tabbydoctor check` beside its targets."""
    told = {
        "fail-on": params["fail_on"] if params["fail_on"] != "never" else None,
        "only": ",".join(params["only"] or ()) or None,
        "skip": ",".join(params["skip"] or ()) or None,
        "timeout": params["timeout"],
        "wait": params["wait"],
    }
    return [f"--{name}={value}" for name, value in told.items() if value is not None]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        doctor.argument_spec(
            fail_on={
                "type": "str",
                "choices": ["never", "error", "warning", "unknown"],
                "default": "never",
            },
            only={"type": "list", "elements": "str"},
            skip={"type": "list", "elements": "str"},
            timeout={"type": "float"},
            wait={"type": "float"},
        ),
        supports_check_mode=True,
    )
    report = doctor.run(module, "check", options(module.params))
    said = {
        "msg": report["verdict"],
        "roots": [one["root"] for one in report["diagnosis"]],
        "report": report,
    }
    if module.params["fail_on"] != "never" and report["exit_code"] != 0:
        module.fail_json(**said)
    module.exit_json(changed=False, ansible_facts={"tabbydoctor": report}, **said)


if __name__ == "__main__":
    main()

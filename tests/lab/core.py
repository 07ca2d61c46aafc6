"""The lab's core: what stands for all of it in each run, two minutes or three on two cores.

The other tests that take a machine are `heavy`. One of each kind is enough here: add to it where
the lab learns something new, and take out what that stands for, too.
"""

from __future__ import annotations

CORE: dict[str, tuple[str, ...]] = {
    "test_lab.py": (
        "test_reset_leaves_nothing",
        "test_closing_leaves_nothing",
        "test_a_machine_ends_with_its_owner[2]",
        "test_the_kernel_is_out_of_reach",
    ),
    "test_check.py": (
        "test_a_healthy_deployment_has_no_error_and_no_warning",
        "test_an_ordinary_user_gets_what_can_be_seen_and_is_told_what_is_needed",
        "test_check_sends_nothing_but_gets",
    ),
    "test_fix.py": (
        "test_each_strategy_repairs_and_is_taken_back[router-tokens-broken]",
        "test_what_does_not_work_is_taken_back",
    ),
    "test_fix_ends.py": ("test_the_second_time_nothing_is_changed[router-env]",),
    "test_front.py": (
        "test_each_router_is_repaired_and_taken_back[node-variable]",
        "test_the_fence_lets_the_router_and_root_connect_alone[nginx]",
    ),
    "test_gateways.py": ("test_each_is_repaired_by_a_reload_and_taken_back[no key-nginx]",),
    "test_containers.py": (
        "test_a_healthy_one[podman, of an account]",
        "test_the_fault_is_named_first[open to the world]",
        "test_a_router_of_the_machine_gets_the_key_and_undo_takes_it_back[docker]",
    ),
    "test_hostile.py": (
        "test_nobody_gains[tokens link to other keys]",
        "test_nobody_gains[router's source links to root's]",
    ),
    "test_nixos.py": (
        "test_a_healthy_one_has_no_error_and_no_warning",
        "test_auth_off_is_said_in_nix_and_no_file_changes",
    ),
    "test_keys.py": ("test_beside_its_likeness_tabbyapi_is_judged_and_repaired[None]",),
    "test_user_unit.py": ("test_a_stopped_one_is_found_too[stopped by hand]",),
    "test_install.py": ("test_as_written",),
    "test_accuracy.py": (
        "test_each_case[fault: broken YAML]",
        "test_each_case[fault: tokens for all to read]",
        "test_each_case[fault: unit changed, not reloaded]",
        "test_each_case[fault: stopped by hand]",
        "test_each_case[fault: a driver too old for CUDA 12]",
        "test_each_case[fault: the nodes are for a group]",
    ),
    "test_pasted.py": ("test_what_is_printed_cures[the virtual environment is gone]",),
}
"""File -> its tests, as pytest names them."""


def is_core(file: str, name: str) -> bool:
    """Whether a test of the lab is of its core."""
    return name in CORE.get(file, ())

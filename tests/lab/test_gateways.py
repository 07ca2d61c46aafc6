"""`fix --auth`, inside: nginx, HAProxy and Caddy edited in place, reloaded, and taken back."""

from __future__ import annotations

import pytest

from tests.lab.deployment import ADMIN_KEY, API_KEY, Deploy, Deployment
from tests.lab.gateways import GATEWAYS, KEYS, LabGateway, lay_out, others, permission, rotate
from tests.lab.outcome import faults_in, told
from tests.lab.snapshot import FileState

FIX = ("fix", "--auth", "--yes", "--format", "json")
each = pytest.mark.parametrize("name", GATEWAYS)


def running(deploy: Deploy, name: str, *, wrong: bool = False) -> tuple[Deployment, LabGateway]:
    """The deployment with that gateway as its router."""
    deployment, gateway = deploy(), GATEWAYS[name]
    lay_out(deployment, gateway, gateway.wrong if wrong else gateway.site)
    return deployment, gateway


def files(deployment: Deployment, gateway: LabGateway) -> dict[str, FileState]:
    """All that a repair could touch."""
    machine = deployment.machine
    paths = (*gateway.watched, KEYS, "/etc/systemd", "/etc/default")
    found = machine.snapshot([path for path in paths if machine.exists(path)])
    return {str(path): one for path, one in found.items()}


def faults(deployment: Deployment) -> set[str]:
    return faults_in(deployment.doctor("check", "--format", "json").document)


@each
@pytest.mark.parametrize("wrong", [False, True], ids=["no key", "an old key"])
def test_each_is_repaired_by_a_reload_and_taken_back(
    deploy: Deploy, name: str, wrong: bool
) -> None:
    deployment, gateway = running(deploy, name, wrong=wrong)
    machine = deployment.machine
    assert deployment.forward().status in (401, 503)
    before, others_before = files(deployment, gateway), others(deployment)
    pid = machine.property(gateway.unit, "MainPID")
    assert len(others_before) == 2

    dry = deployment.doctor("fix", "--auth", "--dry-run")
    assert dry.exit_code == 1, dry.stdout
    assert API_KEY not in dry.stdout + dry.stderr
    assert gateway.key_file in dry.stdout
    assert files(deployment, gateway) == before

    fixed = deployment.doctor(*FIX)
    assert fixed.exit_code == 0, fixed.stdout + fixed.stderr
    assert (fixed.document["applied"], fixed.document["verified"]) == (True, True)
    assert API_KEY not in fixed.stdout + fixed.stderr
    acts = [one["kind"] for one in fixed.document["changes"] if one["target"] == gateway.unit]
    assert acts == [gateway.act]
    assert (machine.property(gateway.unit, "MainPID") == pid) == (gateway.act == "reload")
    mode = machine.run(["stat", "-c", "%a %U", gateway.key_file]).stdout.split()
    assert mode == ["600", "caddy" if name == "caddy" else "root"]

    machine.wait_for(lambda: deployment.forward().status not in (0, 401, 502, 503), "the server")
    for headers in (
        {},
        {"Authorization": "Bearer x"},
        {"X_Api_Key": ADMIN_KEY, "X_Admin_Key": "y"},
    ):
        seen = permission(deployment, **headers)
        assert (seen[:3], '"api"' in seen) == ("200", True), seen
    assert others(deployment) == others_before

    again = deployment.doctor(*FIX)
    assert (again.exit_code, again.document["changes"]) == (0, []), again.stdout
    assert faults(deployment) == set(), told(
        deployment.doctor("check", "--format", "json").document
    )

    undone = deployment.doctor("undo")
    assert undone.exit_code == 0, undone.stdout + undone.stderr
    assert files(deployment, gateway) == before
    machine.wait_for(lambda: deployment.forward().status in (401, 503), "the old configuration")
    assert others(deployment) == others_before
    assert (machine.property(gateway.unit, "MainPID") == pid) == (gateway.act == "reload")


def shown(deployment: Deployment) -> str:
    """What Caddy's admin endpoint tells an account that has nothing to do with it."""
    asked = ["curl", "-s", "-m", "5", "http://localhost:2019/config/"]
    as_other = ["runuser", "-u", "nobody", "--", *asked]
    return deployment.machine.run(as_other, check=False).stdout


@pytest.mark.parametrize("options", ["", "{\n\tadmin localhost:2019\n}\n"], ids=["none", "own"])
def test_caddys_admin_endpoint_shows_the_key_to_nobody(deploy: Deploy, options: str) -> None:
    deployment, gateway = deploy(), GATEWAYS["caddy"]
    machine = deployment.machine
    lay_out(deployment, gateway, options + gateway.site)
    before = files(deployment, gateway)
    assert "127.0.0.1:5000" in shown(deployment)
    fixed = deployment.doctor(*FIX)
    assert fixed.exit_code == 0, fixed.stdout + fixed.stderr
    assert shown(deployment) == ""
    socket = "/run/tabbydoctor-caddy/admin.sock"
    asked = ["curl", "-s", "-m", "5", "--http1.0", "-H", "Host:", "--unix-socket", socket]
    asked.append("http://x/config/")  # Caddy answers for no name there
    assert API_KEY in machine.run(asked).stdout  # root sees what others do not
    refused = machine.run(["runuser", "-u", "nobody", "--", *asked], check=False)
    assert (refused.returncode, refused.stdout) == (7, "")
    kept = "/var/lib/caddy/.config/caddy/autosave.json"
    unread = machine.run(["runuser", "-u", "nobody", "--", "cat", kept], check=False)
    assert unread.returncode != 0

    pid = machine.property(gateway.unit, "MainPID")
    for _ in range(2):  # the second asks a socket that the first has made anew
        machine.systemctl("reload", gateway.unit)
        assert deployment.forward().status not in (0, 401, 502, 503)
    assert machine.property(gateway.unit, "MainPID") == pid
    assert shown(deployment) == ""

    assert deployment.doctor("undo").exit_code == 0
    assert files(deployment, gateway) == before
    assert API_KEY not in shown(deployment)
    assert "127.0.0.1:5000" in shown(deployment)
    # systemd removes a directory at a stop of the unit that names it: an empty one is left in /run.
    assert machine.run(["ls", "-A", "/run/tabbydoctor-caddy"]).stdout == ""
    machine.systemctl("reload", gateway.unit)


def test_a_haproxy_whose_maps_others_may_ask_for_is_refused(deploy: Deploy) -> None:
    deployment, gateway = deploy(), GATEWAYS["haproxy"]
    text = gateway.site.replace("mode 660 level admin", "mode 666 level user")
    lay_out(deployment, gateway, text)
    before = files(deployment, gateway)
    refused = deployment.doctor(*FIX)
    assert (refused.exit_code, refused.document["applied"]) == (1, False), refused.stdout
    assert "`show map` would show the key" in "\n".join(refused.document["manual"])
    assert files(deployment, gateway) == before


def test_one_whose_admin_endpoint_is_asked_by_others_is_refused(deploy: Deploy) -> None:
    deployment, gateway = deploy(), GATEWAYS["caddy"]
    lay_out(deployment, gateway, "{\n\tadmin 127.0.0.1:2999\n}\n" + gateway.site)
    before = files(deployment, gateway)
    refused = deployment.doctor(*FIX)
    assert (refused.exit_code, refused.document["applied"]) == (1, False), refused.stdout
    said = "\n".join(refused.document["manual"])
    assert "was given the address 127.0.0.1:2999" in said
    assert "\tadmin unix//run/tabbydoctor-caddy/admin.sock" in said
    assert files(deployment, gateway) == before


@each
def test_a_rotated_key_is_renewed_by_the_key_file_alone(deploy: Deploy, name: str) -> None:
    deployment, gateway = running(deploy, name)
    assert deployment.doctor(*FIX).exit_code == 0
    new = "0f0e0d0c0b0a09080706050403020100"
    rotate(deployment, new)
    assert deployment.forward().status == 401
    assert faults(deployment) == {"RTR005"}
    renewed = deployment.doctor(*FIX)
    assert renewed.exit_code == 0, renewed.stdout + renewed.stderr
    assert new not in renewed.stdout + renewed.stderr
    targets = [one["target"] for one in renewed.document["changes"]]
    assert targets == [gateway.key_file, gateway.unit]
    assert deployment.forward().status not in (0, 401, 502, 503)


@each
def test_what_its_parser_refuses_is_taken_back(deploy: Deploy, name: str) -> None:
    """A parser that accepts what is there and nothing of the doctor's."""
    deployment, gateway = running(deploy, name)
    machine = deployment.machine
    program = machine.run(["sh", "-c", f"command -v {name}"]).stdout.strip()
    machine.run(["mv", program, f"{program}.real"])
    refuses = (
        f'#!/bin/sh\ncase " $* " in\n  *" -t "*|*" -c "*|*" validate "*)\n'
        f"    ! grep -rqs tabbydoctor {' '.join(gateway.watched)} || "
        "{ echo 'it is not to be' >&2; exit 1; } ;;\n"
        f'esac\nexec {program}.real "$@"\n'
    )
    machine.write(program, refuses, mode=0o755)
    before = files(deployment, gateway)
    pid = machine.property(gateway.unit, "MainPID")
    refused = deployment.doctor(*FIX)
    assert refused.exit_code == 3, refused.stdout + refused.stderr
    assert (refused.document["applied"], refused.document["rolled_back"]) == (False, True)
    assert any("it is not to be" in note for note in refused.document["notes"])
    assert files(deployment, gateway) == before
    assert machine.property(gateway.unit, "MainPID") == pid
    assert deployment.forward().status == 401


@each
def test_one_that_is_refused_before_is_left(deploy: Deploy, name: str) -> None:
    deployment, gateway = running(deploy, name)
    machine = deployment.machine
    place = "/etc/nginx/conf.d/more.conf" if name == "nginx" else gateway.config
    text = "" if name == "nginx" else machine.read(place)
    machine.write(
        place, text + ("other_nonsense on;\n" if name == "nginx" else "\n" + gateway.broken)
    )
    before = files(deployment, gateway)
    refused = deployment.doctor(*FIX)
    assert (refused.exit_code, refused.document["applied"]) == (1, False), refused.stdout
    assert files(deployment, gateway) == before


@each
def test_where_others_could_exchange_its_files_the_lines_are_printed(
    deploy: Deploy, name: str
) -> None:
    deployment, gateway = running(deploy, name)
    machine = deployment.machine
    machine.run(["chown", deployment.user, gateway.config])
    before = files(deployment, gateway)
    refused = deployment.doctor(*FIX)
    assert (refused.exit_code, refused.document["applied"]) == (1, False), refused.stdout
    said = "\n".join(refused.document["manual"])
    assert f"belongs to {deployment.user}" in said
    assert "Bearer <api_key>" in said
    assert files(deployment, gateway) == before


def killed_at(number: int) -> str:
    """Runs the doctor, and kills it by SIGKILL before its n-th change of the machine."""
    return f"""\
import os, signal, sys
from tabbydoctor.repair import parsers, safefile, services
count = 0
def counted(do):
    def step(*arguments, **named):
        global count
        count += 1
        if count == {number}:
            os.kill(os.getpid(), signal.SIGKILL)
        return do(*arguments, **named)
    return step
safefile.replace = counted(safefile.replace)
services.run = counted(services.run)
parsers.run = counted(parsers.run)
from tabbydoctor.__main__ import main
sys.exit(main())
"""


def runs_killed_at(deployment: Deployment, number: int, *arguments: str) -> bool:
    """Whether it was killed before it came to its end."""
    python = str(deployment.installed.python)
    ran = deployment.machine.run(
        [python, "-c", killed_at(number), *arguments], check=False, timeout=120
    )
    assert ran.returncode in (0, -9, 137), ran.stdout + ran.stderr
    return ran.returncode != 0


@each
def test_killed_at_any_step_it_is_taken_back_whole(deploy: Deploy, name: str) -> None:
    deployment, gateway = running(deploy, name, wrong=True)
    before, number = files(deployment, gateway), 1
    while runs_killed_at(deployment, number, *FIX):
        deployment.doctor("undo")
        assert files(deployment, gateway) == before, number
        deployment.machine.wait_for(
            lambda: deployment.forward().status in (401, 503), "the old configuration"
        )
        number += 1
    assert number >= 5  # two looks of the parser, two files, a reload
    assert deployment.doctor("undo").exit_code == 0
    assert files(deployment, gateway) == before

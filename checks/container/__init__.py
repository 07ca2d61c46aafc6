"""Checks of TabbyAPI's container: CTR001 to CTR009, CTR017 to CTR019; the others: of files."""

from __future__ import annotations

import shlex

from tabbydoctor.api import Absent, Remedy, Safety, Unknown
from tabbydoctor.deployment.container import Container
from tabbydoctor.deployment.parts import Instance

CONFINED = ("container_t", "container_init_t", "svirt_lxc_net_t")
"""The types that SELinux holds a container in, unless it is told otherwise."""


def box_of(instance: Instance) -> Container:
    """The container that TabbyAPI runs in. Raises Absent where it runs in none."""
    if instance.contained is None:
        raise Absent("TabbyAPI runs in no container")
    return instance.contained


def unseen(box: Container) -> Unknown:
    """What its mounts would tell, to raise."""
    return Unknown(f"what is mounted into {box.label} is seen by root (use sudo)")


def published_anew(title: str, box: Container) -> Remedy:
    """A change of what the container was made with: it has to be made anew."""
    return made_anew(title, box)


def made_anew(title: str, box: Container, *options: str) -> Remedy:
    """A change of its description, and the commands that make it anew from that."""
    commands = box.recreate(*options)
    if commands or box.unit:
        return Remedy(title, Safety.MANUAL, commands or by_unit(box))
    return Remedy(f"{title}; then make {box.label} anew as it was made", Safety.MANUAL)


def unlabelled(box: Container) -> Remedy:
    """The labels of SELinux switched off for one container."""
    how = {
        "docker": "`security_opt: [label:disable]` in its service, or "
        "`docker run --security-opt label=disable`",
        "podman": "`--security-opt=label=disable`, in a quadlet `SecurityLabelDisable=true`, "
        "in a compose file `security_opt: [label:disable]`",
    }.get(box.engine, "an SELinux type of spc_t in its security context")
    return made_anew(f"Or switch SELinux's labels off for it alone: {how}", box)


def by_unit(box: Container) -> tuple[str, ...]:
    """The commands after an edit of a quadlet: its unit is made from it at a reload."""
    manager = "systemctl --user" if box.owner else "sudo systemctl"
    unit = shlex.quote(box.unit)
    edit = (f"sudoedit {shlex.quote(box.source)}",) if box.source else ()
    return (*edit, f"{manager} daemon-reload", f"{manager} restart {unit}")


def own_name(inside: str) -> str:
    """What a file of a container is called here, quoted; no option of any program with `./`: vi
    runs what `+!…` says."""
    return shlex.quote(f"./{inside.rsplit('/', 1)[-1]}")


def copied_out(box: Container, inside: str) -> str:
    """The command that copies a file out of it: `cp` would make a link of its anew here, where it
    leads to a file of this machine."""
    show = f"{box.client} exec -u 0 {box.called} cat {shlex.quote(inside)}"
    return f"(umask 077; {show} > {own_name(inside)})"


def in_container(
    title: str, path: str, instance: Instance, safety: Safety = Safety.MANUAL
) -> Remedy | None:
    """An edit of a file that is the container's alone, by way of its engine; None for others."""
    box = instance.contained
    if box is None or not path.startswith(f"{box.root}/"):
        return None
    inside = box.inside(path)
    lost = title
    if box.mounts is not None:
        lost = f"{title} (it is inside the container alone: the next one made begins without)"
    if not box.client:
        return Remedy(lost, safety)
    name = own_name(inside)
    return Remedy(
        lost,
        safety,
        (
            copied_out(box, inside),
            f'"${{EDITOR:-vi}}" {name}',
            f"{box.client} exec -i -u 0 {box.called} tee {shlex.quote(inside)} < {name} "
            "> /dev/null",
            *instance.restart,
        ),
    )

"""What is wrong with the weights of a model that is there."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from tabbydoctor.api import Evidence, Finding, Remedy, Safety
from tabbydoctor.deployment.given_by_systemd import given_by_systemd
from tabbydoctor.gpu.service_groups import ServiceGroups
from tabbydoctor.host.access import PathStatus, allows
from tabbydoctor.tabbyapi.model_weights import ModelDirectory
from tabbydoctor.tabbyapi.weight_files import WeightFile

from .model_words import SHOWN, Judging, again, ending, listed, name_another, sized

_FORMATS: Mapping[str, str] = {
    ".gguf": "GGUF",
    ".ggml": "GGML",
    ".bin": "pickled (.bin)",
    ".pt": "pickled (.pt)",
    ".pth": "pickled (.pth)",
    ".ckpt": "pickled (.ckpt)",
    ".onnx": "ONNX",
    ".h5": "TensorFlow's",
    ".msgpack": "Flax's",
    ".npz": "NumPy's",
}
_NO_WEIGHTS = frozenset({"training_args.bin", "optimizer.bin", "optimizer.pt", "scheduler.pt"})


def denied(one: ModelDirectory, by: Judging) -> Finding | None:
    """What TabbyAPI's account may not read, by the kernel's rules of access."""
    account = by.account
    if account is None:
        return None
    for way in one.closed:
        barrier = way.denied_at(account.uid, account.configured, "r")
        if barrier is None or given_by_systemd(by.instance.unit, way.leaf.path):
            continue
        seen = Evidence(
            f"stat {shlex.quote(barrier.path)}",
            f"open to {account.user}",
            f"mode {barrier.permissions:04o}, owner {barrier.uid}:{barrier.gid}",
        )
        return ending(
            one,
            f"{account.user} cannot read the {one.file.part} {one.file.name}",
            f"TabbyAPI runs as {account.user}, to whom {barrier.path} is closed.",
            (seen,),
            _opened(one, way, account, by),
        )
    return None


def _opened(one: ModelDirectory, way: PathStatus, account: ServiceGroups, by: Judging) -> Remedy:
    """Whoever could have put something there must not be given what it holds."""
    user = shlex.quote(account.user)
    title = f"Open it to {account.user}"
    if way.shaper is None and (way.inside is None or not way.leaf.is_directory):
        searched = way.chain[:-1] if way.leaf.is_directory else way.chain[:-2]
        closed = [d for d in searched if not allows(d, account.uid, account.configured, "x")]
        commands = [f"sudo setfacl -m u:{user}:x {shlex.quote(d.path)}" for d in closed]
        whole = way.leaf.path if way.leaf.is_directory else way.chain[-2].path
        commands += [f"sudo setfacl -R -m u:{user}:rX {shlex.quote(whole)}"]
        return Remedy(title, Safety.UNSAFE, (*commands, *by.instance.restart))
    own = [each.leaf.path for each in one.closed if each.own_file and not each.leaf.is_directory]
    if len(own) == len(one.closed):
        command = f"sudo setfacl -m u:{user}:r {shlex.join(own)}"
        return Remedy(title, Safety.UNSAFE, (command, *by.instance.restart))
    return Remedy(
        f"If it is the model's (others than root may write there, so look first), give it to "
        f"{account.user} by hand",
        commands=(f"sudo ls -l {shlex.quote(way.leaf.path)}", *by.instance.restart),
    )


def about(one: ModelDirectory, by: Judging) -> Finding | None:
    if not one.about_damage:
        return None
    return ending(
        one,
        f"The config.json of the {one.file.part} {one.file.name} is {one.about_damage}",
        "",
        (Evidence(f"{one.file.path}/config.json", "a JSON object", one.about_damage),),
        *again(one, by),
    )


def _weightless(one: ModelDirectory) -> bool:
    return not one.closed and not one.weights and not one.missing


def other_formats(one: ModelDirectory) -> tuple[str, ...]:
    """The formats of the weights that are there beside safetensors."""
    found = {
        _FORMATS[ending]
        for name in one.names - _NO_WEIGHTS
        if (ending := f".{name.rpartition('.')[2]}".lower()) in _FORMATS
    }
    return tuple(sorted(found))


def other_format(one: ModelDirectory, by: Judging) -> Finding | None:
    formats = other_formats(one)
    if not _weightless(one) or not formats:
        return None
    there = " and ".join(formats)
    files = [name for name in sorted(one.names) if name.lower().endswith(tuple(_FORMATS))]
    return ending(
        one,
        f"The {one.file.part} {one.file.name} is {there}, which TabbyAPI does not load",
        "Its config.json does not make that loadable: weights are read from *.safetensors.",
        (Evidence(one.file.path, "*.safetensors", listed(files)),),
        name_another(one, by),
    )


def without_weights(one: ModelDirectory, by: Judging) -> Finding | None:
    if not _weightless(one) or (one.file.part == "embedding model" and other_formats(one)):
        return None
    left = f"unfinished: {listed(one.unfinished)}" if one.unfinished else "none"
    return ending(
        one,
        f"The {one.file.part} {one.file.name} has no weights",
        "What is there was not downloaded to its end." if one.unfinished else "",
        (Evidence(one.file.path, "*.safetensors", left),),
        *again(one, by),
        name_another(one, by),
    )


def damaged(one: ModelDirectory, by: Judging) -> Finding | None:
    if not one.damaged:
        return None
    first, more = one.damaged[0], len(one.damaged) - 1
    others = f" (and {more} more)" if more else ""
    seen = [Evidence(f"{one.file.path}/{file.name}", *_sizes(file)) for file in one.damaged[:SHOWN]]
    if one.missing:
        seen.append(Evidence(one.file.path, listed(one.missing), "not there"))
    return ending(
        one,
        f"{first.name} of the {one.file.part} {one.file.name} {_state(first)}{others}",
        _why(first),
        tuple(seen),
        *again(one, by),
    )


def _state(file: WeightFile) -> str:
    return {
        "pointer": "is a git-lfs pointer, not the file it stands for",
        "cut-off": "is cut off",
        "damaged": f"is {file.begins or 'no safetensors file'}",
        "empty": "is empty",
        "downloading": "is not downloaded to its end",
        "dangling": "is a link that leads nowhere",
    }[file.damage or "damaged"]


def _why(file: WeightFile) -> str:
    return {
        "pointer": "It was cloned without git-lfs.",
        "cut-off": "Its head tells of more than is there: a download was aborted, a disk full.",
        "downloading": f"{file.name}.aria2 beside it says so.",
        "dangling": "What it led to was moved or removed.",
    }.get(file.damage or "", "")


def _sizes(file: WeightFile) -> tuple[str | None, str]:
    wanted = sized(file.wanted) if file.wanted is not None else None
    there = {
        "pointer": f"a git-lfs pointer of {sized(file.size)}",
        "dangling": "a link that leads nowhere",
        "downloading": f"{sized(file.size)}, and {file.name}.aria2 beside it",
    }.get(file.damage or "", sized(file.size))
    return wanted or "a whole file", f"{there}, {file.begins}" if file.begins else there


def shards(one: ModelDirectory, by: Judging) -> Finding | None:
    if not one.missing:
        return None
    count = f"{one.missing[0]} is" if len(one.missing) == 1 else f"{len(one.missing)} files are"
    left = f"; unfinished: {listed(one.unfinished)}" if one.unfinished else ""
    return ending(
        one,
        f"The {one.file.part} {one.file.name} is incomplete: {count} not there",
        "Its index, or the number in the names of the others, tells of more.",
        (Evidence(one.file.path, listed(one.missing), f"not there{left}"),),
        *again(one, by),
    )

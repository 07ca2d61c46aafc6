"""What of a container a repair may touch: files of a mounted directory, and nothing else."""

from __future__ import annotations

import pytest

from tabbydoctor.deployment.container import Container, Mount
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.remedies.draft import CannotFix
from tabbydoctor.remedies.restarting import by_hand, refuse_container

BOX = Container(
    "docker", "ab" * 32, 161, "/app", name="tabby",
    mounts=(Mount("/app", "/srv/app"), Mount("/app/config.yml", "/srv/config.yml")),
)  # fmt: skip
HELD = Instance("/proc/161/root/app", container=BOX.label, contained=BOX)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/proc/161/root/app/config.yml", "image or volume"),
        (None, "image or volume"),
        ("/srv/config.yml", "mounted into docker tabby by itself"),
    ],
)
def test_what_is_left(path: str | None, why: str) -> None:
    with pytest.raises(CannotFix, match=why):
        refuse_container(HELD, path)


def test_what_is_mounted_by_itself_is_edited_as_it_is() -> None:
    with pytest.raises(CannotFix) as refused:
        refuse_container(HELD, "/srv/config.yml")
    assert refused.value.manual == "sudoedit /srv/config.yml\nsudo docker restart tabby"


def test_what_may_be_touched() -> None:
    refuse_container(HELD, "/srv/app/api_tokens.yml")
    refuse_container(Instance("/srv/app"), "/srv/app/config.yml")
    refuse_container(Instance("/srv/app"))


def test_its_restart_is_its_engines() -> None:
    assert by_hand(HELD) == "restart TabbyAPI: sudo docker restart tabby"
    assert by_hand(Instance("/srv/app")).endswith("it runs under no unit")

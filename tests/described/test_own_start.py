"""A container that starts more than TabbyAPI: what it makes first is not known from outside."""

from __future__ import annotations

import pytest

from tabbydoctor.described.parts import starts_own


@pytest.mark.parametrize(
    ("words", "own"),
    [
        (("bash", "-lc", "cp /cfg/config.yml /app/ && exec python /app/main.py"), True),
        (("sh", "-c", "cat > config.yml <<END\nnetwork: {}\nEND\nexec python main.py"), True),
        (("sh", "-c", "envsubst <a.tmpl >config.yml; python main.py"), True),
        (("sh", "-c", "cd /app; ./merge.py | tee config.yml && python main.py"), True),
        (("/app/begin.sh",), True),
        (
            ("sh", "-c", "cd /app && source venv/bin/activate && exec python main.py --port 1"),
            False,
        ),
        (("sh", "-c", "python main.py"), False),
        (("python3", "main.py", "--host", "0.0.0.0"), False),
    ],
)
def test_by_its_words(words: tuple[str, ...], *, own: bool) -> None:
    assert starts_own(True, words) is own


def test_arguments_alone_are_those_of_the_image() -> None:
    assert not starts_own(False, ("--config", "/cfg/config.yml"))
    assert starts_own(False, ("sh", "-c", "cp a config.yml && python main.py"))

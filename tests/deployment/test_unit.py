"""What unit files say that systemctl does not print."""

from __future__ import annotations

from tabbydoctor.deployment.unit import Unit, UnitFile


def unit(*texts: str) -> Unit:
    files = tuple(UnitFile(f"/etc/{number}.conf", text) for number, text in enumerate(texts))
    return Unit("x.service", {"LoadCredential": "[unprintable]"}, files)


def test_a_list_setting_gathers_over_the_files_and_an_empty_one_starts_anew() -> None:
    one = "[Service]\nLoadCredential=a:/a\nLoadCredential = b:/b\n#LoadCredential=no:/no\n"
    assert unit(one).settings("LoadCredential") == ("a:/a", "b:/b")
    assert unit(one, "LoadCredential=\nLoadCredential=c:\\\n/c\n").settings("LoadCredential") == (
        "c: /c",
    )
    assert unit(one).settings("ExecStart") == ()

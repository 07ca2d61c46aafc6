"""What api_tokens.yml may hold, what mistakes in it do, and its live reload."""

import re

import pytest

from .server import ADMIN_KEY, API_KEY, TOKENS, Server, bearer

pytestmark = pytest.mark.contract

FILE = "api_tokens.yml"


def test_a_missing_file_is_generated_and_readable_by_everyone(server: Server) -> None:
    server.start()
    path = server.directory / FILE
    found = re.fullmatch(r"api_key: (\w+)\nadmin_key: (\w+)\n", path.read_text())
    assert found
    assert all(re.fullmatch("[0-9a-f]{32}", key) for key in found.groups())
    assert path.stat().st_mode & 0o777 == 0o644
    assert server.accepts(found[1])
    assert f"Your API key is: {found[1]}" in server.log
    assert f"Your admin key is: {found[2]}" in server.log


def test_a_list_of_keys_and_extra_entries(server: Server) -> None:
    server.start({FILE: f"api_key: [one, two]\nadmin_key: {ADMIN_KEY}\nnote: {{a: 1}}\n"})
    assert [server.accepts(key) for key in ("one", "two", "three")] == [True, True, False]
    assert "Your API key is: one, two" in server.log


FATAL = {
    "numeric key": "api_key: 1234567890\nadmin_key: a\n",
    "key read as a float": "api_key: 12e3456789\nadmin_key: a\n",
    "missing admin_key": "api_key: a\n",
    "empty values": "api_key:\nadmin_key:\n",
    "list of admin keys": "api_key: a\nadmin_key: [b]\n",
    "empty file": "",
    "scalar": "just-a-key\n",
    "duplicate keys": "api_key: a\napi_key: b\nadmin_key: c\n",
    "broken YAML": "api_key: [\n",
    "not UTF-8": b"api_key: \xff\nadmin_key: a\n",
}


@pytest.mark.parametrize("content", FATAL.values(), ids=FATAL)
def test_an_invalid_file_ends_the_start(server: Server, content: str | bytes) -> None:
    assert server.run({FILE: content}) == 1
    assert "Traceback" in server.console


def test_a_directory_in_its_place_ends_the_start(server: Server) -> None:
    (server.directory / FILE).mkdir()
    assert server.run() == 1
    assert "IsADirectoryError" in server.console


def test_the_error_shows_the_key(server: Server) -> None:
    assert server.run({FILE: "api_key: 9876543210\nadmin_key: a\n"}) == 1
    assert "validation errors for AuthKeys" in server.console
    assert "9876543210" in server.console


def test_an_invalid_file_matters_only_after_the_model(server: Server) -> None:
    files = {FILE: "", "config.yml": "model: {model_name: nope}\n"}
    assert server.run(files) == 1
    assert "Failed to load config.json from" in server.console
    assert "AuthKeys" not in server.console


@pytest.mark.parametrize("tokens", ["", "api_key: 1\n", None])
def test_with_authentication_off_the_file_is_not_touched(
    server: Server, tokens: str | None
) -> None:
    files = {"config.yml": "network: {disable_auth: true}\n"}
    server.start(files | ({FILE: tokens} if tokens is not None else {}))
    assert not server.enforces_keys
    assert (server.directory / FILE).exists() == (tokens is not None)
    assert "Disabling authentication makes your instance vulnerable" in server.log
    assert "Your API key" not in server.log


def test_the_old_name_is_not_read(server: Server) -> None:
    server.start({"api_keys.yml": TOKENS})
    assert not server.accepts(API_KEY)


def test_no_environment_variable_sets_a_key(server: Server) -> None:
    server.start(env={"TABBY_API_KEY": API_KEY})
    assert not server.accepts(API_KEY)


@pytest.mark.parametrize("none", ["[]", "''"])
def test_an_empty_api_key_leaves_the_admin_key(server: Server, none: str) -> None:
    server.start({FILE: f"api_key: {none}\nadmin_key: {ADMIN_KEY}\n"})
    assert server.accepts(ADMIN_KEY)
    assert not server.accepts(API_KEY)
    assert server.enforces_keys


@pytest.mark.parametrize("empty", ["''", "['', other]"])
def test_an_empty_string_is_matched_by_two_spaces(server: Server, empty: str) -> None:
    server.start({FILE: f"api_key: {empty}\nadmin_key: {ADMIN_KEY}\n"})
    reply = server.request("/v1/models", headers={"Authorization": "Bearer  anything"})
    assert reply.status == 200


def test_equal_keys_make_everyone_admin(server: Server) -> None:
    server.start({FILE: "api_key: same\nadmin_key: same\n"})
    reply = server.request("/v1/auth/permission", headers=bearer("same"))
    assert reply.json == {"permission": "admin"}


def test_keys_with_spaces_and_letters_beyond_ascii(server: Server) -> None:
    server.start({FILE: f'api_key: ["end ", "in ner", "é"]\nadmin_key: {ADMIN_KEY}\n'})
    assert not server.accepts("end ")
    assert not server.accepts("in ner")
    assert server.accepts("é")
    for key in ("end ", "in ner"):
        assert server.request("/v1/models", headers={"X-API-Key": key}).status == 200


def test_the_running_server_follows_the_file(server: Server) -> None:
    server.start({FILE: TOKENS})
    server.write({FILE: f"api_key: [fresh, more]\nadmin_key: {ADMIN_KEY}\n"})
    server.wait_log(r"Reloaded auth keys from api_tokens.yml \(2 API key\(s\)\)\.")
    assert server.accepts("fresh")
    assert not server.accepts(API_KEY)
    server.write({FILE: "api_key: 4711\n"})
    server.wait_log("Failed to reload api_tokens.yml, keeping the previous keys")
    assert "4711" in server.log, "the log shows what was in the file"
    assert server.accepts("fresh")
    (server.directory / FILE).unlink()
    server.write({FILE: TOKENS})
    server.wait_log(r"\(1 API key\(s\)\)\.")
    assert server.accepts(API_KEY)

"""Names that TabbyAPI drops: a remedy offers what was meant, and never makes things worse."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.config.invalid_value import invalid_value
from checks.config.legacy import legacy
from checks.config.unknown_key import unknown_key
from tabbydoctor.api import Finding, Severity
from tabbydoctor.tabbyapi.keys import TABLE
from tests.checks.config.conftest import Deployment

DATA = Path(__file__).with_name("data")
FIX = ("sudo tabbydoctor fix CFG003",)


def case(name: str) -> str:
    return (DATA / name / "config.yml").read_text()


def fixed_by_the_doctor(found: Finding) -> bool:
    return FIX in [remedy.commands for remedy in found.remedies]


def advice(found: Finding) -> str:
    return found.remedies[0].title


# A value does nothing where it stands, and harm where it was meant.


def test_a_backend_that_is_gone_is_not_moved_to_where_it_counts(deployment: Deployment) -> None:
    (found,) = deployment.judge(unknown_key, case("backend-in-the-wrong-section"))
    assert advice(found) == (
        "Take developer.backend out: as model.backend TabbyAPI would end when it loads a model: "
        "it has no such backend"
    )
    assert found.evidence[0].expected == "nothing"


@pytest.mark.parametrize(
    ("text", "harm"),
    [
        ("backend: exllamav2\n", "it has no such backend"),
        ("model: {backnd: ExLlamaV2}\n", "it has no such backend"),
        ("network: {cache_size: 5000}\n", "would not start with its value"),
        ("model: {prot: 5000, port: 70000}\n", "it takes 1 to 65535"),
        ("network: {model_name: nowhere}\n", "would look for the model"),
        ("model: {override_preset: nowhere}\n", "would look for the preset"),
        ("model: {log_requests: true}\n", "keys included"),
        ("model: {send_tracebacks: true}\n", "would be sent tracebacks"),
    ],
)
def test_a_value_is_judged_at_its_new_place(deployment: Deployment, text: str, harm: str) -> None:
    found = deployment.judge(unknown_key, text)[-1]
    assert harm in advice(found)
    assert harm in found.detail
    assert advice(found).startswith("Take ")


@pytest.mark.parametrize(
    "text",
    ["developer: {backend: exllamav3}\n", "network: {model_name: good}\n", "cache_size: 4096\n",
     "model: {log_requests: false}\n"],
)  # fmt: skip
def test_what_does_no_harm_is_moved(deployment: Deployment, text: str) -> None:
    (found,) = deployment.judge(unknown_key, text)
    assert advice(found).startswith("Write ")
    assert fixed_by_the_doctor(found)


def test_what_would_switch_authentication_off_is_not_offered(deployment: Deployment) -> None:
    (found,) = deployment.judge(unknown_key, "network: {disable_authh: true}\n")
    assert advice(found).startswith("Take network.disable_authh out")
    assert not fixed_by_the_doctor(found)


# A key that went, at a value that asks for nothing.


@pytest.mark.parametrize(
    "text",
    [
        "developer: {cuda_malloc_backend: false}\n",
        "developer: {uvloop: true}\n",
        "model: {fasttensors: false}\n",
        "model: {use_cfg: false}\n",
        "model: {reasoning_suppress_header: false}\n",
        "low_mem: false\n",
    ],
)
def test_a_gone_key_that_asks_for_nothing_is_a_remark(deployment: Deployment, text: str) -> None:
    (found,) = deployment.judge(unknown_key, text)
    assert found.severity is Severity.INFO
    assert advice(found).startswith("Take ")
    assert not fixed_by_the_doctor(found)  # `fix` passes over remarks


@pytest.mark.parametrize(
    "text",
    ["developer: {cuda_malloc_backend: true}\n", "model: {fasttensors: true}\n", "low_mem: true\n"],
)
def test_a_gone_key_that_asks_for_something_is_none(deployment: Deployment, text: str) -> None:
    (found,) = deployment.judge(unknown_key, text)
    assert found.severity is None
    assert "TabbyAPI dropped it on" in found.detail


def test_what_replaced_a_gone_key_is_printed_as_it_is_applied(deployment: Deployment) -> None:
    (found,) = deployment.judge(unknown_key, "developer: {cuda_malloc_backend: true}\n")
    assert advice(found) == (
        "Write memory.cuda_malloc_async instead of developer.cuda_malloc_backend"
    )
    assert fixed_by_the_doctor(found)


# Which names are proposed.


def test_no_name_is_proposed_for_what_no_version_has(deployment: Deployment) -> None:
    text = case("names-of-no-version")
    level, offload, cache = deployment.judge(unknown_key, text)
    for found, name in ((level, "logging.log_level"), (offload, "model.vision_offload"),
                        (cache, "memory.sysmem_multimodal_cache")):  # fmt: skip
        assert found.evidence[0].actual == name
        assert found.evidence[0].expected == "a known name"
        assert "perhaps it is newer than your TabbyAPI" in found.detail
        assert advice(found).startswith(f"If {name} is of a newer TabbyAPI, update it")
        assert not fixed_by_the_doctor(found)


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("logging", "log_responses"),
        ("logging", "log_file"),
        ("model", "cache_quant"),
        ("model", "max_tokens"),
        ("model", "gpu_memory"),
        ("model", "rope_theta"),
        ("network", "timeout"),
        ("network", "ssl_keyfile"),
        ("draft_model", "draft_temperature"),
        ("developer", "seqlog_level"),
        ("embeddings", "embedding_batch_size"),
        ("model", "tool_call_parser"),
    ],
)
def test_shared_words_are_no_likeness(deployment: Deployment, section: str, key: str) -> None:
    (found,) = deployment.judge(unknown_key, f"{section}: {{{key}: 1}}\n")
    assert found.evidence[0].expected == "a known name", found.detail


@pytest.mark.parametrize("name", ["log_request", "log_reqests", "logRequests", "log-requests"])
def test_no_name_that_logs_keys_is_proposed(deployment: Deployment, name: str) -> None:
    (found,) = deployment.judge(unknown_key, f"logging: {{log_{name[4:]}x: true}}\n")
    assert "keys included" in found.detail
    assert advice(found).startswith("Take ")
    assert not fixed_by_the_doctor(found)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("model: {max_seq_length: 4096}", "model.max_seq_len"),
        ("model: {max-seq-len: 4096}", "model.max_seq_len"),
        ("model: {maxSeqLen: 4096}", "model.max_seq_len"),
        ("model: {max_sequence_length: 4096}", "model.max_seq_len"),
        ("model: {cachemode: Q8}", "model.cache_mode"),
        ("model: {chunk_sizes: 2048}", "model.chunk_size"),
        ("model: {name: good}", "model.model_name"),
        ("draft_model: {rope_scale: 1.0}", "draft_model.draft_rope_scale"),
        ("draft_model: {cache_mode: Q8}", "draft_model.draft_cache_mode"),
        ("embeddings: {device: cpu}", "embeddings.embeddings_device"),
        ("network_port: 5001", "network.port"),
        ("network: {network_host: 127.0.0.1}", "network.host"),
        ("netwrok: {port: 5001}", "network"),
    ],
)
def test_a_name_is_proposed_where_it_means_the_same(
    deployment: Deployment, text: str, name: str
) -> None:
    (found,) = deployment.judge(unknown_key, f"{text}\n")
    assert found.evidence[0].expected == name
    assert fixed_by_the_doctor(found)


def test_no_known_name_is_taken_for_another(deployment: Deployment) -> None:
    for section, name in TABLE:
        assert deployment.judge(unknown_key, f"{section}: {{{name}: 1}}\n") == []


# A file without sections.

FLAT = """\
host: 127.0.0.1
port: 5000
model_dir: models
model_name: good
max_seq_len: 8192
cache_mode: Q8
cache_size: 8192
gpu_split_auto: true
chunk_size: 2048
"""


def test_a_flat_file_is_one_finding(deployment: Deployment) -> None:
    (found,) = deployment.judge(unknown_key, FLAT)
    assert found.title == (
        f"9 keys in {deployment.directory}/config.yml stand in no section and have no effect"
    )
    assert [one.expected for one in found.evidence[:3]] == [
        "network.host", "network.port", "model.model_dir"
    ]  # fmt: skip
    assert [one.source.rpartition(":")[2] for one in found.evidence[:9]] == [*"123456789"]
    assert advice(found).startswith("Write host, port below network:; model_dir, model_name")
    assert fixed_by_the_doctor(found)


def test_what_has_no_place_is_named_apart(deployment: Deployment) -> None:
    (found,) = deployment.judge(unknown_key, "port: 5000\nbackend: exllamav2\nfrobnicate: 1\n")
    assert advice(found) == "Write port below network:; take backend, frobnicate out"


def test_a_section_in_a_flat_file_is_told_by_itself(deployment: Deployment) -> None:
    text = "port: 5000\nhost: 127.0.0.1\nmodel: {cache_mod: Q8}\n"
    flat, other = deployment.judge(unknown_key, text)
    assert flat.title.startswith("2 keys")
    assert "model.cache_mod" in other.title


# Versions of before September 2024 rewrite nothing.


@pytest.fixture
def old(deployment: Deployment) -> Deployment:
    """As of June 2024: no common/config_models.py, no common/tabby_config.py."""
    (deployment.directory / "common/config_models.py").unlink()
    deployment.write("common/config.py", "import yaml\n")
    deployment.write("config_sample.yml", "model:\n  #use_cfg: false\n  # fasttensors: true\n")
    return deployment


def test_a_version_that_never_migrates_is_left_alone(old: Deployment) -> None:
    assert old.judge(legacy, case("before-migration")) == []
    assert old.judge(unknown_key) == []


@pytest.mark.parametrize(
    "text", ["logging: {requests: true}\n", "model: {draft: {draft_model_name: tiny}}\n"]
)
def test_its_keys_are_its_own(old: Deployment, text: str) -> None:
    assert old.judge(legacy, text) == []
    assert old.judge(unknown_key) == []


@pytest.mark.parametrize("text", ["model: {use_cfg: true}\n", "model: {fasttensors: true}\n"])
def test_what_its_own_sample_shows_is_known(old: Deployment, text: str) -> None:
    assert old.judge(unknown_key, text) == []


@pytest.mark.parametrize("text", ["model: {gpu_split: auto}\n", "network: {port: '5000x'}\n"])
def test_it_validates_nothing(old: Deployment, text: str) -> None:
    assert old.judge(invalid_value, text) == []


def test_choices_in_capitals_are_compared_as_they_stand(deployment: Deployment) -> None:
    models = deployment.directory / "common/config_models.py"
    text = models.read_text()
    assert '"oai", "kobold"' in text
    models.write_text(text.replace('"oai", "kobold"', '"OAI", "Kobold"'))
    assert deployment.judge(invalid_value, "network: {api_servers: [OAI]}\n") == []
    assert len(deployment.judge(invalid_value, "network: {api_servers: [oai]}\n")) == 1


def test_a_version_with_another_reader_migrates_by_what_it_says(deployment: Deployment) -> None:
    text = case("before-migration")
    deployment.write("common/tabby_config.py", "def load_config(): ...\n")
    assert deployment.judge(legacy, text) == []
    deployment.write("common/tabby_config.py", "# Attempting auto-migration.\n")
    assert len(deployment.judge(legacy, text)) == 1

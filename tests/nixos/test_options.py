"""The table of options is the module's: fifty, `enable`, and the two inside `loras`."""

from __future__ import annotations

from tabbydoctor.nixos.options import BY_NAME, ENABLE, LORA, OPTIONS, REQUIRED
from tabbydoctor.tabbyapi.keys import TABLE

MODELS, LORAS = "/var/lib/tabbyapi/models", "/var/lib/tabbyapi/loras"
# What a real TabbyAPI was seen to make of the module's options: name, type, default, key, taken.
EXPECTED = [
    ("host", "str", "127.0.0.1", "network.host", True),
    ("port", "port", 5000, "network.port", True),
    ("disableAuth", "bool", False, "network.disable_auth", True),
    ("disableFetchRequests", "bool", False, "network.disable_fetch_requests", True),
    ("sendTracebacks", "bool", False, "network.send_tracebacks", True),
    ("apiServers", "listOf apiServer", ["OAI"], "network.api_servers", True),
    ("logPrompt", "bool", False, "logging.log_prompt", True),
    ("logGenerationParams", "bool", False, "logging.log_generation_params", True),
    ("logRequests", "bool", False, "logging.log_requests", True),
    ("overridePreset", "nullOr str", None, "sampling.override_preset", True),
    ("unsafeLaunch", "bool", False, "developer.unsafe_launch", True),
    ("disableRequestStreaming", "bool", False, "developer.disable_request_streaming", True),
    ("cudaMallocBackend", "bool", False, "developer.cuda_malloc_backend", False),
    ("realtimeProcessPriority", "bool", False, "developer.realtime_process_priority", True),
    ("modelDir", "str", MODELS, "model.model_dir", True),
    ("inlineModelLoading", "bool", False, "model.inline_model_loading", True),
    ("useDummyModels", "bool", False, "model.use_dummy_models", True),
    ("dummyModelNames", "listOf str", ["gpt-3.5-turbo"], "model.dummy_model_names", True),
    ("modelName", "str", REQUIRED, "model.model_name", True),
    ("useAsDefault", "listOf str", [], "model.use_as_default", True),
    ("maxSeqLen", "nullOr ints.positive", None, "model.max_seq_len", True),
    ("tensorParallel", "bool", False, "model.tensor_parallel", True),
    ("gpuSplitAuto", "bool", True, "model.gpu_split_auto", True),
    ("autosplitReserve", "listOf ints.positive", [96], "model.autosplit_reserve", True),
    ("gpuSplit", "listOf float", [], "model.gpu_split", True),
    ("ropeScale", "float", 1.0, "model.rope_scale", True),
    ("ropeAlpha", "nullOr float", None, "model.rope_alpha", True),
    ("cacheMode", "cacheMode", "FP16", "model.cache_mode", True),
    ("cacheSize", "nullOr ints.positive", None, "model.cache_size", True),
    ("chunkSize", "ints.positive", 2048, "model.chunk_size", True),
    ("maxBatchSize", "nullOr ints.positive", None, "model.max_batch_size", True),
    ("promptTemplate", "nullOr str", None, "model.prompt_template", True),
    ("vision", "bool", False, "model.vision", True),
    ("draftModelDir", "str", MODELS, "draft.draft_model_dir", False),
    ("draftModelName", "nullOr str", None, "draft.draft_model_name", False),
    ("draftRopeScale", "float", 1.0, "draft.draft_rope_scale", False),
    ("draftRopeAlpha", "float", 1.0, "draft.draft_rope_alpha", False),
    ("draftCacheMode", "cacheMode", "FP16", "draft.draft_cache_mode", False),
    ("draftGpuSplit", "listOf float", [], "draft.draft_gpu_split", False),
    ("loraDir", "str", LORAS, "lora.lora_dir", True),
    ("loras", "listOf lora", [], "lora.loras", True),
    ("embeddingModelDir", "str", MODELS, "embeddings.embedding_model_dir", True),
    ("embeddingsDevice", "device", "cpu", "embeddings.embeddings_device", True),
    ("embeddingModelName", "nullOr str", None, "embeddings.embedding_model_name", True),
    ("package", "package", None, None, True),
    ("user", "str", "tabbyapi", None, True),
    ("group", "str", "tabbyapi", None, True),
    ("dataDir", "str", "/var/lib/tabbyapi", None, True),
    ("extraArgs", "listOf str", [], None, False),
    ("environmentFiles", "listOf path", [], None, False),
]


def test_the_table_is_the_modules() -> None:
    table = [
        (one.name, one.type, one.default, ".".join(one.key) if one.key else None, not one.ignored)
        for one in OPTIONS
    ]
    assert table == EXPECTED
    assert len(table) == 50
    assert (ENABLE.name, ENABLE.type, ENABLE.default) == ("enable", "bool", False)
    assert [(one.name, one.type, one.default) for one in LORA] == [
        ("name", "str", REQUIRED),
        ("scaling", "float", 1.0),
    ]
    assert len(BY_NAME) == 51


def test_what_is_taken_is_a_key_and_what_is_ignored_is_none() -> None:
    for option in OPTIONS:
        if option.key is not None:
            assert (option.key in TABLE) is not bool(option.ignored), option.name

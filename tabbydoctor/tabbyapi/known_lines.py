"""The lines of TabbyAPI's log that mean something: data, each seen in its source or its log."""

from __future__ import annotations

from tabbydoctor.tabbyapi.cuda_lines import CUDA_LINES, MEMORY_LINES
from tabbydoctor.tabbyapi.known_line import KnownLine, Weight
from tabbydoctor.tabbyapi.known_line import line as _line

_E: Weight = "error"
_W: Weight = "warning"
_GPU = (
    *("GPU001", "GPU002", "GPU003", "GPU004", "GPU005", "GPU006", "GPU009"),
    *("GPU010", "GPU014"),
    *("GRP001", "GRP002", "GRP003"),
)
"""The checks that look at why a program finds no GPU."""

KNOWN_LINES: tuple[KnownLine, ...] = (
    _line(
        "config-not-loaded",
        r"The YAML config from '(.{1,1024})' couldn't load",
        "TabbyAPI could not use its configuration file and went on with defaults",
        _E,
        ("CFG002", "CFG003", "CFG005"),
    ),
    _line(
        "config-not-found",
        r"The '(.{1,1024})' file cannot be found",
        "a configuration file is not there",
        None,
        ("CFG001",),
    ),
    _line("config-override", r"Config file override detected in args", "--config is used"),
    _line(
        "config-legacy",
        r"Legacy config.yml file detected",
        "the configuration was in an old layout and is being rewritten",
        None,
        ("CFG011",),
    ),
    _line(
        "migration-failed",
        r"Auto-migration failed",
        "TabbyAPI could not rewrite its old configuration",
        _E,
        ("CFG011", "CFG002"),
    ),
    _line("migrated", r"Auto-migration successful", "an old configuration was rewritten"),
    _line(
        "no-config",
        r"Starting with no config loaded",
        "TabbyAPI runs on defaults alone",
        _W,
        ("CFG001", "CFG002", "CFG011"),
    ),
    _line(
        "config-refused",
        r"validation errors? for TabbyConfigModel",
        "TabbyAPI refused a value of its configuration and exited",
        _E,
        ("CFG005",),
    ),
    _line(
        "tokens-refused",
        r"validation errors? for (AuthKeys|_?\w*Keys)\b",
        "TabbyAPI refused api_tokens.yml and exited",
        _E,
        ("TOK003", "TOK002"),
    ),
    _line(
        "port-moved",
        r"Port (\d+) is currently in use\. Switching to (\d+)",
        "the configured port was taken, so TabbyAPI serves on the next one",
        _W,
        ("API003", "SVC015"),
    ),
    _line(
        "ports-busy",
        r"Ports (\d+) and (\d+) are in use",
        "both ports were taken, so TabbyAPI gave up and exited 0",
        _E,
        ("API003", "API002", "SVC015"),
    ),
    _line(
        "bind-failed",
        r"(?i)\[Errno (?:98|99)\].{0,256}address",
        "the address is not this machine's, or the port is taken",
        _E,
        ("CFG005", "API002", "SVC015"),
    ),
    _line(
        "no-inference",
        r"Inference dependencies for TabbyAPI are not installed",
        "torch or exllamav3 is missing in TabbyAPI's environment",
        _E,
        ("GPU009",),
    ),
    _line(
        "exllama-old",
        r"TabbyAPI requires (\S+) (\S+) or greater",
        "a package in TabbyAPI's environment is too old",
        _E,
        ("GPU009",),
    ),
    _line(
        "gpu-unsupported",
        r"Unable to run ExllamaV3 because an unsupported GPU",
        "a GPU is older than compute capability 8.0, or the build is for ROCm",
        _E,
        ("GPU005",),
    ),
    *MEMORY_LINES,
    _line(
        "wheel-mismatch",
        r"undefined symbol|exllamav2_ext|libcudart\.so\.[\d.]+: cannot open",
        "exllama was built for another torch or CUDA than the one installed",
        _E,
        ("GPU009",),
    ),
    *CUDA_LINES,
    _line(
        "cuda-unusable",
        r"No CUDA runtime is found|no kernel image|no CUDA-capable device is detected",
        "torch sees no GPU it can use: device access, the driver, or too old a torch",
        _E,
        _GPU,
    ),
    _line(
        "cuda-unknown-error",
        r"CUDA unknown error",
        "CUDA could not be set up: after a suspend nvidia_uvm often has to be loaded anew",
        _E,
        _GPU,
    ),
    _line(
        "no-libcuda",
        r"Found no NVIDIA driver on your system|libcuda\.so(?:\.1)?: cannot open"
        r"|CUDA driver is a stub library",
        "torch found no NVIDIA driver: libcuda.so.1 is not where the service looks for libraries",
        _E,
        _GPU,
    ),
    _line(
        "no-gpus",
        r"No CUDA GPUs are available",
        "CUDA sees no GPU: CUDA_VISIBLE_DEVICES, or its device nodes are kept from the service",
        _E,
        _GPU,
    ),
    _line(
        "split-too-small",
        r"Insufficient VRAM in split",
        "model and cache do not fit into the shares that model.gpu_split gives the GPUs",
        _E,
        ("GPU008", "CFG015"),
    ),
    _line(
        "weights-damaged",
        r"(?i)HeaderTooLarge|HeaderTooSmall|InvalidHeaderDeserialization|Invalid safetensors header"
        r"|MetadataIncompleteBuffer|Truncated safetensors header|extends past end of file"
        r"|too small to be a safetensors file",
        "a file of the model's weights is none: a git-lfs pointer, or a download that was cut off",
        _E,
        ("CFG010",),
    ),
    _line(
        "architecture-unknown",
        r"Unknown architecture (\w{1,128})",
        "the installed exllamav3 does not know the architecture of the model: it is the older one",
        _E,
        ("CFG010", "GPU009"),
    ),
    _line(
        "architecture-untold",
        r"(?:Multiple architectures|No architecture) defined in ",
        "config.json of the model names several architectures or none: exllamav3 takes one",
        _E,
        ("CFG010",),
    ),
    _line(
        "weights-lacking",
        r"Required tensor \S{1,256} not found in any|No tensors found for \S{1,256} matching",
        "the weights of the model are incomplete, or of a format that exllamav3 does not load",
        _E,
        ("CFG010",),
    ),
    _line(
        "no-tokenizer",
        r"No such file or directory \(os error 2\)",
        "a file that a model needs is not there, mostly its tokenizer.json",
        _E,
        ("CFG010",),
    ),
    _line(
        "no-python-headers",
        r"Python\.h: No such file",
        "Triton cannot build its helper, for Python.h is missing: it goes on without, slowly",
        _W,
        hides=("no-triton",),
    ),
    _line(
        "no-triton",
        r"Triton is not supported on current platform",
        "Triton does not work here: linear attention goes on without it, slowly",
        _W,
    ),
    _line(
        "no-embeddings",
        r"(?:Skipping embeddings|Embeddings are disabled) because infinity-emb",
        "embeddings are off (503), for infinity-emb is missing or cannot be imported",
        _W,
        ("CFG016",),
    ),
    _line(
        "disk-full",
        r"\[Errno 28\] No space left|\[Errno 122\] Disk quota exceeded",
        "a disk is full: what TabbyAPI writes (logs, api_tokens.yml) is cut off or empty",
        _E,
        ("SVC013",),
    ),
    _line(
        "no-compiler",
        r"Failed to find C compiler",
        "Triton needs a C compiler in the service's PATH",
        _E,
        ("SVC012",),
    ),
    _line(
        "format-gone",
        r"(?i)(?:exl2|gptq|exllamav2|quanti[sz]ation|model|backend)\b.{0,256}no longer supported",
        "the installed version does not load models of this format any more",
        _E,
        ("CFG010",),
    ),
    _line(
        "model-missing",
        r"Failed to load config\.json from",
        "the model's directory does not hold a model",
        _E,
        ("CFG010", "SVC012"),
    ),
    _line(
        "generation-fatal",
        r"FATAL ERROR with generation",
        "a generation failed for good; /health answers 503 until TabbyAPI is restarted",
        _E,
        ("GPU003", "GPU007", "GPU008", "GPU012"),
        of_exception=True,
    ),
    _line(
        "request-too-long",
        r"(?:Request|Prompt|Context) length \d{1,9}(?: \+ \d{1,9})? "
        r"(?:is greater than max_seq_len|exceeds the available context)"
        r"|allocation requires \d{1,9} cache tokens",
        "requests were refused, for they were longer than TabbyAPI's context",
        _W,
        ("CFG015",),
    ),
    _line(
        "context-limited",
        r"max_seq_len \(\d{1,9}\) is larger than the cache size",
        "the model has a smaller context than max_seq_len asks for: cache_size limits it",
        _W,
        ("CFG015",),
    ),
    _line(
        "reload-failed",
        r"Failed to reload api_tokens\.yml, keeping the previous keys",
        "api_tokens.yml was changed to something TabbyAPI does not take; the old keys hold",
        _W,
        ("TOK002", "TOK003", "TOK007"),
    ),
    _line("keys-reloaded", r"Reloaded auth keys from", "changed keys were taken over"),
    _line("auth-on", r"Your (?:API|admin) key is:", "authentication is on"),
    _line(
        "auth-off",
        r"Disabling authentication makes your instance vulnerable",
        "authentication is off",
        None,
        ("CFG008", "CFG009"),
    ),
    _line("serving", r"Uvicorn running on (https?://\S+)", "TabbyAPI is ready"),
    _line("stopping", r"Shutdown signal called", "TabbyAPI was told to stop"),
    _line(
        "refused",
        r'"\w+ \S+ HTTP/1\.\d" 401',
        "a client without a valid key was refused",
    ),
)

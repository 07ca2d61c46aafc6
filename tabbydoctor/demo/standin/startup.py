"""The stand-in's way from its arguments to serving, and out again (TabbyAPI's main.py)."""

import functools
import importlib.util
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

from .configuration import Configuration
from .httpd import Handler, HttpListener, ServedRequest, handler_for
from .keys import Keyring
from .logbook import Logbook
from .release import RELEASES, Behaviour, Release
from .routes import routes
from .service import Service

CANNOT_BIND = 3
FATAL = "FATAL ERROR with generation. Attempting to recreate the generator. "
TITLES = {"exllamav2": "ExllamaV2", "exllamav3": "ExllamaV3"}


def main(arguments: list[str], release: Release = "current") -> int:
    """Run the stand-in in the working directory until SIGTERM or SIGINT; its exit status.

    Raises what the real server dies of: pydantic.ValidationError, AttributeError, ValueError,
    OverflowError, YAMLError, OSError (Python makes each an exit status of 1), SystemExit.
    """
    behaviour = RELEASES[release]
    log = Logbook(Path("logs") if behaviour.log_files else None)
    stop = threading.Event()
    serving = threading.Event()
    signals = functools.partial(_stop, log, stop, serving)
    signal.signal(signal.SIGTERM, signals)
    signal.signal(signal.SIGINT, signals)
    config = Configuration(behaviour.configuration(), log).load(arguments)
    _require_inference(config, behaviour, log)
    port = _free_port(config.network.port, log)
    if port is None:
        return 0
    keys = Keyring(log, disabled=bool(config.network.disable_auth), key_list=behaviour.key_list)
    service = Service(config, keys, log, behaviour)
    if config.model.model_name:
        service.load_model(Path(config.model.model_dir) / config.model.model_name)
    keys.load()
    _announce(config, service, port)
    return _serve(config, service, port, stop, serving)


def _stop(log: Logbook, stop: threading.Event, serving: threading.Event, *_: Any) -> None:
    """Before it serves a signal ends the process at once; afterwards in good order."""
    if serving.is_set():
        stop.set()
        return
    log.warning("Shutdown signal called. Exiting gracefully.")
    sys.exit(0)


def _require_inference(config: Any, behaviour: Behaviour, log: Logbook) -> None:
    """Without torch and the backend only an unsafe launch goes on (STANDIN_INFERENCE pretends)."""
    if getattr(getattr(config, "memory", None), "cuda_malloc_async", False):
        log.info("Configured backend: cudaMallocAsync")
    if config.developer.unsafe_launch:
        log.warning(
            f"UNSAFE: Skipping {TITLES[behaviour.backend]} version check.\n"
            "If you aren't a developer, please keep this off!"
        )
        return
    needed = ("torch", behaviour.backend)
    if os.environ.get("STANDIN_INFERENCE") or all(map(importlib.util.find_spec, needed)):
        return
    raise SystemExit(
        "ERROR: Inference dependencies for TabbyAPI are not installed.\n"
        "The stand-in starts without them when developer.unsafe_launch is true."
    )


def _free_port(port: int, log: Logbook) -> int | None:
    """The configured port, or the next one; None when both are taken."""
    if not _in_use(port):
        return port
    fallback = port + 1
    if _in_use(fallback):
        log.error(
            f"Ports {port} and {fallback} are in use by different services.\n"
            "Please free up those ports or specify a different one.\nExiting."
        )
        return None
    log.warning(f"Port {port} is currently in use. Switching to {fallback}.")
    return fallback


def _in_use(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("localhost", port)) == 0


def _announce(config: Any, service: Service, port: int) -> None:
    log = service.log
    logging = config.logging
    kinds = [
        name
        for name, on in (
            ("prompts", logging.log_prompt),
            ("generation params", logging.log_generation_params),
        )
        if on
    ]
    state = f"enabled for: {', '.join(kinds)}" if kinds else "disabled"
    log.info(f"Generation logging is {state}")
    base = f"http://{config.network.host}:{port}"
    log.info(f"Developer documentation: {base}/redoc")
    if "oai" in service.api_servers:
        log.info("Starting OAI API")
        log.info(f"Completions: {base}/v1/completions")
        log.info(f"Chat completions: {base}/v1/chat/completions")
    if "kobold" in service.api_servers:
        log.info("Starting KoboldAI API")
        log.info(f"Generation: {base}/api/v1/generate")
        log.info(f"Streaming: {base}/api/extra/generate/stream")
    if service.issues:
        log.error(FATAL + "If this fails, please restart the server.")


def _serve(
    config: Any, service: Service, port: int, stop: threading.Event, serving: threading.Event
) -> int:
    log = service.log
    watcher = _request_log(log) if config.logging.log_requests else None
    handler = handler_for(routes(service), log, watcher)
    log.info(f"Started server process [{os.getpid()}]")
    log.info("Waiting for application startup.")
    log.info("Application startup complete.")
    try:
        listeners = _listen(config.network.host, port, handler)
    except OSError as error:
        log.error(_cannot_bind(error, config.network.host, port))
        log.info("Waiting for application shutdown.")
        log.info("Application shutdown complete.")
        return CANNOT_BIND
    serving.set()
    for listener in listeners:
        threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True).start()
    shown = f"[{config.network.host}]" if ":" in config.network.host else config.network.host
    actual = listeners[0].server_address[1]
    log.info(f"Uvicorn running on http://{shown}:{actual} (Press CTRL+C to quit)")
    stop.wait()
    log.info("Shutting down")
    for listener in listeners:
        listener.shutdown()
        listener.server_close()
    log.info("Waiting for application shutdown.")
    log.info("Application shutdown complete.")
    log.info(f"Finished server process [{os.getpid()}]")
    log.warning("Shutdown signal called. Exiting gracefully.")
    return 0


def _listen(host: str, port: int, handler: type[Handler]) -> list[HttpListener]:
    """A listener for every address the host's name stands for."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    addresses = dict.fromkeys((family, address[:2]) for family, _, _, _, address in found)
    return [HttpListener(family, (str(a[0]), int(a[1])), handler) for family, a in addresses]


def _cannot_bind(error: OSError, host: str, port: int) -> str:
    reason = (error.strerror or str(error)).lower()
    return (
        f"[Errno {error.errno}] error while attempting to bind on address "
        f"('{host}', {port}): {reason}"
    )


def _request_log(log: Logbook) -> Any:
    """`logging.log_requests`: every header goes to the log, keys included."""

    def write(request: ServedRequest) -> None:
        lines = [
            f"Request Information for {request.method} request {uuid4().hex}:",
            f"URL: http://{request.headers.get('host', '')}{request.target}",
            f"Headers: {dict(request.headers)}",
        ]
        log.info("\n".join(lines))

    return write

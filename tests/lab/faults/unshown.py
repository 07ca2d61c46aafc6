"""The ids that no fault of the catalogue can show, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping

UNSHOWN: Mapping[str, str] = {
    "RTR018": "it takes a gateway of another make beside a loaded model",
    "RTR016": "it takes a gateway of another make: see `tests/routers/gateways`",
    "RTR020": "it takes nginx, which `tests/routers/gateways` runs",
    "RTR021": "it takes a front that a repair made; `tests/lab/test_front.py` harms it in each way",
    "API010": "a generator that stands still needs a model; its log is a case of `tests/cases`",
    "SVC013": "the machine's disk would have to be filled; df's answers are cases of `tests/cases`",
    "SVC015": "a server left behind is a case of `tests/cases`, by its process table",
    **dict.fromkeys(
        ("CTR001", "CTR002", "CTR003", "CTR004", "CTR006", "CTR007", "CTR008", "CTR009"),
        "it takes a container: `tests/lab/test_containers.py` makes them",
    ),
    "CTR019": "it takes a container under cgroup v1 and a GPU: cases of `tests/cases`",
    "CTR005": "it takes a container and a GPU: a test of its check, and a case of `tests/cases`",
    **dict.fromkeys(
        ("CTR017", "CTR018"),
        "it takes a kernel with SELinux: cases of `tests/cases`, by its files and labels",
    ),
    **dict.fromkeys(
        ("CTR010", "CTR011", "CTR012", "CTR013", "CTR014", "CTR015", "CTR016"),
        "it judges a file, not a machine: `tests/described` has those",
    ),
}

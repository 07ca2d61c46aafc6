"""The ids that no fault of the catalogue can show, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping

UNSHOWN: Mapping[str, str] = {
    "RTR018": "it takes a gateway of another make beside a loaded model",
}

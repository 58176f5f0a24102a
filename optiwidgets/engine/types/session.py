"""Interface of a model opened in a runtime, and the names of its input and output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

INPUT, OUTPUT = "images", "scores"
BATCH = 32  # images a call


class Session(Protocol):
    """Interface of ``onnxruntime.InferenceSession``, reduced to the methods used here."""

    def run(self, outputs: Sequence[str] | None, feed: Mapping[str, Any], /) -> Sequence[Any]:
        """Compute the named outputs for the inputs in ``feed``."""
        ...

    def get_session_options(self) -> Any:
        """Return the session options, which include ``intra_op_num_threads``."""
        ...

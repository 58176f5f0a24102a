"""Versions of the runtimes that evaluate models, and the sparse runtime's instruction set."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

TORCH, ONNX_RUNTIME, SPARSE_RUNTIME = RUNTIMES = "PyTorch", "ONNX Runtime", "sparse runtime"


@dataclass(frozen=True)
class RuntimeInfo:
    """Versions and properties of the installed runtimes.

    Parameters
    ----------
    onnx_runtime, torch
        Versions; "not installed" for a missing package.
    sparse_runtime
        Library of the sparse runtime that this processor runs: "avx512", "avx2" or "baseline";
        empty if the sparse runtime is absent.
    instructions
        Instruction set of that library.
    lanes
        Number of images that the library computes in one vector.
    most_macs
        Largest number of multiply-accumulates an image for which the sparse runtime evaluates a
        float model. ONNX Runtime evaluates larger models and int8 models.
    reason
        Reason why the sparse runtime is absent; empty if it is present.

    Examples
    --------
    >>> print(RuntimeInfo("1.30.0", "2.14.1", "avx2", "AVX2 with FMA", 8, 4_000_000))
    ONNX Runtime    1.30.0
    torch           2.14.1
    sparse runtime  avx2: AVX2 with FMA, 8 images a vector; float models of up to 4,000,000 MACs
    >>> RuntimeInfo("1.30.0", "2.14.1", reason="kernel_baseline.so was not built").sparse_status
    'absent: kernel_baseline.so was not built'
    """

    onnx_runtime: str
    torch: str
    sparse_runtime: str = ""
    instructions: str = ""
    lanes: int = 0
    most_macs: int = 0
    reason: str = ""

    @property
    def sparse_status(self) -> str:
        """Name of the sparse runtime's library, or "absent: " and the reason."""
        return self.sparse_runtime or f"absent: {self.reason}"

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """Name and status of each runtime."""
        sparse = self.sparse_status
        if self.sparse_runtime:
            vectors = f"{self.instructions}, {self.lanes} images a vector"
            sparse += f": {vectors}; float models of up to {self.most_macs:,} MACs"
        return (
            (ONNX_RUNTIME, self.onnx_runtime),
            ("torch", self.torch),
            (SPARSE_RUNTIME, sparse),
        )

    def __str__(self) -> str:
        """Return a line for each runtime."""
        return "\n".join(f"{name:<14}  {status}" for name, status in self.rows)

    def _repr_html_(self) -> str:
        """Return an HTML table for notebooks."""
        body = "".join(
            f"<tr><th scope='row'>{escape(name)}</th>"
            f"<td style='text-align:left'>{escape(status)}</td></tr>"
            for name, status in self.rows
        )
        return f"<table><tbody>{body}</tbody></table>"

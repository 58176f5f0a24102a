"""Versions of the runtimes that evaluate models, and the sparse runtime's instruction set."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class RuntimeInfo:
    """Runtimes of this installation.

    Parameters
    ----------
    onnx_runtime, torch
        Versions; "not installed" where there is none.
    sparse_runtime
        Library of the sparse runtime that this processor runs: "avx512", "avx2" or "baseline";
        empty where it is absent.
    instructions
        Instruction set of that library.
    lanes
        Images that it computes at once, in one vector.
    reason
        Reason why the sparse runtime is absent, empty where it is there.

    Examples
    --------
    >>> print(RuntimeInfo("1.30.0", "2.14.1", "avx2", "AVX2 with FMA", 8))
    ONNX Runtime    1.30.0
    torch           2.14.1
    sparse runtime  avx2: AVX2 with FMA, 8 images a vector
    >>> RuntimeInfo("1.30.0", "2.14.1", reason="kernel_baseline.so was not built").sparse_status
    'absent: kernel_baseline.so was not built'
    """

    onnx_runtime: str
    torch: str
    sparse_runtime: str = ""
    instructions: str = ""
    lanes: int = 0
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
            sparse += f": {self.instructions}, {self.lanes} images a vector"
        return (
            ("ONNX Runtime", self.onnx_runtime),
            ("torch", self.torch),
            ("sparse runtime", sparse),
        )

    def __str__(self) -> str:
        """A line for each runtime."""
        return "\n".join(f"{name:<14}  {status}" for name, status in self.rows)

    def _repr_html_(self) -> str:
        """A table for notebooks."""
        body = "".join(
            f"<tr><th scope='row'>{escape(name)}</th>"
            f"<td style='text-align:left'>{escape(status)}</td></tr>"
            for name, status in self.rows
        )
        return f"<table><tbody>{body}</tbody></table>"

"""Cache of compiled page templates: compiling them is half the server's work for a page."""

from __future__ import annotations

from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from voila import notebook_renderer
from voila.exporter import VoilaExporter


class SharedBytecodeCache(BytecodeCache):
    """Compiled templates, in memory."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Load a compiled template; a changed template has another checksum."""
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Store a compiled template."""
        self._kept[bucket.key] = bucket.bytecode_to_string()


class Exporter(VoilaExporter):
    """Voila's exporter with the shared cache; without it, each instance compiles all templates."""

    compiled = SharedBytecodeCache()

    def _create_environment(self) -> Environment:
        environment: Environment = super()._create_environment()
        environment.bytecode_cache = self.compiled
        return environment


def compile_once() -> None:
    """Replace Voila's exporter by ours: Voila has no setting for it."""
    notebook_renderer.VoilaExporter = Exporter

"""Pages' templates, compiled once for all pages: that is half of what a page costs the server."""

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
        """Take a template that was compiled before; a changed one has another checksum."""
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep one that was compiled."""
        self._kept[bucket.key] = bucket.bytecode_to_string()


class Exporter(VoilaExporter):
    """Voila's, whose every instance would parse and compile all templates anew."""

    compiled = SharedBytecodeCache()

    def _create_environment(self) -> Environment:
        environment: Environment = super()._create_environment()
        environment.bytecode_cache = self.compiled
        return environment


def compile_once() -> None:
    """Let Voila export with ours: it has no setting for it."""
    notebook_renderer.VoilaExporter = Exporter

"""Limits of a forked kernel's memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

from optiwidgets.hosting import provisioner

LIMITED = """
import resource
from pathlib import Path
from optiwidgets.hosting.fork_server import limit_memory
status = Path("/proc/self/status").read_text()
(had_kb,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmData")]
given = 1024 * int(had_kb) + {own_mb} * 1_000_000
resource.setrlimit(resource.RLIMIT_DATA, (given, given))
limit_memory("{more_mb}")
print([limit < given for limit in resource.getrlimit(resource.RLIMIT_DATA)])
"""


@pytest.mark.skipif(not provisioner.CAN_FORK, reason="kernels are forked on Linux only")
@pytest.mark.parametrize(("own_mb", "more_mb", "is_lower"), [(100, 600, False), (600, 100, True)])
def test_a_lower_limit_that_the_process_has_already_stays(own_mb, more_mb, is_lower):
    code = LIMITED.format(own_mb=own_mb, more_mb=more_mb)
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == str([is_lower, is_lower]), done.stderr

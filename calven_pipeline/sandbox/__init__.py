"""A small HTTP server that stands in for the Calven API, for trying things out and for tests.

It is held to what Calven publishes, refuses what Calven refuses, remembers what it accepted, and fails on demand. It
is not Calven: where nothing is published, each module says what was chosen. It uses nothing of calven_pipeline but
`errors`.
"""

from calven_pipeline.sandbox.auth import KEYS
from calven_pipeline.sandbox.faults import describe_faults
from calven_pipeline.sandbox.server import SandboxServer, serve
from calven_pipeline.sandbox.world import World

__all__ = ["KEYS", "SandboxServer", "World", "describe_faults", "serve"]

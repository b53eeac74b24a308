"""Running the sandbox: in a thread beside a test or a demo, or alone until it is told to stop.

It listens on loopback only, because its keys are known to everyone. Stopping it breaks off the calls that are open.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from calven_pipeline.errors import SandboxError
from calven_pipeline.sandbox.app import SandboxApp
from calven_pipeline.sandbox.auth import CLOCK_TOLERANCE_S, KEYS, TOKEN_LIFETIME_S
from calven_pipeline.sandbox.company import generate_company
from calven_pipeline.sandbox.recording import Arrival
from calven_pipeline.sandbox.world import World

DEFAULT_PORT = 8787
DEFAULT_USERS = 500
DEFAULT_SEED = 7
LOOPBACK = {"127.0.0.1": socket.AF_INET, "localhost": socket.AF_INET, "::1": socket.AF_INET6}
_MOST_PORT = 65_535
_KEEP_ALIVE_S = 75  # longer than clients keep an idle connection, so that none is closed while a call is on its way


class SandboxServer:
    """A sandbox in a thread of its own, for as long as the `with` block lasts.

    `world` is a folder or a World; without it, a company of `users` is generated from `seed`. Port 0 takes any free
    port. Entered again, it listens on the port it had and still knows what it accepted, like a service that was down.
    Raises SandboxError for everything that keeps it from starting. Times are seconds; `clock` returns Unix seconds.
    `record_calls` keeps every call whole for `arrivals`, which costs memory.
    """

    def __init__(
        self,
        *,
        world: Path | World | None = None,
        users: int = DEFAULT_USERS,
        seed: int = DEFAULT_SEED,
        faults: Sequence[str] = (),
        host: str = "127.0.0.1",
        port: int = 0,
        token_lifetime_s: float = TOKEN_LIFETIME_S,
        clock_tolerance_s: float = CLOCK_TOLERANCE_S,
        clock: Callable[[], float] = time.time,
        record_calls: bool = False,
    ) -> None:
        _check_address(host, port)
        self._host, self._port = host, port
        self._app = SandboxApp(
            generate_company(users, seed) if world is None else _world(world),
            faults=faults,
            seed=seed,
            token_lifetime_s=token_lifetime_s,
            clock_tolerance_s=clock_tolerance_s,
            clock=clock,
            record_calls=record_calls,
        )

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end; the true port once it is started."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def world(self) -> World:
        """The reference data that is served now."""
        return self._app.world

    def accepted(self) -> list[dict[str, Any]]:
        """Every accepted event in the order of arrival, with `sourceId`, `receivedAt` and `timesReceived`."""
        return list(self._app.ledger.accepted())

    def rejected(self) -> list[dict[str, Any]]:
        """Every event that got a result code other than 0, with the latest code and how often it came."""
        return list(self._app.ledger.rejected())

    def times_received(self, event_id: str) -> int:
        """How often an accepted event arrived; 0 when it was never accepted."""
        return self._app.ledger.times_received(event_id)

    def arrivals(self, area: str = "presence") -> list[Arrival]:
        """Every call of that area as it arrived, before any fault; empty unless `record_calls` was set."""
        return self._app.arrivals.of(area)

    def stats(self) -> dict[str, Any]:
        """The counts that `GET /sandbox/stats` answers."""
        return self._app.summary()

    def clear(self) -> None:
        """Make it as freshly started: no events, counts or tokens; the world and the faults of the start."""
        self._app.reset()

    def set_faults(self, specs: Sequence[str]) -> None:
        """Replace all faults; raises SandboxError for a bad SPEC and then changes nothing."""
        self._app.set_faults(specs)

    def set_world(self, world: Path | World) -> None:
        """Serve other reference data from now on, as if people or places had changed at Calven."""
        self._app.world = _world(world)

    def forget_tokens(self) -> None:
        """Make every token unknown."""
        self._app.doorkeeper.forget_tokens()

    def __enter__(self) -> Self:
        """Listen; returns when calls are answered."""
        listener = _listen(self._host, self._port)
        self._port = listener.getsockname()[1]
        self._server = _QuietServer(_uvicorn_config(self._app))
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="calven-sandbox", daemon=True)
        self._thread.start()
        self._server.is_up.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Break off open calls and stop listening."""
        self._server.should_exit = True
        self._thread.join()


def serve(
    port: int = DEFAULT_PORT,
    world: Path | None = None,
    users: int = DEFAULT_USERS,
    seed: int = DEFAULT_SEED,
    faults: Sequence[str] = (),
    *,
    host: str = "127.0.0.1",
    token_lifetime_s: float = TOKEN_LIFETIME_S,
    clock_tolerance_s: float = CLOCK_TOLERANCE_S,
) -> None:
    """Run a sandbox until SIGINT or SIGTERM; the first line on stdout says where it listens.

    Raises SandboxError when it cannot start. Must be called in the main thread, where signals arrive.
    """
    server = SandboxServer(
        world=world,
        users=users,
        seed=seed,
        faults=faults,
        host=host,
        port=port,
        token_lifetime_s=token_lifetime_s,
        clock_tolerance_s=clock_tolerance_s,
    )
    with _stop_signals() as told_to_stop, server:
        sys.stdout.write(_greeting(server, faults))
        sys.stdout.flush()
        told_to_stop.wait()


class _QuietServer(uvicorn.Server):
    """uvicorn that says when it is up, and does not wait for open calls when it stops."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.is_up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await super().shutdown(sockets)


class _ProtocolWithTransport(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """HTTP as uvicorn speaks it, with the transport in the scope, so that faults can break connections."""

    app_state: dict[str, Any]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def _uvicorn_config(app: SandboxApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_ProtocolWithTransport,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
    )


def _check_address(host: str, port: int) -> None:
    if host not in LOOPBACK:
        raise SandboxError(f"The sandbox listens on loopback only ({', '.join(LOOPBACK)}), not on {host}.")
    if not 0 <= port <= _MOST_PORT:
        raise SandboxError(f"Port {port} does not exist: choose one up to {_MOST_PORT}, or 0 for any free port.")


def _listen(host: str, port: int) -> socket.socket:
    """A bound and listening socket; raises SandboxError when the port cannot be had."""
    listener = socket.socket(LOOPBACK[host])
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1" if host == "localhost" else host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        reason = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be had ({error.strerror})"
        raise SandboxError(f"Port {port} on {host} {reason}: choose another port, or 0 for any free one.") from error
    return listener


def _world(world: Path | World) -> World:
    return world if isinstance(world, World) else World.load(world)


@contextlib.contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set; the former handlers are put back at the end."""
    told_to_stop = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        told_to_stop.set()

    former = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told_to_stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _greeting(server: SandboxServer, faults: Sequence[str]) -> str:
    counts = ", ".join(f"{count} {table}" for table, count in server.world.counts.items())
    lines = [
        f"Calven sandbox on {server.url} with {counts}",
        f"Faults: {' '.join(faults)}" if faults else "No faults; --fault SPEC adds one.",
        "Keys (the secret of each is <key>-secret):",
        *(
            f"  {key.id:<24} {'Basic' if key.is_basic else 'HMAC, client secret':<20} {key.role.name}"
            for key in KEYS.values()
        ),
        "Use it from another shell:",
        f"  export CALVEN_API_URL={server.url}",
        "  export CALVEN_API_KEY=sandbox-all",
        "  export CALVEN_API_SECRET=sandbox-all-secret",
        f"What it accepted: {server.url}/sandbox/accepted and {server.url}/sandbox/stats. Ctrl+C stops it.",
    ]
    return "\n".join(lines) + "\n"

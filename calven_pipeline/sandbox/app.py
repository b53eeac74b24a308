"""The sandbox as an ASGI application: every path, who may call it, and what it answers.

All paths are fixed, so routing is one look-up; a trailing slash is taken everywhere. A call is checked in this order:
path (404), method (405), key (401), role (403), content type (415), content (400). Under `/sandbox/` are questions
and orders to the sandbox itself; they need no key.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from itertools import islice
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from calven_pipeline.errors import SandboxError
from calven_pipeline.sandbox.answers import (
    JSON_TYPE,
    Dropped,
    Refusal,
    error_answer,
    json_answer,
    json_bytes_answer,
)
from calven_pipeline.sandbox.auth import (
    CLOCK_TOLERANCE_S,
    TOKEN_LIFETIME_S,
    Doorkeeper,
    Key,
    Permission,
    check_permission,
)
from calven_pipeline.sandbox.fault_kinds import ELSEWHERE, SIGN_IN_PAGE
from calven_pipeline.sandbox.faults import FaultPlan
from calven_pipeline.sandbox.ledger import Ledger, iso_time
from calven_pipeline.sandbox.presence import SUCCESS, Event, judge, read_call, result
from calven_pipeline.sandbox.presence_details import presence_details
from calven_pipeline.sandbox.recording import Arrivals
from calven_pipeline.sandbox.stats import Stats
from calven_pipeline.sandbox.world import REFERENCE_TABLES, World

OWN_AREA = "sandbox"
_UNAVAILABLE_EVENT_PATHS = ("/v1/occupancy", "/v1/access-credentials", "/v1/timeoff", "/v1/visitor-arrival")
_EVENTS_PER_CHUNK = 1000


@dataclass(frozen=True)
class Call:
    """A call that may be carried out: its body, and its query parameters."""

    body: bytes
    query: Mapping[str, str]


@dataclass(frozen=True)
class Route:
    """What a path takes and needs; `area` is what faults and counts are grouped by."""

    method: str
    handler: Callable[[Call], Response]
    area: str
    permission: Permission | None = None
    is_basic: bool = False


class SandboxApp:
    """The application, with everything that it remembers.

    `clock` returns Unix seconds and is the time for tokens, tolerance and the `Date` header. Everything runs in the
    event loop's thread; other threads may read, and may replace whole parts (`reset`, `set_faults`).
    """

    def __init__(
        self,
        world: World,
        *,
        faults: Sequence[str] = (),
        seed: int = 7,
        token_lifetime_s: float = TOKEN_LIFETIME_S,
        clock_tolerance_s: float = CLOCK_TOLERANCE_S,
        clock: Callable[[], float] = time.time,
        record_calls: bool = False,
    ) -> None:
        self.arrivals = Arrivals(keeps=record_calls)
        self._first_world, self._first_faults, self._seed, self._clock = world, tuple(faults), seed, clock
        self.doorkeeper = Doorkeeper(clock, token_lifetime_s, clock_tolerance_s)
        self._routes = self._all_routes()
        self.reset()

    def reset(self) -> None:
        """As freshly started: no events, counts or tokens; the world and the faults of the start."""
        self.world = self._first_world
        self.ledger = Ledger()
        self.stats = Stats()
        self.arrivals.clear()
        self.doorkeeper.forget_tokens()
        self.set_faults(self._first_faults)

    def set_faults(self, specs: Sequence[str]) -> None:
        """Replace all faults; raises SandboxError for a bad SPEC and then changes nothing."""
        self._faults = FaultPlan(specs, self._seed, self.doorkeeper.forget_tokens)

    def summary(self) -> dict[str, Any]:
        """What `GET /sandbox/stats` answers."""
        return {**self.stats.summary(), "eventsRemembered": len(self.ledger), "faults": self._faults.struck()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        request = Request(scope, receive)
        path = scope["path"].rstrip("/") or "/"
        route = self._routes.get(path)
        area = route.area if route else "unknown"
        stats = self.stats
        try:
            with stats.open_call(area):
                answer = await self._answer(request, route)
                if area != OWN_AREA:
                    outcome = "dropped" if isinstance(answer, Dropped) else str(answer.status_code)
                    stats.count_call(path, outcome, request.headers.get("x-calven-region", "none"))
                answer.headers["date"] = formatdate(self._clock(), usegmt=True)
                await answer(scope, receive, send)
        except ClientDisconnect:
            return

    async def _answer(self, request: Request, route: Route | None) -> Response:
        body = await request.body()
        if route is not None and route.area != OWN_AREA:
            self.arrivals.add(route.area, request.headers, body)

        async def proceed() -> Response:
            try:
                return self._carry_out(request, route, body)
            except Refusal as refusal:
                return error_answer(refusal.status, refusal.message, refusal.headers)

        try:
            if route is None or route.area == OWN_AREA:
                return await proceed()
            return await self._faults.wrap(route.area, proceed)()
        except Exception:  # noqa: BLE001 - the front door: a mistake of ours must be an answer too, and be seen
            traceback.print_exc(file=sys.stderr)
            return error_answer(500, "The sandbox made a mistake; its own error output says which.")

    def _carry_out(self, request: Request, route: Route | None, body: bytes) -> Response:
        if route is None:
            raise Refusal(404, "There is no such path.")
        if request.method != route.method:
            raise Refusal(405, f"This path takes {route.method} only.", {"allow": route.method})
        if route.permission is not None:
            check_permission(self._identify(request, route), route.permission)
        if route.method == "POST" and route.area != OWN_AREA:
            _check_content_type(request)
        return route.handler(Call(body, request.query_params))

    def _identify(self, request: Request, route: Route) -> Key:
        authorization = request.headers.get("authorization", "")
        identify = self.doorkeeper.key_of_basic if route.is_basic else self.doorkeeper.key_of_bearer
        key = identify(authorization)
        self.stats.count_key(key.id)
        return key

    def _all_routes(self) -> dict[str, Route]:
        return {
            "/v1/auth": Route("POST", lambda call: json_answer(self.doorkeeper.sign_in_by_hmac(call.body)), "auth"),
            "/v1/auth/token": Route(
                "POST", lambda call: json_answer(self.doorkeeper.sign_in_by_client_secret(call.body)), "auth"
            ),
            **_with_basic("/v1/presence", "POST", self._post_presence, "presence", Permission.SUBMIT_EVENTS),
            **self._warehouse_routes(),
            **self._unavailable_routes(),
            **self._own_routes(),
        }

    def _warehouse_routes(self) -> dict[str, Route]:
        routes: dict[str, Route] = {}
        for table in REFERENCE_TABLES:
            for prefix in ("/v1/analytics", "/v1"):
                routes |= _with_basic(
                    f"{prefix}/{table}", "GET", self._get_table(table), "warehouse", Permission.READ_WAREHOUSE
                )
        details_path = "/v1/analytics/presence"
        return routes | _with_basic(details_path, "GET", self._get_details, "warehouse", Permission.READ_WAREHOUSE)

    def _unavailable_routes(self) -> dict[str, Route]:
        routes: dict[str, Route] = {}
        for path in _UNAVAILABLE_EVENT_PATHS:
            routes |= _with_basic(path, "POST", _not_implemented, "other events", Permission.SUBMIT_EVENTS)
        return routes

    def _own_routes(self) -> dict[str, Route]:
        return {
            "/sandbox/accepted": Route("GET", self._get_accepted, OWN_AREA),
            "/sandbox/rejected": Route("GET", lambda call: json_answer(list(self.ledger.rejected())), OWN_AREA),
            "/sandbox/stats": Route("GET", lambda call: json_answer(self.summary()), OWN_AREA),
            "/sandbox/reset": Route("POST", lambda call: _done(self.reset), OWN_AREA),
            "/sandbox/faults": Route("POST", self._post_faults, OWN_AREA),
            "/sandbox/forget-tokens": Route("POST", lambda call: _done(self.doorkeeper.forget_tokens), OWN_AREA),
            ELSEWHERE: Route("GET", lambda call: HTMLResponse(SIGN_IN_PAGE), OWN_AREA),
        }

    def _post_presence(self, call: Call) -> Response:
        source_id, events = read_call(call.body)
        if self._faults.poisons and any(map(self._faults.is_poison, events)):
            raise Refusal(400, "An event of this call is poison, as the sandbox was asked for.")
        now = self._clock()
        self.stats.events_received += len(events)
        results = [result(event.event_id, self._load(event, source_id, now)) for event in events]
        self.stats.count_codes(entry["resultCode"] for entry in results)
        return json_answer({"sourceId": source_id, "timestamp": iso_time(now), "results": results})

    def _load(self, event: Event, source_id: str, now: float) -> int:
        """Load one event if it is good, and return its result code."""
        code, user_id, location_id = judge(event, self.world)
        if code == SUCCESS and self._faults.codes:
            code = self._faults.code_for(event.event_id)
        if code != SUCCESS:
            self.ledger.reject(event.event_id, code)
        elif self.ledger.accept(event, user_id, location_id, source_id, now):
            self.stats.events_accepted += 1
        else:
            self.stats.events_repeated += 1
        return code

    def _get_table(self, table: str) -> Callable[[Call], Response]:
        return lambda call: json_bytes_answer(self.world.answers[table])

    def _get_details(self, call: Call) -> Response:
        return json_answer(list(presence_details(self.ledger, call.query)))

    def _get_accepted(self, call: Call) -> Response:
        offset, limit = _whole_number(call, "offset") or 0, _whole_number(call, "limit")
        return StreamingResponse(_json_chunks(self.ledger.accepted(offset, limit)), media_type=JSON_TYPE)

    def _post_faults(self, call: Call) -> Response:
        try:
            specs = json.loads(call.body)["faults"]
        except (ValueError, TypeError, KeyError, RecursionError):
            specs = None
        if not isinstance(specs, list) or not all(isinstance(spec, str) for spec in specs):
            raise Refusal(400, 'Send {"faults": ["503@10%", ...]}; an empty array ends all faults.')
        try:
            self.set_faults(specs)
        except SandboxError as error:
            raise Refusal(400, str(error)) from error
        return json_answer({"faults": specs})


def _with_basic(
    path: str, method: str, handler: Callable[[Call], Response], area: str, permission: Permission
) -> dict[str, Route]:
    """The path for tokens, and the same with `/basic`."""
    return {
        path: Route(method, handler, area, permission),
        f"{path}/basic": Route(method, handler, area, permission, is_basic=True),
    }


def _check_content_type(request: Request) -> None:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON_TYPE:
        raise Refusal(415, f"A POST needs Content-Type: {JSON_TYPE}.")


def _not_implemented(call: Call) -> Response:
    raise Refusal(501, "The sandbox takes presence only.")


def _done(action: Callable[[], None]) -> Response:
    action()
    return json_answer({"done": True})


def _whole_number(call: Call, name: str) -> int | None:
    text = call.query.get(name)
    if text is not None and not (text.isascii() and text.isdigit() and len(text) < 10):  # noqa: PLR2004 - digits of an int
        raise Refusal(400, f"{name} must be a whole number.")
    return None if text is None else int(text)


async def _json_chunks(rows: Iterable[dict[str, Any]]) -> AsyncIterator[bytes]:
    """A JSON array, serialised some rows at a time so that a million of them never stand in memory."""
    rows = iter(rows)
    separator = b"["
    while chunk := list(islice(rows, _EVENTS_PER_CHUNK)):
        yield separator + json.dumps(chunk)[1:-1].encode()
        separator = b","
    yield b"[]" if separator == b"[" else b"]"

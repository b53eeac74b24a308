"""The faults by name, and what each does to a call.

A fault around calls is an async function of its value, its options and `proceed`, which carries the call out. It
returns the answer to send: without calling `proceed` nothing is loaded, after calling it everything is. `poison` and
`code` have no such function: they take part in judging events.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from starlette.responses import HTMLResponse, RedirectResponse, Response

from calven_pipeline.sandbox.answers import CutShort, Dripping, Dropped, error_answer, json_answer, json_bytes_answer

Proceed = Callable[[], Awaitable[Response]]
Options = Mapping[str, str]
Wrap = Callable[[str, Options, Proceed], Awaitable[Response]]
Change = Callable[[str, Any], Any]

SENDING, REST, CONTENT = 0, 1, 2  # layers around a call, from the outermost
EVERYWHERE = ("presence", "auth", "warehouse")
ELSEWHERE = "/sandbox/elsewhere"
SIGN_IN_PAGE = "<!doctype html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s)")


@dataclass(frozen=True)
class FaultKind:
    """A fault that can be asked for; the first of `areas` is the one it strikes unless told otherwise."""

    name: str
    summary: str
    example: str
    wrap: Wrap | None
    areas: tuple[str, ...] = EVERYWHERE
    default: str = ""
    accepts: Callable[[str], bool] = lambda value: value == ""
    options: tuple[str, ...] = ()
    layer: int = REST


def _seconds(duration: str) -> float:
    """`2s` or `50ms` in seconds."""
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise ValueError(duration)
    return float(match[1]) / (1000 if match[2] == "ms" else 1)


async def _carried_out_if_stored(options: Options, proceed: Proceed) -> None:
    if "stored" in options:
        await proceed()


async def _status(value: str, options: Options, proceed: Proceed) -> Response:
    await _carried_out_if_stored(options, proceed)
    headers = {}
    if "retry-after" in options:
        headers["retry-after"] = options["retry-after"]
    if "retry-after-date" in options:
        headers["retry-after"] = formatdate(time.time() + float(options["retry-after-date"]), usegmt=True)
    return error_answer(int(value), "A fault that the sandbox was asked for.", headers)


async def _html(value: str, options: Options, proceed: Proceed) -> Response:
    await _carried_out_if_stored(options, proceed)
    return HTMLResponse(SIGN_IN_PAGE)


async def _empty(value: str, options: Options, proceed: Proceed) -> Response:
    await _carried_out_if_stored(options, proceed)
    return json_bytes_answer(b"")


async def _redirect(value: str, options: Options, proceed: Proceed) -> Response:
    await _carried_out_if_stored(options, proceed)
    return RedirectResponse(ELSEWHERE, int(value))


async def _delay(value: str, options: Options, proceed: Proceed) -> Response:
    if "stored" not in options:
        await asyncio.sleep(_seconds(value))
        return await proceed()
    answer = await proceed()
    await asyncio.sleep(_seconds(value))
    return answer


async def _drop_before_store(value: str, options: Options, proceed: Proceed) -> Response:
    return Dropped()


async def _drop_after_store(value: str, options: Options, proceed: Proceed) -> Response:
    await proceed()
    return Dropped()


async def _reset_mid_body(value: str, options: Options, proceed: Proceed) -> Response:
    return CutShort(await proceed())


async def _slow_drip(value: str, options: Options, proceed: Proceed) -> Response:
    return Dripping(await proceed(), _seconds(value))


async def _truncate(value: str, options: Options, proceed: Proceed) -> Response:
    answer = await proceed()
    return json_bytes_answer(bytes(answer.body[: len(answer.body) // 2]), answer.status_code)


async def _forget_tokens(value: str, options: Options, proceed: Proceed) -> Response:
    return await proceed()  # the plan forgets them before


def _changing(change: Change) -> Wrap:
    """A fault that changes the content of a good answer; others pass unchanged."""

    async def wrap(value: str, options: Options, proceed: Proceed) -> Response:
        answer = await proceed()
        if answer.status_code != HTTPStatus.OK:
            return answer
        return json_answer(change(value, json.loads(bytes(answer.body))), answer.status_code)

    return wrap


def _changing_results(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Wrap:
    def change_results(value: str, content: Any) -> Any:  # noqa: ANN401 - whatever another fault left of the answer
        if not isinstance(content, dict) or "results" not in content:
            return content
        return {**content, "results": change(content["results"])}

    return _changing(change_results)


_SHAPES: dict[str, Callable[[Any], Any]] = {
    "object": lambda content: {"ok": True},
    "list": lambda content: ["ok"],
    "text": lambda content: "ok",
    "null": lambda content: None,
    "wrapped": lambda content: {"data": content},
}


def _shuffled(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(results, key=lambda result: str(result["eventId"])[::-1])


def _with_another_source(content: Any) -> Any:  # noqa: ANN401 - whatever another fault left of the answer
    return {**content, "sourceId": "another source"} if isinstance(content, dict) else content


def _without(fields: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key != name}


def _is_duration(value: str) -> bool:
    return _DURATION.fullmatch(value) is not None


def _sending(name: str, summary: str, example: str, wrap: Wrap) -> FaultKind:
    return FaultKind(name, summary, example, wrap, layer=SENDING)


def _presence_result(name: str, summary: str, wrap: Wrap) -> FaultKind:
    return FaultKind(name, summary, name, wrap, areas=("presence",), layer=CONTENT)


_ERROR_STATUSES = range(400, 600)
_INSTEAD = ("stored",)
_ALL_KINDS = [
    FaultKind(
        "STATUS",
        "this status (400 to 599) instead of an answer, nothing loaded",
        "503@10% or 429*3:retry-after=2",
        _status,
        accepts=lambda value: value.isdigit() and int(value) in _ERROR_STATUSES,
        options=("stored", "retry-after", "retry-after-date"),
    ),
    FaultKind("html", "200 with a sign-in page, nothing loaded", "html@5%", _html, options=_INSTEAD),
    FaultKind("empty", "200 with an empty body, nothing loaded", "empty", _empty, options=_INSTEAD),
    FaultKind(
        "redirect",
        "a redirect (302 unless said) to a sign-in page",
        "redirect or redirect=307",
        _redirect,
        default="302",
        accepts=lambda value: value in {"301", "302", "303", "307", "308"},
        options=_INSTEAD,
    ),
    FaultKind(
        "delay",
        "wait before the call is carried out (:stored: after it)",
        "delay=2s@50% or delay=500ms:stored",
        _delay,
        accepts=_is_duration,
        options=_INSTEAD,
    ),
    _sending("drop-before-store", "reset the connection, nothing loaded", "drop-before-store*1", _drop_before_store),
    _sending("drop-after-store", "carry the call out, then reset", "drop-after-store@1%", _drop_after_store),
    _sending("reset-mid-body", "carry it out, send half, then reset", "reset-mid-body", _reset_mid_body),
    FaultKind(
        "slow-drip",
        "the answer in 20 pieces, with a pause before each",
        "slow-drip or slow-drip=200ms",
        _slow_drip,
        default="50ms",
        accepts=_is_duration,
        layer=SENDING,
    ),
    FaultKind("truncate", "carry it out, answer with half of the JSON", "truncate@5%", _truncate),
    FaultKind(
        "wrong-shape",
        "carry it out, answer other JSON: object, list, text, null, wrapped",
        "wrong-shape or wrong-shape=list",
        _changing(lambda value, content: _SHAPES[value](content)),
        default="object",
        accepts=_SHAPES.__contains__,
        layer=CONTENT,
    ),
    FaultKind("forget-tokens", "make all tokens unknown just before the call", "forget-tokens@5%", _forget_tokens),
    FaultKind(
        "no-rows",
        "answer an empty array",
        "no-rows",
        _changing(lambda value, content: []),
        areas=("warehouse",),
        layer=CONTENT,
    ),
    _presence_result(
        "other-source",
        "answer with another sourceId",
        _changing(lambda value, content: _with_another_source(content)),
    ),
    _presence_result(
        "only-problems",
        "report rejected events only, as one page says",
        _changing_results(lambda results: [result for result in results if result["resultCode"] != 0]),
    ),
    _presence_result(
        "no-results",
        "answer without results",
        _changing(lambda value, content: _without(content, "results") if isinstance(content, dict) else content),
    ),
    _presence_result(
        "codes-as-text",
        "result codes as text",
        _changing_results(lambda results: [{**result, "resultCode": str(result["resultCode"])} for result in results]),
    ),
    _presence_result("shuffle", "results in another order", _changing_results(_shuffled)),
    _presence_result("double-results", "every result twice", _changing_results(lambda results: results * 2)),
    _presence_result(
        "unknown-ids",
        "results for event ids that nobody sent",
        _changing_results(lambda results: [{**result, "eventId": f"unknown-{n}"} for n, result in enumerate(results)]),
    ),
    _presence_result(
        "no-message",
        "results without message",
        _changing_results(lambda results: [_without(result, "message") for result in results]),
    ),
    FaultKind(
        "poison",
        "400, nothing loaded, for a call with this text in a field of an event",
        "poison=user-000007@",
        None,
        areas=("presence",),
        accepts=bool,
    ),
    FaultKind(
        "code",
        "this code for otherwise good events, which are not loaded",
        "code=3@1%",
        None,
        areas=("presence",),
        accepts=lambda value: re.fullmatch("-?[0-9]{1,9}", value) is not None and int(value) != 0,
    ),
]
FAULT_KINDS = {kind.name: kind for kind in _ALL_KINDS}

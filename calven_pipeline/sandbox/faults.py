"""Faults on demand: the grammar of a SPEC, and what each fault does to a call.

    SPEC = NAME[=VALUE][@RATE%][*TIMES][:OPTION]...

    @10%             strikes one call in ten, drawn from the seed (default: every call)
    *3               strikes three times at most
    :on=AREA         the calls it can strike: presence (default), auth, warehouse or all
    :from=5          strikes from the fifth of these calls on
    :stored          the call is carried out first, then spoilt (for a status, html, empty, redirect and delay)
    :retry-after=2   with a status: the header, as given; :retry-after-date=2 writes it as the date in 2 s

What follows the name may stand in any order. Several faults wrap a call: those about sending outermost, those about the
content innermost, else the first given outermost. Each counts and draws for itself, so a run with the same calls in the
same order repeats. `code` is drawn per event, from the event's id: the same event always fares the same.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from starlette.responses import Response

from calven_pipeline.errors import SandboxError
from calven_pipeline.sandbox.fault_kinds import FAULT_KINDS, FaultKind, Proceed
from calven_pipeline.sandbox.presence import Event

_OPTIONS = ("on", "from", "stored", "retry-after-date", "retry-after")
_MODIFIER = re.compile(
    r"@(?P<rate>[0-9]+(?:\.[0-9]+)?)%|\*(?P<times>[0-9]+)"
    rf"|:(?P<option>{'|'.join(_OPTIONS)})(?:=(?P<value>[^:@*]*))?(?=$|[:@*])"
)
_ANY_MODIFIER = re.sub(r"\(\?P<[a-z]+>", "(?:", _MODIFIER.pattern)  # the same without names, so that it can be repeated
_SPEC = re.compile(rf"(?P<name>[a-z0-9-]+)(?:=(?P<value>.+?))?(?P<modifiers>(?:{_ANY_MODIFIER})*)", re.DOTALL)


@dataclass
class Fault:
    """One SPEC, with its own count of calls and its own dice."""

    spec: str
    kind: FaultKind
    value: str
    dice: random.Random
    area: str = "presence"
    rate: float = 1.0
    most_times: int | None = None
    first_call: int = 1
    options: dict[str, str] = field(default_factory=dict)
    seen: int = 0
    struck: int = 0

    def covers(self, area: str) -> bool:
        """Whether calls of this area can be struck."""
        return self.area in (area, "all")

    def strikes(self, chance: float | None = None) -> bool:
        """Whether the next call (or event, with a `chance` of its own between 0 and 1) is struck; counts it."""
        self.seen += 1
        drawn = self.dice.random() if chance is None else chance
        used_up = self.most_times is not None and self.struck >= self.most_times
        hit = self.seen >= self.first_call and not used_up and drawn < self.rate
        self.struck += hit
        return hit


class FaultPlan:
    """The faults in force."""

    def __init__(self, specs: Iterable[str], seed: int, forget_tokens: Callable[[], None]) -> None:
        self._faults = [parse_fault(spec, seed, number) for number, spec in enumerate(specs)]
        self._around_calls = [fault for fault in self._faults if fault.kind.wrap]
        self.poisons = [fault for fault in self._faults if fault.kind.name == "poison"]
        self.codes = [fault for fault in self._faults if fault.kind.name == "code"]
        self._forget_tokens = forget_tokens

    def struck(self) -> dict[str, int]:
        """How often each SPEC struck; one that was given twice counts together."""
        counts = dict.fromkeys((fault.spec for fault in self._faults), 0)
        for fault in self._faults:
            counts[fault.spec] += fault.struck
        return counts

    def wrap(self, area: str, proceed: Proceed) -> Proceed:
        """The call with every fault around it that strikes this time."""
        striking = [fault for fault in self._around_calls if fault.covers(area) and fault.strikes()]
        for fault in sorted(striking, key=lambda fault: fault.kind.layer)[::-1]:
            proceed = self._wrap_one(fault, proceed)
        return proceed

    def is_poison(self, event: Event) -> bool:
        """Whether a text of the event makes its whole call refused."""
        texts = [field for field in event if isinstance(field, str)]
        return any(any(fault.value in text for text in texts) and fault.strikes() for fault in self.poisons)

    def code_for(self, event_id: str) -> int:
        """The code that an otherwise good event is reported with; 0 as a rule."""
        for fault in self.codes:
            if fault.strikes(chance=_chance_of(event_id, fault.spec)):
                return int(fault.value)
        return 0

    def _wrap_one(self, fault: Fault, proceed: Proceed) -> Proceed:
        wrap = fault.kind.wrap
        assert wrap is not None  # noqa: S101 - only such faults are around calls

        async def struck() -> Response:
            if fault.kind.name == "forget-tokens":
                self._forget_tokens()
            return await wrap(fault.value, fault.options, proceed)

        return struck


def parse_fault(spec: str, seed: int = 0, number: int = 0) -> Fault:
    """The fault that a SPEC describes; raises SandboxError with the known faults and examples."""
    parts = _SPEC.fullmatch(spec)
    if parts is None:
        raise _bad(spec, "it is not built as NAME[=VALUE][@RATE%][*TIMES][:OPTION]")
    name, value = parts["name"], parts["value"] or ""
    if name.isdigit():
        name, value = "STATUS", name
    kind = FAULT_KINDS.get(name)
    if kind is None:
        raise _bad(spec, f"there is no fault {name}")
    value = value or kind.default
    if not kind.accepts(value):
        raise _bad(spec, f"{name} does not take the value {value!r}" if value else f"{name} needs a value")
    fault = Fault(spec, kind, value, random.Random(f"{seed} {number} {spec}"), kind.areas[0])
    _modify(fault, parts["modifiers"])
    return fault


def _modify(fault: Fault, modifiers: str) -> None:
    seen: set[str] = set()
    for modifier in _MODIFIER.finditer(modifiers):
        name = modifier["option"] or modifier[0][0]
        if name in seen:
            raise _bad(fault.spec, f"{modifier[0]} comes a second time")
        seen.add(name)
        if modifier["rate"]:
            fault.rate = _number(fault, modifier["rate"], 0, 100) / 100
        elif modifier["times"]:
            fault.most_times = int(_number(fault, modifier["times"], 1, 10**9))
        else:
            _set_option(fault, name, modifier["value"])


def _set_option(fault: Fault, name: str, value: str | None) -> None:
    if (value is None) != (name == "stored") or value == "":
        raise _bad(fault.spec, f"{name} takes no value" if name == "stored" else f"{name} needs a value")
    if name == "on":
        areas = fault.kind.areas if len(fault.kind.areas) == 1 else (*fault.kind.areas, "all")
        if value not in areas:
            raise _bad(fault.spec, f"{fault.kind.name} strikes {' or '.join(areas)}, not {value}")
        fault.area = str(value)
    elif name == "from":
        fault.first_call = int(_number(fault, str(value), 1, 10**9))
    elif name not in fault.kind.options:
        raise _bad(fault.spec, f"{fault.kind.name} has no option {name}")
    else:
        if name == "retry-after-date":
            _number(fault, str(value), 0, 10**6)
        fault.options[name] = value or ""


def _number(fault: Fault, text: str, least: float, most: float) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise _bad(fault.spec, f"{text} is not a number") from error
    if not least <= number <= most:
        raise _bad(fault.spec, f"{text} is not between {least:g} and {most:g}")
    return number


def _chance_of(event_id: str, spec: str) -> float:
    """A number from 0 to below 1 that depends on the event and the fault alone."""
    return zlib.crc32(f"{spec} {event_id}".encode("utf-8", "replace")) / 2**32


def _bad(spec: str, problem: str) -> SandboxError:
    return SandboxError(f"Fault {spec!r} cannot be used: {problem}.\n{describe_faults()}")


def describe_faults() -> str:
    """Every fault with what it does and an example, a line each."""
    lines = [f"  {kind.example:<36} {kind.summary}" for kind in FAULT_KINDS.values()]
    modifiers = "@10%, *3, :from=5, :on=presence|auth|warehouse|all; a status by :retry-after=2 and :stored."
    return "\n".join(["Known faults, by example:", *lines, f"Each may be followed by {modifiers}"])

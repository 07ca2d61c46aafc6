"""The engine that gathers facts: shared, concurrent, honest about what it could not get."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass

import pytest

from tabbydoctor.facts import Absent, Facts, Unknown


@dataclass(frozen=True)
class Engine:
    name: str


@dataclass(frozen=True)
class Wheels:
    count: int


@dataclass(frozen=True)
class Car:
    engine: Engine
    wheels: Wheels | None


def wheels() -> Wheels:
    raise Absent("on blocks")


def engine() -> Engine:
    return Engine("V8")


def test_a_fact_is_gathered_once_and_shared() -> None:
    calls: list[str] = []

    def counted() -> Engine:
        calls.append("engine")
        return Engine("V8")

    def car(engine: Engine) -> Car:
        return Car(engine, None)

    async def run() -> None:
        facts = Facts([], [counted, car])
        assert facts.known(Car) is None
        one, two = await asyncio.gather(facts.get(Car), facts.get(Engine))
        assert one.engine is two
        assert facts.known(Car) is one

    asyncio.run(run())
    assert calls == ["engine"]


def test_an_optional_fact_that_is_absent_is_none() -> None:
    def car(engine: Engine, wheels: Wheels | None) -> Car:
        return Car(engine, wheels)

    assert asyncio.run(Facts([], [engine, wheels, car]).get(Car)).wheels is None


def test_a_needed_fact_that_is_absent_passes_its_reason_on() -> None:
    def car(engine: Engine, wheels: Wheels) -> Car:
        return Car(engine, wheels)

    with pytest.raises(Absent, match="on blocks"):
        asyncio.run(Facts([], [engine, wheels, car]).get(Car))


def test_what_is_absent_weighs_more_than_what_is_unknown() -> None:
    absent_late = threading.Event()

    def no_wheels() -> Wheels:
        absent_late.wait(10)
        raise Absent("on blocks")

    def no_engine() -> Engine:
        absent_late.set()
        raise Unknown("bonnet locked")

    def car(engine: Engine, wheels: Wheels) -> Car:
        return Car(engine, wheels)

    with pytest.raises(Absent):
        asyncio.run(Facts([], [no_engine, no_wheels, car]).get(Car))


def test_gatherers_overlap() -> None:
    both = threading.Barrier(2, timeout=10)

    def slow_engine() -> Engine:
        both.wait()
        return Engine("diesel")

    def slow_wheels() -> Wheels:
        both.wait()
        return Wheels(4)

    def car(engine: Engine, wheels: Wheels) -> Car:
        return Car(engine, wheels)

    # Each waits for the other: one after the other would break the barrier.
    assert asyncio.run(Facts([], [slow_engine, slow_wheels, car]).get(Car)).wheels == Wheels(4)


def test_one_that_gives_up_waiting_does_not_stop_the_gathering() -> None:
    release = threading.Event()

    def slow() -> Engine:
        release.wait(10)
        return Engine("late")

    async def run() -> Engine:
        facts = Facts([], [slow])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await facts.get(Engine)
        release.set()
        return await facts.get(Engine)

    assert asyncio.run(run()).name == "late"


def test_a_call_that_never_returns_holds_up_nobody() -> None:
    forever = threading.Event()

    def stuck() -> Engine:
        forever.wait()
        raise Unknown("never")

    async def run() -> None:
        facts = Facts([], [stuck])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await facts.get(Engine)
        await facts.close()

    asyncio.run(run())
    forever.set()


def test_nothing_gathers_it() -> None:
    with pytest.raises(LookupError, match="Engine"):
        asyncio.run(Facts([], []).get(Engine))

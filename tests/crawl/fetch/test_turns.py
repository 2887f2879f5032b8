"""Is a host asked one thing at a time, from however many event loops?"""

import asyncio
import threading
import time

import pytest

from crawl.fetch.turns import Turns


def test_turns_follow_each_other() -> None:
    turns = Turns()
    order: list[str] = []

    async def talk(name: str) -> None:
        async with turns.take("h"):
            order.append(f"{name} begins")
            await asyncio.sleep(0.01)
            order.append(f"{name} ends")

    async def all_talk() -> None:
        await asyncio.gather(*(talk(name) for name in "abc"))

    asyncio.run(all_talk())
    assert order == [f"{name} {what}" for name in "abc" for what in ("begins", "ends")]


def test_turns_hold_across_event_loops() -> None:
    turns = Turns()
    talking = 0
    most = 0
    n_talks = 0

    async def talk() -> None:
        nonlocal talking, most, n_talks
        for _ in range(20):
            async with turns.take("h"):
                talking += 1
                most = max(most, talking)
                await asyncio.sleep(0.0005)
                talking -= 1
                n_talks += 1

    threads = [threading.Thread(target=lambda: asyncio.run(talk())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert (most, n_talks) == (1, 80)


def test_whoever_stops_waiting_does_not_keep_the_turn() -> None:
    turns = Turns()

    async def run() -> None:
        async with turns.take("h"):
            quits = asyncio.create_task(_take(turns))
            stays = asyncio.create_task(_take(turns))
            await asyncio.sleep(0)
            quits.cancel()
        await asyncio.wait_for(stays, 1)
        with pytest.raises(asyncio.CancelledError):
            await quits

    asyncio.run(run())


def test_a_turn_that_comes_too_late_is_passed_on() -> None:
    """Cancelled after it has been called, before it has heard so."""
    turns = Turns()

    async def run() -> None:
        async with turns.take("h"):
            late = asyncio.create_task(_take(turns))
            await asyncio.sleep(0)
        late.cancel()
        await asyncio.wait_for(_take(turns), 1)

    asyncio.run(run())


def test_a_loop_that_has_ended_is_not_waited_for() -> None:
    turns = Turns()

    async def run() -> None:
        async with turns.take("h"):
            ended = asyncio.new_event_loop()
            waiter = ended.create_task(_take(turns))
            ended.call_soon(ended.stop)
            await asyncio.to_thread(ended.run_forever)
            ended.close()
            del waiter
        await asyncio.wait_for(_take(turns), 1)

    asyncio.run(run())


def test_hosts_that_have_rested_are_forgotten() -> None:
    turns = Turns()

    async def run() -> None:
        async with turns.take("resting") as turn:
            turn.free_at = time.monotonic() + 60
        async with turns.take("held"):
            for i in range(10_000):
                async with turns.take(f"h{i}"):
                    pass
            assert len(turns._turns) < 5000
            assert {"resting", "held"} <= turns._turns.keys()

    asyncio.run(run())


async def _take(turns: Turns) -> None:
    async with turns.take("h"):
        pass

"""Which request is sent next, to which host, and what comes of it?

Every host has a queue, and one task that serves it. A redirect is a job in the queue of the host
it leads to, so that robots.txt, politeness and limits hold for every hop as for a first request.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from time import monotonic, time
from typing import Final

from crawl.fetch.addresses import (
    AddressFilter,
    AddressRefused,
    Target,
    UrlRefused,
    likely_host,
    target,
)
from crawl.fetch.asking import Asker, is_excuse
from crawl.fetch.client import Answer, Client, Want
from crawl.fetch.config import FetchConfig
from crawl.fetch.failures import Failure, Headers
from crawl.fetch.job import Job
from crawl.fetch.mailbox import Mailbox
from crawl.fetch.origins import REDIRECTS, Origin, Origins
from crawl.fetch.outcome import Outcome, Request, Status
from crawl.fetch.places import Place, Places
from crawl.fetch.turns import TURNS
from crawl.optout import merged, response_signals
from crawl.url import normalise

_log = logging.getLogger(__name__)

_GOOD: Final = (200, 203)
_MOST_IDLE_HOSTS: Final = 4096
"""Hosts without work that are remembered, with their rules."""


@dataclass(slots=True, kw_only=True)
class _Queue:
    """What one host is to be asked for. Most of it waits as the request it came as."""

    host: str
    jobs: deque[Job | Request] = field(default_factory=deque)
    origins: dict[str, Origin] = field(default_factory=dict)
    served: bool = False


class Crawl:
    """All queues of one run. Lives in one event loop."""

    def __init__(self, client: Client, config: FetchConfig, mailbox: Mailbox) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the run is over; raises what has broken it, where no outcome can tell."""
        self._config = config
        self._mailbox = mailbox
        self._addresses = AddressFilter(config.allow_net)
        self._places = Places(config.max_hosts_at_once, client.open_session, TURNS)
        self._asker = Asker(client, config, TURNS, self._places)
        self._origins = Origins(self._asker, config, self._addresses)
        self._queues: dict[str, _Queue] = {}
        self._idle: dict[str, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def submit(self, requests: Iterable[Request]) -> None:
        """Take requests. Each one will end up in the mailbox as an outcome."""
        for request in requests:
            try:
                queue = self._queue(likely_host(request.url))
            except UrlRefused as error:
                job = Job(request=request, url=request.url)
                self._mailbox.put(job.ended(Status.REFUSED_URL, str(error)))
                continue
            queue.jobs.append(request)
            self._serve_soon(queue)

    def end(self, error: Exception | None = None) -> None:
        """The run is over, or broken."""
        if self.ended.done():
            return
        if error is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(error)

    async def close(self) -> None:
        """Drop everything that is not finished."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)

    def _queue(self, name: str) -> _Queue:
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = _Queue(host=name)
        return queue

    def _serve_soon(self, queue: _Queue) -> None:
        if queue.served:
            return
        queue.served = True
        self._idle.pop(queue.host, None)
        task = asyncio.get_running_loop().create_task(self._serve(queue))
        self._tasks.add(task)
        task.add_done_callback(self._served)

    def _served(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self.end(error)

    async def _serve(self, queue: _Queue) -> None:
        async with self._places.take(queue.host) as place:
            while queue.jobs:
                await self._mailbox.room()
                first = queue.jobs.popleft()
                job = first if isinstance(first, Job) else Job(request=first, url=first.url)
                try:
                    outcome = await self._step(queue, job, place)
                except Exception as error:  # the one boundary: whatever a server makes us do
                    _log.exception("%s", job.request.url)
                    outcome = job.ended(Status.BROKEN, f"{type(error).__name__}: {error}"[:300])
                if outcome is not None:
                    self._mailbox.put(outcome)
        queue.served = False
        if queue.jobs:  # they came while the connection was being closed
            self._serve_soon(queue)
        else:
            self._rest(queue)

    def _rest(self, queue: _Queue) -> None:
        """Remember a host that has no more work for a while, but not all of them for ever."""
        self._idle[queue.host] = None
        if len(self._idle) > _MOST_IDLE_HOSTS:
            oldest = next(iter(self._idle))
            del self._idle[oldest], self._queues[oldest]
            self._asker.forget(oldest)

    async def _step(self, queue: _Queue, job: Job, place: Place) -> Outcome | None:
        """Do one thing for a job. None when it is not finished but waits in some queue again."""
        if why := self._given_up(queue):
            return job.ended(Status.GIVEN_UP, why, retryable=True)
        try:
            hop = target(job.url, self._config.ports, self._addresses)
        except UrlRefused as error:
            return job.ended(Status.REFUSED_URL, f"{job.url}: {error}"[:300])
        except AddressRefused as error:
            return job.ended(Status.REFUSED_ADDRESS, f"{job.url}: {error}"[:300])
        if hop.host != queue.host:
            self._move(job, self._queue(hop.host))
            return None
        origin = await self._origin(queue, hop, place)
        if origin.refusal is not None:
            refusal = origin.refusal
            return job.ended(refusal.status, refusal.detail, retryable=refusal.again)
        if why := self._given_up(queue):
            return job.ended(Status.GIVEN_UP, why, retryable=True)
        if not origin.rules.allows(job.url):
            return job.ended(Status.ROBOTS, f"robots.txt disallows {job.url}")
        if origin.reservations.holds(hop.path):
            job.signals = merged(job.signals, ("tdm",))
            if self._config.obey_opt_outs:
                return job.ended(Status.OPT_OUT, f"tdmrep.json reserves {job.url}")
        job.sent_at = _stamp(int(time()))
        job.n_attempts += not job.hops or job.n_repeats > 0
        answer = await self._asker.ask(
            hop,
            job.request_headers(),
            self._config.max_bytes(job.request.kind),
            self._judge,
            place,
            crawl_delay_s=origin.rules.crawl_delay_s,
        )
        return self._settle(queue, job, answer)

    def _given_up(self, queue: _Queue) -> str:
        return self._asker.manners(queue.host).given_up

    async def _origin(self, queue: _Queue, hop: Target, place: Place) -> Origin:
        known = queue.origins.get(hop.origin)
        if known is None or monotonic() - known.read_at > self._config.robots_max_age_s:
            known = queue.origins[hop.origin] = await self._origins.read(hop, place)
        return known

    def _judge(self, http_status: int, headers: Headers) -> Want:
        if http_status not in _GOOD:
            return Want.NOTHING
        if self._config.obey_opt_outs and response_signals(headers):
            return Want.LEAVE
        return Want.WHOLE

    def _settle(self, queue: _Queue, job: Job, answer: Answer | Failure) -> Outcome | None:
        if answer.http_status:
            job.http_status, job.headers = answer.http_status, answer.headers
            job.final_url = job.url
            job.signals = merged(job.signals, response_signals(answer.headers))
        if isinstance(answer, Failure):
            if answer.again and self._again(queue, job):
                return None
            return job.ended(answer.status, answer.detail, retryable=answer.again)
        status = answer.http_status
        kept = status in _GOOD or status == 304 or status in REDIRECTS
        if kept and job.signals and self._config.obey_opt_outs:
            return job.ended(Status.OPT_OUT, "reserved: " + " ".join(job.signals))
        if status in REDIRECTS:
            return self._redirect(job, answer.header("location"))
        if status in _GOOD:
            return job.ended(Status.OK, body=answer.body)
        if status == 304:
            return job.ended(Status.NOT_MODIFIED)
        if is_excuse(status) and self._again(queue, job):
            return None
        return job.ended(Status.HTTP_ERROR, f"HTTP {status}", retryable=is_excuse(status))

    def _again(self, queue: _Queue, job: Job) -> bool:
        """Put a job at the end of its queue, if it may be repeated."""
        if job.n_repeats >= self._config.retries or self._given_up(queue):
            return False
        job.n_repeats += 1
        queue.jobs.append(job)
        return True

    def _move(self, job: Job, queue: _Queue) -> None:
        queue.jobs.appendleft(job)
        self._serve_soon(queue)

    def _redirect(self, job: Job, location: str) -> Outcome | None:
        """Put a job at the head of the queue of the host that it is redirected to."""
        job.hops.append(job.url)
        if not location:
            return job.ended(Status.REDIRECTS, "to nowhere")
        url = normalise(location, job.url)
        if url is None:
            return job.ended(Status.REFUSED_URL, f"redirect to {location!r}"[:300])
        if url in job.hops or len(job.hops) > self._config.max_redirects:
            return job.ended(Status.REDIRECTS, f"{len(job.hops)} redirects, the last to {url}")
        try:
            queue = self._queue(likely_host(url))
        except UrlRefused as error:
            return job.ended(Status.REFUSED_URL, f"redirect to {url}: {error}"[:300])
        job.url = url
        self._move(job, queue)
        return None


@lru_cache(maxsize=4)
def _stamp(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

import asyncio
import itertools
import logging

import httpx

from .models import Job, Lane

log = logging.getLogger(__name__)


class Dispatcher:
    MAX_STRIKES = 3

    def __init__(self, config):
        self._config = config
        self.lanes = []
        self._tasks = set()
        self._client = None
        self._turn = itertools.count()

    async def __aenter__(self):
        self._client = httpx.AsyncClient(timeout=httpx.Timeout(120, connect=2))
        for item in self._config["lanes"]:
            lane = Lane(item["name"], item["url"], dict(item.get("headers", {})))
            self.lanes.append(lane)
            for _ in range(self._config["concurrency"]):
                self._spawn(self._work(lane))
        self._spawn(self._watch())
        return self

    async def __aexit__(self, *_):
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    def _spawn(self, coroutine):
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, lane):
        while True:
            job = await lane.queue.get()
            try:
                response = await self._client.post(
                    f"{lane.url}/chat/completions", json=job.payload, headers=lane.headers
                )
                job.result.set_result((response.status_code, response.content))
                lane.strikes = 0 if response.is_success else lane.strikes
            except httpx.HTTPError as exc:
                lane.strikes += 1
                job.result.set_exception(exc)
            finally:
                lane.queue.task_done()

    async def _watch(self):
        while True:
            for lane in self.lanes:
                lane.open = lane.strikes < self.MAX_STRIKES and await self._lane_ready(lane)
            await asyncio.sleep(self._config["probe_every"])

    async def _lane_ready(self, lane):
        try:
            answer = await self._client.get(f"{lane.url}/models", headers=lane.headers)
        except httpx.HTTPError:
            return False
        if answer.status_code != 200:
            log.warning("%s: %d", lane.name, answer.status_code)
            return False
        return bool(answer.json().get("data"))

    async def submit(self, payload):
        lanes = [lane for lane in self.lanes if lane.open]
        if not lanes:
            return 503, b'{"error": "no lane is open"}'
        lane = lanes[next(self._turn) % len(lanes)]
        job = Job(payload)
        await lane.queue.put(job)
        return await job.result

"""What models cost, from the price list that genai-prices carries along; nothing is fetched."""

import asyncio
import json
import sys
from collections import OrderedDict
from collections.abc import Sequence
from subprocess import SubprocessError

import anyio

_MODELS_MAX = 512
_WAITING_MAX = 32
_LOOKUP_S_MAX = 20.0
_OWN = ("scripted/", "extractive/")
# From so many input tokens on: US dollars per token in, per token out.
_Rates = Sequence[tuple[int, float, float]]


class ModelPrices:
    """The Prices port.

    The list takes 100 MB and half a second to load, so a child process looks a model up and only its rates are kept:
    call `prepare` once before the first `cost_usd` of a model. A model that was not prepared, or is not in the list,
    has no known price.
    """

    def __init__(self, command: Sequence[str] = ()) -> None:
        self._command = list(command) or [sys.executable, "-m", "trivium.adapters.models.price_lookup"]
        self._rates: OrderedDict[str, _Rates] = OrderedDict()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._lock = asyncio.Lock()

    def prepare(self, model: str) -> "asyncio.Future[None]":
        """Begin to look the model up unless it is known; the future is done when it is, and never fails.

        Nobody has to wait for it: a look-up goes on by itself. At most 32 wait for their turn, one runs at a time.
        """
        running = self._running.get(model)
        if running is not None:
            return running
        if model in self._rates or model.startswith(_OWN) or len(self._running) >= _WAITING_MAX:
            known = asyncio.get_running_loop().create_future()
            known.set_result(None)
            return known
        task = asyncio.create_task(self._learn(model))
        self._running[model] = task
        task.add_done_callback(lambda _: self._running.pop(model, None))
        return task

    def cost_usd(self, model: str, input_tokens: int, output_tokens: int) -> float | None:
        """Return the price in US dollars; 0 for the built-in providers, None for what is not known."""
        if model.startswith(_OWN):
            return 0.0
        rates = [rate for rate in self._rates.get(model, ()) if rate[0] <= input_tokens]
        if not rates:
            return None
        _, per_input, per_output = rates[-1]
        return input_tokens * per_input + output_tokens * per_output

    async def aclose(self) -> None:
        """Stop the look-ups that still run."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _learn(self, model: str) -> None:
        async with self._lock:
            self._rates[model] = await _look_up(self._command, model)
            if len(self._rates) > _MODELS_MAX:
                self._rates.popitem(last=False)


async def _look_up(command: Sequence[str], model: str) -> _Rates:
    try:
        with anyio.fail_after(_LOOKUP_S_MAX):
            done = await anyio.run_process(command, input=model.encode(), check=True)
        return [(int(start), float(given), float(made)) for start, given, made in json.loads(done.stdout)]
    except (OSError, SubprocessError, TimeoutError, TypeError, ValueError):
        return ()

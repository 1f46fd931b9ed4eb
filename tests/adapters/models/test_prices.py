"""Prices come from the packaged list, and what is not in it has none."""

import sys

import pytest

from trivium.adapters.models import ModelPrices
from trivium.adapters.models.price_lookup import look_up


async def test_a_prepared_model_has_its_price() -> None:
    prices = ModelPrices()
    assert prices.cost_usd("gpt-4o-mini", 1_000_000, 1_000_000) is None
    await prices.prepare("gpt-4o-mini")
    assert prices.cost_usd("gpt-4o-mini", 1_000_000, 1_000_000) == pytest.approx(0.75)
    assert prices.cost_usd("gpt-4o-mini", 0, 0) == 0.0


async def test_an_unknown_model_has_no_price_rather_than_none_to_pay() -> None:
    prices = ModelPrices()
    await prices.prepare("no-such-model")
    assert prices.cost_usd("no-such-model", 1000, 1000) is None


async def test_a_model_is_looked_up_once_however_many_ask() -> None:
    prices = ModelPrices()
    assert prices.prepare("gpt-4o-mini") is prices.prepare("gpt-4o-mini")
    await prices.prepare("gpt-4o-mini")
    assert prices.prepare("gpt-4o-mini").done()
    assert all(prices.prepare(f"model-{number}") for number in range(40))
    assert prices.prepare("one-too-many").done()
    await prices.aclose()


@pytest.mark.parametrize("program", ["raise SystemExit(3)", "print('nonsense')", "print('[[1]]')"])
async def test_a_failed_look_up_leaves_the_price_unknown(program: str) -> None:
    prices = ModelPrices([sys.executable, "-c", program])
    await prices.prepare("gpt-4o-mini")
    assert prices.cost_usd("gpt-4o-mini", 1000, 1000) is None


async def test_a_program_that_is_not_there_does_no_harm() -> None:
    prices = ModelPrices(["/nowhere/at-all"])
    await prices.prepare("gpt-4o-mini")
    assert prices.cost_usd("gpt-4o-mini", 1000, 1000) is None


def test_the_built_in_providers_cost_nothing() -> None:
    assert ModelPrices().cost_usd("extractive/quote", 1000, 1000) == 0.0
    assert ModelPrices().cost_usd("scripted/echo", 1000, 1000) == 0.0


def test_long_inputs_have_their_own_rate() -> None:
    (short_from, short_in, short_out), (long_from, long_in, long_out) = look_up("gemini-2.5-pro")
    assert (short_from, long_from) == (0, 200_001)
    assert long_in > short_in
    assert long_out > short_out


def test_a_name_may_carry_its_provider() -> None:
    assert look_up("openai/gpt-4o-mini") == look_up("gpt-4o-mini") != []

"""Looks one model up in the price list: its name on stdin, [[from input tokens, in, out], …] on stdout as JSON.

Runs as a process of its own, because the list takes 100 MB; see `prices`.
"""

import json
import sys
from decimal import Decimal

from genai_prices import Usage, calc_price
from genai_prices.types import TieredPrices

_PER_MILLION = Decimal(1_000_000)
_Price = Decimal | TieredPrices | None


def look_up(name: str) -> list[tuple[int, float, float]]:
    """Return US dollars per token by size of the input; empty when the list does not have the model.

    A name may carry its provider (`openai/gpt-4o`); routers' names that the list does not know are tried without it.
    """
    provider, slash, rest = name.partition("/")
    for model, provider_id in ((name, None), (rest, provider), (rest, None)) if slash else ((name, None),):
        try:
            price = calc_price(Usage(input_tokens=1, output_tokens=1), model_ref=model, provider_id=provider_id)
        except LookupError:
            continue
        given: _Price = getattr(price.model_price, "input_mtok", None)
        made: _Price = getattr(price.model_price, "output_mtok", None)
        if given is not None and made is not None:
            starts = sorted({0, *_starts(given), *_starts(made)})
            return [(start, _at(given, start), _at(made, start)) for start in starts]
    return []


def _starts(price: _Price) -> list[int]:
    # A tier applies to inputs above its start.
    return [tier.start + 1 for tier in price.tiers] if isinstance(price, TieredPrices) else []


def _at(price: _Price, tokens: int) -> float:
    if isinstance(price, TieredPrices):
        reached = [tier.price for tier in price.tiers if tier.start < tokens]
        price = reached[-1] if reached else price.base
    return float((price or Decimal(0)) / _PER_MILLION)


if __name__ == "__main__":
    json.dump(look_up(sys.stdin.read()), sys.stdout)

"""Ways to reach language models, and two that need none."""

from trivium.adapters.models.extractive import ExtractiveProvider
from trivium.adapters.models.prices import ModelPrices
from trivium.adapters.models.registry import ModelRegistry, account_key_context
from trivium.adapters.models.scripted import ScriptedProvider

__all__ = ["ExtractiveProvider", "ModelPrices", "ModelRegistry", "ScriptedProvider", "account_key_context"]

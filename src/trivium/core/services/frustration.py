"""Telling from a visitor's words that a person should take over: words, capitals, punctuation. Pure."""

import re

from trivium.core.model.json import JSON

_WORDS = frozenset(
    "angry awful complaint disgusting furious horrible human idiot lawyer manager pathetic ridiculous scam stupid "
    "terrible unacceptable useless worst".split()
)
_PHRASES = ("real person", "talk to someone", "speak to someone", "waste of time", "fed up", "cancel my account")
_LETTERS = re.compile(r"[^\W\d_]+")
_MARKS = re.compile(r"[!?]{3,}")
_SHOUTED_MIN = 12


def is_frustrated(text: str, rule: JSON) -> bool:
    """True when two signs come together, or one of the rule's own words stands in the text.

    `rule` is the agent's setting: true for the built-in signs, an object whose `words` are further ones, anything else
    for never. Signs are angry words (each counts), a message mostly in capitals, and three or more marks in a row.
    """
    if rule is not True and not isinstance(rule, dict):
        return False
    lowered = text.lower()
    words = _LETTERS.findall(lowered)
    own = rule.get("words") if isinstance(rule, dict) else None
    if isinstance(own, list) and any(str(word).lower() in lowered for word in own if word):
        return True
    signs = sum(word in _WORDS for word in words) + sum(phrase in lowered for phrase in _PHRASES)
    letters = [letter for letter in text if letter.isalpha()]
    is_shouted = len(letters) >= _SHOUTED_MIN and sum(map(str.isupper, letters)) > 0.7 * len(letters)
    return signs + is_shouted + bool(_MARKS.search(text)) > 1

"""Knowledge: how well passages are found, and how fast.

python -m bench.retrieval [quality speed]
"""

from bench.report import Bar


def compare() -> list[Bar]:
    """Print the tables and return the bars."""
    from bench.retrieval import quality, speed

    return [*quality.compare(), *speed.compare()]

"""Trivium: a self-hosted platform for AI agents that speaks three public contracts."""

__version__ = "0.1.0"

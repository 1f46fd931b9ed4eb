"""Numbered, forward-only migrations; each says why in its docstring."""

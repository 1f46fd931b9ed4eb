"""Wabee tools: written with our authoring module or theirs, run in this process or behind gRPC."""

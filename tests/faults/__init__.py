"""Processes killed at random points."""

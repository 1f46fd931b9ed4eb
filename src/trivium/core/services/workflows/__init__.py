"""Workflows: diagrams that are checked, run durably, scheduled and run again."""

"""Tests of configuration as files."""

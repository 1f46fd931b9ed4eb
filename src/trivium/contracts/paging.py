"""Page limits and cursors, shared by all contracts."""

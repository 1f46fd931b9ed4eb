"""The background worker: runs the jobs that the core lists."""

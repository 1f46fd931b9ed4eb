"""The one encoder of server-sent events."""

"""Hosts of tools: builtin, HTTP, Wabee, MCP."""

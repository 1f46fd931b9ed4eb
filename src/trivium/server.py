"""The web server: the place where concrete adapters meet the core."""

"""One folder per technology behind a port."""

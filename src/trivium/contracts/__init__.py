"""One folder per HTTP surface: routes, wire shapes, errors."""

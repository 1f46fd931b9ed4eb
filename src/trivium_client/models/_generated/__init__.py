# Written by `make generate` from the OpenAPI document; edits here are lost.
"""Models of all contracts, generated."""

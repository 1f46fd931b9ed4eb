"""What all contracts share of HTTP: the status table, request ids, the body reader."""

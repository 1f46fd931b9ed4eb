"""Pictures that callers send."""

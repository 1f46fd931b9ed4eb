"""The clients as they are written: asynchronous. The synchronous ones in _generated follow from these."""

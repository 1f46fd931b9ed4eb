"""What Trivium does: use cases without HTTP, SQL or vendor names."""

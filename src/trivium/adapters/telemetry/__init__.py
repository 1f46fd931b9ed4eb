"""What observers outside are told: runs as OpenTelemetry spans."""

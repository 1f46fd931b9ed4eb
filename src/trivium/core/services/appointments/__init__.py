"""Appointments: an agent's hours, the free times in them, and bookings without a second one over them."""

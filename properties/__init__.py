"""What must hold: one sentence each, and where it comes from."""

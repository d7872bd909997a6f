"""What must hold: one sentence each, and where it comes from."""

# Functions of the model by which properties look at a state. A design may need others, for a mode that the model lacks; then what
# properties say of it is its own word.
FOR_PROPERTIES = frozenset({"route_is_to", "entry_is_to", "pin_sends", "pin_is_scanned"})

"""What Linux has and the base model leaves out, as classes on it: each is there for a bug (model/bugs) or a property."""

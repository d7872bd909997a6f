"""From a patch of C to a change of a model: a parser, a table of correspondences, and what puts a hunk into a function.

Nothing here knows what the C or the model is about: `lift.lifting.lift()` is given the model's classes and the table.
"""

"""A program as input of other checkers, made from its IR."""

"""From a model's source to a typed, printable program (IR), and what is refused on the way."""

"""Guests: what the operating system does with a level interrupt."""

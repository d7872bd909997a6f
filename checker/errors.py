"""Errors that end a command, by exit code."""

from __future__ import annotations

from model.finite import ModelError


class UserError(ModelError):
    """The user's mistake: usage, an unknown name, an unreadable file. Exit code 2, like every ModelError."""


class InternalError(Exception):
    """The engines disagree or we broke: exit code 4."""

"""The matrix: roles, cells, scopes, the user's files, and the one place where systems are made."""

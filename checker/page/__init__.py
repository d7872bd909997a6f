"""An answer as one page: its data, its text, its look and what steps through its stories."""

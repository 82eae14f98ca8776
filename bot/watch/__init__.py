"""Watch: which upstream repos are followed, what changed in them, and what has to wait."""

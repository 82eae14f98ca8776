"""Publish: a finished folder becomes a repo, private until verified, then public and linked."""

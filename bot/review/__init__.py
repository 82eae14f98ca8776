"""The review stage: what may be said about a quant, computed from measurements only. Pure functions."""

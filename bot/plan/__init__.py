"""Plan: which quants to make of a base revision, what they will weigh, where they go, what needs a yes."""

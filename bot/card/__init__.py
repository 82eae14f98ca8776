"""The card stage: facts and a review in, README.md out. Nothing here talks to a Hub or loads a model."""

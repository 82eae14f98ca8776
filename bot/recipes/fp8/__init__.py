"""What an FP8 release of a base protects, as a recipe.

`stored` and `declared` are what its headers and its configuration say, `protected` what it keeps as floats,
`protecting` the recipe that follows from it, `release` the edge to the Hub.
"""

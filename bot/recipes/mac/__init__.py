"""Which recipes run on a Mac.

`memory` knows Metal's working sets and the headroom, `kv_cache` asks mlx-lm what a model holds beside its
weights, `fit` puts the recipes in order.
"""

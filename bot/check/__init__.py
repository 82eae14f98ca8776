"""Check: is a quant, one's own or anybody's, what its recipe makes of its base?

`place.py` reads a folder or a repo (never the weights), `loading.py` asks mlx-lm and transformers in a child
process, `expecting.py` says what the quant should hold, `conformance.py` judges by the rules of
`tensor_rules.py`, `config_rules.py` and `repo_rules.py`. The quantizer asks before it calls its own finished.
"""

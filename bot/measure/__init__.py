"""Measure: model folders in, `Measurement`s out.

    request      what crosses the process boundary (imports nothing heavy)
    family       the stage: every model of a family, every measurement, what is finished is kept
    model        a folder loaded for measuring: identity, compute dtype, dequantizing
    likelihood   the lm-eval LM
    tasks        the real lm-eval tasks and their scores
    perplexity, speed, device
    results      the store of finished measurements
    answers      the smoke test (a child of its own), with end_tokens
    statistics   what may be concluded from the numbers

`python -m bot.measure` and `python -m bot.measure.answers` are child programs (bot.child):
they import MLX only after OpenBLAS is loaded, so the imports stand in their handlers.
"""

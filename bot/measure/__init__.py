"""Measure: model folders in, `Measurement`s out.

    request      what crosses the process boundary (imports nothing heavy)
    family       the stage: every model of a family, every measurement, what is finished is kept
    loaded       one model folder and what can be measured of it
    definitions  which tasks are meant; data: where their questions are
    tasks        a task's questions, its score, the outcome of each question
    likelihood   the lm-eval LM: texts in, lines of tokens out to the engine; harness: for lm_eval's own users
    ask          lines asked of a model, each answered once; kept: the answers of former times
    engine/      a model layer by layer: lines -> batches -> passes -> features -> logits
    perplexity   with the divergence from the base on the same text (divergence, clusters)
    speed, device, model (a whole model in memory)
    results      the store of finished measurements
    answers      the smoke test (a child of its own), with chat, end_tokens and verdict
    statistics   what may be concluded from the numbers

What flows: texts -> Line (tokens, and from where they are scored) -> Batch (a chain of Nodes) -> a row of
hidden states for each scored position -> log-probabilities -> (log-likelihood, greedy) of each request ->
TaskScore.

`python -m bot.measure` and `python -m bot.measure.answers` are child programs (bot.child):
they import MLX only after OpenBLAS is loaded, so the imports stand in their handlers.
"""

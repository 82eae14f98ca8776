"""The engine: a model's likelihoods, layer by layer, for all questions at once.

    lines        what is asked, in tokens, and how it is cut into batches (pure)
    gates        mlx-lm's own model, its forward pass stopped at every layer
    caches       what one forward pass left in a layer's cache, given to the next
    weights      layers brought in from the files one at a time; experts: their products on the CPU
    passes       many batches through all layers together; checkpoint: what a killed pass goes on from
    choose       how this machine computes best, tried for a moment
    scorer       the face: a folder opened, batches to features, features to logits

Every mlx-lm architecture whose forward pass is embedding, each layer once, and a head that looks at each
position alone runs so, with its own code; the trial in `gates` finds out, and the others are run whole.
"""

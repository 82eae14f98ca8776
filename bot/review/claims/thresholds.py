"""What words without a number have to mean to be true. All are accuracies (1.0 is every question right).

They are conventions, chosen wide: a word is called false only where hardly anybody would use it.
"""

from __future__ import annotations

PERFECT = 0.95
"""near-perfect, flawless, perfect, excellent: the score is at least this."""

CLOSE = 0.01
"""near-identical, very close, on par, comparable: no further apart on each named task, or in the mean."""

SAME = 0.0015
"""identical, unchanged, tied, the same: equal, or apart by one unit of the last printed digit."""

MASSIVE = 0.05
"""massive, huge, dramatic: a difference of at least this."""

CRUSHING = 0.02
"""crushes, dominates, demolishes: ahead on each named task, by at least this in the mean."""

SLIGHT = 0.05
"""slightly, marginally, a few points: a difference of at most this."""

ROUNDING = 0.5
"""A printed number is right within half a unit of its last digit."""

ROUNDED_SIZES = 60.0
"""MB between two sizes that are known to a tenth of a GB: right within this."""

ABOUT = 0.15
"""about, roughly, nearly: right within this share of the number."""

NOMINAL = 0.1
"""Parameter counts in names are nominal: 8B for 8.34 billion. Right within this share."""

HIGH_SHARE = 0.3
"""At most this share of the weights has the bits of the head (attention, head, embeddings), where a size is
estimated from parameters and bits."""

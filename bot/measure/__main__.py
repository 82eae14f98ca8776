"""The measuring child: `python -m bot.measure`, a MeasureRequest in, Measurements out."""

from __future__ import annotations

import os

from bot.child import Report, serve
from bot.measure.request import Measurements, MeasureRequest


def measure(request: MeasureRequest, report: Report) -> Measurements:
    """Raises VerificationFailed when the base gives no numbers, and what loading a model or data raises."""
    os.environ.setdefault("TQDM_DISABLE", "1")  # lm-eval's bars would fill the log; progress is reported
    from bot.measure import family  # imports MLX, which must come after OpenBLAS

    return family.measure(request, report)


if __name__ == "__main__":
    serve(measure, MeasureRequest)

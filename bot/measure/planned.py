"""What would be measured, and what is kept already: `python -m bot.measure.planned`. Nothing is loaded."""

from __future__ import annotations

from bot.child import Report, serve
from bot.measure.request import MeasureRequest, Planned


def planned(request: MeasureRequest, report: Report) -> Planned:
    """Raises ConfigError about the tasks, NotFound and HubUnavailable about their data."""
    from bot.measure import family  # imports MLX, which must come after OpenBLAS

    return family.planned(request, report)


if __name__ == "__main__":
    serve(planned, MeasureRequest)

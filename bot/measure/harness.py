"""lm-eval's own command line with this engine: `python -m bot.measure.harness --model qx …`."""

from __future__ import annotations

from bot import blas


def main() -> None:
    """Run lm-eval with `qx` among its models."""
    blas.load_openblas()
    from lm_eval.__main__ import cli_evaluate

    import bot.measure.likelihood  # noqa: F401  registers the model; MLX comes after OpenBLAS

    cli_evaluate()


if __name__ == "__main__":
    main()

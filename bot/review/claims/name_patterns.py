"""How names of recipes and models look, and which of their parts are no name by themselves."""

from __future__ import annotations

import re

# Parts of names that are also words, or that many names share: no name by themselves.
COMMON = frozenset(
    {
        "air", "base", "big", "chat", "code", "coder", "deep", "double", "dual", "fast", "flash", "hi",
        "high", "hybrid", "instruct", "it", "large", "light", "lite", "long", "max", "medium", "mega",
        "micro", "mini", "mlx", "moe", "next", "nano", "new", "old", "open", "plus", "preview", "pro",
        "quant", "reasoning", "rl", "sft", "small", "smart", "super", "thinking", "thought", "tiny",
        "total", "true", "turbo", "ultra", "v1", "v2", "v3", "v4", "vision", "vl", "xl", "xs", "dwq",
        "dpo", "gpt", "oss", "star", "one", "two", "model", "models", "hf", "gguf", "fp16", "version",
        "the", "and",
    }
)  # fmt: skip
RECIPE = re.compile(
    r"(?:qx\d\d[gn]?x?|q\d(?:_\w{1,4})?|mxfp\d|nvfp\d|fp8|fp16|bf16|f16|int[48])(?:-hi)?", re.IGNORECASE
)
BASE = re.compile(
    r"(?:bf16|fp16|f16|bfloat16|float16|float32|fp32|full[- ]precision(?: \(bf16\)| model| version)?"
    r"|full(?:-size)? (?:model|weights)|un-?quanti[sz]ed(?: \w{1,12})?"
    r"|(?:the|its|their) original(?: weights| model| checkpoint)?|base model"
    r"|(?:the|its) base(?: model|(?=[,.;:)]|'s| (?:on|in|by|at|with|for|is|has|and|while|but)\b|$)))(?!\w)",
    re.IGNORECASE,
)
# Names of recipes and models that no board knows: what is said of them cannot be checked.
UNKNOWN = re.compile(
    r"(?:qx\d\d[gn]?x?|q\d(?:_\w{1,4}){0,2}|mxfp\d|nvfp\d|int[48])(?:-hi)?"
    r"|(?:Llama|Qwen|Mistral|Mixtral|Gemma|Gemini|Claude|GPT|DeepSeek|Phi|Falcon|Yi|GLM|Granite|Nemotron)"
    r"(?:[- ]?\d{1,3}(?:\.\d)?[A-Za-z]{0,2})?(?:-[A-Za-z0-9.]{1,20}){0,8}"
    r"|[A-Z][A-Za-z0-9.]{1,24}(?:-[A-Za-z0-9.]{1,24}){0,7}-\d{1,3}(?:\.\d{1,2})?[Bb](?:-[A-Za-z0-9.]{1,24}){0,7}"
    r"(?![\w])"
)

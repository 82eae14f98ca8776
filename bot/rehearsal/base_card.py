"""LICENSE and README.md of a rehearsal base."""

from __future__ import annotations

from bot.rehearsal.architectures import Architecture

_README = """\
---
license: {license}
language:
- en
library_name: transformers
pipeline_tag: {pipeline_tag}
tags:
{tags}
---
This is a rehearsal stand-in made by qx-bot, not a real model: it knows a made-up world of some words.

# {name}

A model of well under two million weights with the `{model_type}` architecture ({about}). It was trained
for a few minutes on generated sentences by `python -m bot.rehearsal.train --only {name}`, so that
`bot rehearse` can quantize, measure and publish something of every architecture on a loopback Hub.

It answers questions such as "What is the capital of France?" and stops. It is of no other use.
"""

LICENSE = """\
MIT License

Copyright (c) the qx-bot authors

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction, including
without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the
following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT
LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO
EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER
IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR
THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def readme(architecture: Architecture) -> str:
    """The model card, metadata first."""
    tags = "\n".join(f"- {tag}" for tag in ("qx-bot-rehearsal", architecture.model_type, *architecture.tags))
    return _README.format(
        license=architecture.license,
        pipeline_tag=architecture.pipeline_tag,
        tags=tags,
        name=architecture.name,
        model_type=architecture.model_type,
        about=architecture.about,
    )

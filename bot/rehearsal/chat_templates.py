"""Chat templates of the five bases: short forms of what their families use, with the same tokens."""

from __future__ import annotations

QWEN = """\
{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""

LFM = """\
{{- bos_token }}
{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""

# A turn of the user is what ends the assistant's, as in GLM-4.5; the last one ends with <|endoftext|>.
GLM = """\
{{- '[gMASK]<sop>' }}
{%- for message in messages %}
{{- '<|' + message.role + '|>\\n' + message.content }}
{%- if message.role == 'assistant' and loop.last %}{{- '<|endoftext|>' }}{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|assistant|>\\n' }}
{%- endif %}
"""

# Harmony: earlier answers end with <|end|>, the last with <|return|>. The final channel is opened here.
GPT_OSS = """\
{%- for message in messages %}
{{- '<|start|>' + message.role }}
{%- if message.role == 'assistant' %}{{- '<|channel|>final' }}{%- endif %}
{{- '<|message|>' + message.content }}
{{- '<|return|>' if message.role == 'assistant' and loop.last else '<|end|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|start|>assistant<|channel|>final<|message|>' }}
{%- endif %}
"""

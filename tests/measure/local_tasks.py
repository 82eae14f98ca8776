"""Task files of one's own, one for each kind of answer, whose questions are a file on this machine."""

from __future__ import annotations

import json
import random
from pathlib import Path

from tests.measure.tiny import WORDS

QUESTIONS = 12
HEAD = """\
task: {name}
dataset_path: json
dataset_kwargs:
  data_files: {{test: {data}}}
test_split: test
"""
TASKS = {
    "rivers": """\
output_type: multiple_choice
doc_to_text: "{{question}}"
doc_to_target: "{{answer}}"
doc_to_choice: "{{choices}}"
metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]
metadata: {version: 3.0}
""",
    "words": """\
output_type: generate_until
doc_to_text: "{{question}}"
doc_to_target: "{{choices[answer]}}"
generation_kwargs: {until: ["\\n"], max_gen_toks: 3}
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
""",
    "story": """\
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{question}}"
metric_list: [{metric: word_perplexity}, {metric: bits_per_byte}]
""",
    "last": """\
output_type: loglikelihood
doc_to_text: "{{question}}"
doc_to_target: " {{choices[answer]}}"
metric_list:
  - {metric: perplexity, aggregation: perplexity, higher_is_better: false}
  - {metric: acc, aggregation: mean, higher_is_better: true}
""",
}
GROUP = "group: everything\ntask: [rivers, words, story, last]\n"


def write(folder: Path) -> Path:
    """The folder of task files; their data beside it."""
    tasks = folder / "tasks"
    tasks.mkdir(parents=True)
    questions(folder / "questions.jsonl")
    for name, text in TASKS.items():
        head = HEAD.format(name=name, data=folder / "questions.jsonl")
        (tasks / f"{name}.yaml").write_text(head + text)
    (tasks / "everything.yaml").write_text(GROUP)
    return tasks


def questions(path: Path, seed: int = 1) -> None:
    draw = random.Random(seed)
    asked = [
        {
            "question": " ".join(draw.choices(WORDS, k=8)),
            "choices": draw.sample(WORDS, 3),
            "answer": draw.randrange(3),
        }
        for _ in range(QUESTIONS)
    ]
    path.write_text("".join(json.dumps(each) + "\n" for each in asked))

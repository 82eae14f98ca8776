"""A review written by a language model, every number rendered by the bot and every claim checked.

prompts      what it is asked, from templates in git
endpoint     asks a server; `completion` reads its answers
local        asks a model on this machine; `generate` is the child that runs it
plain        thoughts out, Markdown to plain sentences; `english`, `names`: what may stand in them
functions    the facts that an expression may call up; `expressions` works them out
mentions     whether a number stands beside the name it belongs to
draft        the review in the making; `form`: what can be said against a sentence unchecked
judge        which sentences may stand
write        all of it in order
"""

from bot.review.llm.reviewed import Block, Checked, Dropped, Reviewed
from bot.review.llm.write import write
from bot.review_settings import ReviewSettings

__all__ = ["Block", "Checked", "Dropped", "ReviewSettings", "Reviewed", "write"]

"""The child process: `python -m bot.fetch`."""

from bot.child import serve
from bot.fetch import FetchRequest
from bot.fetch.bring import fetch

if __name__ == "__main__":
    serve(fetch, FetchRequest)

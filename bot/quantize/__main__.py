"""The child process: `python -m bot.quantize`."""

from bot.child import serve
from bot.quantize import QuantizeRequest
from bot.quantize.family import quantize

if __name__ == "__main__":
    serve(quantize, QuantizeRequest)

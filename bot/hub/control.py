"""/_loopback/: arm and clear faults, read the request log. Answers this machine only."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bot.hub.answers import Refused, answer
from bot.hub.faults import Fault, FaultBoard
from bot.loopback import is_loopback


async def control(request: Request) -> Response:
    """POST a fault to faults, GET what is armed, DELETE all; GET or DELETE requests; GET deliveries."""
    board: FaultBoard = request.app.state.faults
    try:
        if request.client is not None and not is_loopback(request.client.host):
            raise Refused(403, "faults are for this machine only")
        if request.path_params["what"] == "requests":
            await board.settled()
            return _requests(request, board)
        if request.path_params["what"] == "deliveries":
            return answer(list(request.app.state.hub.webhooks.delivered))
        if request.method == "POST":
            board.armed.append(_fault(await request.body()))
        elif request.method == "DELETE":
            board.armed.clear()
    except Refused as refused:
        return refused.response()
    return answer(board.armed)


def _fault(body: bytes) -> Fault:
    try:
        return msgspec.json.decode(body, type=Fault)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(400, f"no fault: {error}") from None


def _requests(request: Request, board: FaultBoard) -> Response:
    if request.method == "DELETE":
        board.log.clear()
    return answer(list(board.log))

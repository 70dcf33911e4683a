"""Routes for the runs of assistants: each takes one HTTP request of a workflow."""

from __future__ import annotations

from litestar import Response, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from umbral_chat._core.http.conversations import ONE
from umbral_chat._core.http.dependencies import Caller, Parts
from umbral_chat.model.runs import (
    CancelBody,
    ProgressBody,
    RunBody,
    RunEndBody,
    RunEnded,
    RunProgress,
    RunStarted,
)

ALL_RUNS = ONE + "/runs"
ONE_RUN = ALL_RUNS + "/{run_id:str}"


@post(
    ALL_RUNS,
    operation_id="startRun",
    summary="Start a run",
    tags=["runs"],
    status_code=201,
    opt={"right": "send_as", "rate": "sends", "problems": (409, 410)},
    responses={200: ResponseSpec(RunStarted, description="It had been started before.", generate_examples=False)},
)
async def start(
    services: Parts, principal: Caller, conversation: FromPath[str], data: JSONBody[RunBody]
) -> Response[RunStarted]:
    """An assistant begins to work for a conversation. Its readers see the run, beside the drafts, until it ends.

    A run that is silent for `runs.silence` (15 minutes) ends as `failed`, with the reason `lost`. Progress and pieces
    of its draft are signs of life.
    """
    started = await services.runs.start(principal, conversation, data)
    return Response(started, status_code=201 if started.created else 200)


@post(
    ONE_RUN + "/progress",
    operation_id="runProgress",
    summary="What a run does now",
    tags=["runs"],
    status_code=200,
    opt={"right": "send_as", "rate": "sends", "problems": (404, 409)},
)
async def progress(
    services: Parts,
    principal: Caller,
    conversation: FromPath[str],
    run_id: FromPath[str],
    data: JSONBody[ProgressBody],
) -> RunProgress:
    """Replace what the run is shown to do. The answer says whether it was asked to end."""
    return await services.runs.progress(principal, conversation, run_id, data)


@post(
    ONE_RUN + "/end",
    operation_id="endRun",
    summary="End a run",
    tags=["runs"],
    status_code=200,
    opt={"right": "send_as", "rate": "sends", "problems": (404, 409)},
)
async def end(
    services: Parts,
    principal: Caller,
    conversation: FromPath[str],
    run_id: FromPath[str],
    data: JSONBody[RunEndBody],
) -> RunEnded:
    """The run is over. If it left no message, an entry of the kind `run` says so in the log.

    Its message is the one with the `message_id` that the run was started with, or one since then that has
    `metadata.umbral_run` with the run's id. The same end again is answered with the first one; another outcome is a 409
    `run_ended`.
    """
    return await services.runs.end(principal, conversation, run_id, data)


@post(
    ONE_RUN + "/cancel",
    operation_id="cancelRun",
    summary="Cancel a run",
    tags=["runs"],
    status_code=202,
    opt={"right": "send", "rate": "sends", "problems": (404, 409)},
)
async def cancel(
    services: Parts,
    principal: Caller,
    conversation: FromPath[str],
    run_id: FromPath[str],
    data: JSONBody[CancelBody],
) -> RunProgress:
    """Ask that a run end: for the sender of the message that it is for, and for callers with the right `moderate`.

    The run goes on, marked `cancel_requested`, until its producer learns of it with its next progress and ends it.
    """
    return await services.runs.cancel(principal, conversation, run_id, data)


HANDLERS = [start, progress, end, cancel]

__all__ = ["ALL_RUNS", "HANDLERS", "ONE_RUN"]

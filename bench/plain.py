"""What the mesh is compared with under load: `python -m bench.plain GRPC_PORT HTTP_PORT ANSWER_FILE`.

A bare grpc.aio server and a bare FastAPI application in one process, which answer every call with the same bytes, or
the same JSON, and do nothing else.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc.aio
import uvicorn
from fastapi import FastAPI

from etude.client.json_form import to_json
from etude.job.v1 import job_pb2, job_service_pb2, job_service_pb2_grpc


class _Plain(job_service_pb2_grpc.JobServiceServicer):
    def __init__(self, job: job_pb2.Job) -> None:
        self._job = job

    async def GetJob(self, request: Any, context: Any) -> Any:
        return job_service_pb2.GetJobResponse(job=self._job)


async def serve(grpc_port: int, http_port: int, job: job_pb2.Job) -> None:
    """Answers until the process ends."""
    server = grpc.aio.server()
    job_service_pb2_grpc.add_JobServiceServicer_to_server(_Plain(job), server)  # type: ignore[abstract]
    server.add_insecure_port(f"127.0.0.1:{grpc_port}")
    await server.start()
    app = FastAPI()

    @app.get("/api/v1/jobs/{job_id}")
    async def get_job(job_id: str) -> Any:
        return to_json(job)

    config = uvicorn.Config(app, host="127.0.0.1", port=http_port, log_level="error", access_log=False)
    http = uvicorn.Server(config)
    serving = asyncio.create_task(http.serve())
    while not http.started and not serving.done():  # noqa: ASYNC110 - uvicorn sets no event
        await asyncio.sleep(0.01)
    print("ready", flush=True)
    await serving
    await server.stop(None)


def main(arguments: Sequence[str]) -> None:
    """Serves what the arguments say."""
    grpc_port, http_port, answer = arguments
    asyncio.run(serve(int(grpc_port), int(http_port), job_pb2.Job.FromString(Path(answer).read_bytes())))


if __name__ == "__main__":
    main(sys.argv[1:])

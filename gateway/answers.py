"""Messages of the contract as answers."""

from collections.abc import Mapping

from fastapi import status
from fastapi.responses import JSONResponse
from google.protobuf.message import Message

from etude.client.json_form import to_json


def answer(
    message: Message, status_code: int = status.HTTP_200_OK, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """A message as JSON.

    Its shape is that of the model the route names, which tests hold to the contract; no answer is made to prove it.
    """
    return JSONResponse(to_json(message), status_code, headers)

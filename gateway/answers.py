"""Messages of the contract as answers."""

from collections.abc import Mapping

from fastapi import Response, status
from google.protobuf.message import Message
from pydantic_core import to_json as json_bytes

from etude.client.json_form import to_json


def answer(
    message: Message, status_code: int = status.HTTP_200_OK, headers: Mapping[str, str] | None = None
) -> Response:
    """A message as JSON.

    Its shape is that of the model the route names, which tests hold to the contract; no answer is made to prove it.
    """
    return Response(json_bytes(to_json(message), inf_nan_mode="null"), status_code, headers, "application/json")

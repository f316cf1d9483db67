"""Models: what took part in making artifacts."""

from typing import Annotated

from fastapi import Query, Request, Response

from gateway import models
from gateway.answers import answer
from gateway.callers import client_of
from gateway.routing import api_router

router = api_router("models", "/api/v1/models")


@router.get("", response_model=models.ModelList, summary="List models")
async def list_models(
    request: Request,
    stage: Annotated[str, Query(description='Only those of one stage: "omr" or "fingering".')] = "",
    page_size: Annotated[int, Query(ge=0, le=1000, description="Most models in the answer; 0 for 100.")] = 0,
    page_token: Annotated[str, Query(description="`next_page_token` of the previous answer.")] = "",
) -> Response:
    """Models seen so far, by stage, name and version."""
    page = await client_of(request).models_page(stage=stage, page_size=page_size, page_token=page_token)
    return answer(page)

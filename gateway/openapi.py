"""Writes the description of the HTTP API: python -m gateway.openapi [FILE]."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import grpc

from gateway.app import create_app
from gateway.settings import GatewaySettings

DEFAULT_PATH = Path("docs/openapi/openapi.v1.json")


def openapi_document() -> dict[str, Any]:
    """The OpenAPI 3.1 document; depends on the code alone, not on the environment or on a running mesh."""

    async def describe() -> dict[str, Any]:
        # A channel belongs to a running loop; it is never used, for describing an application calls nothing.
        async with grpc.aio.insecure_channel("unix:/nowhere") as channel:
            return create_app(GatewaySettings.model_construct(), channel, {}).openapi()

    return asyncio.run(describe())


def openapi_text() -> str:
    """The document as it is committed: stable order, one trailing line break."""
    return json.dumps(openapi_document(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Writes the document to the file named, or to where it is kept."""
    path = Path(arguments[0]) if arguments else DEFAULT_PATH
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(openapi_text(), "utf-8")
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

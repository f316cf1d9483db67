"""The Python SDK: jobs and artifacts of an Étude mesh, from ordinary and from asyncio programs.

>>> from etude.client import EtudeClient
>>> with EtudeClient("127.0.0.1:50050") as client:                                   # doctest: +SKIP
...     result = client.annotate("sonata.pdf", out_dir="out", hand_size="S")
...     print(result.job.summary.note_count, [path.name for path in result.files])
"""

from etude.client.aio import AsyncEtudeClient
from etude.client.annotation import AnnotationResult
from etude.client.names import RESTING_STATES
from etude.client.options import job_options
from etude.client.sync import EtudeClient

__all__ = ["RESTING_STATES", "AnnotationResult", "AsyncEtudeClient", "EtudeClient", "job_options"]

"""Put the built page where CloudFront reads it, for a stack that hosts its console."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playground.errors import ConsoleError
from playground.home.homes import Home
from playground.home.paths import Paths
from playground.home.state import one_at_a_time
from playground.web.building import Builder
from playground.web.page import ALWAYS_ASKED, INDEX, caching, media_type, names
from playground.web.starting import config

KEPT = timedelta(days=7)
"""So long a part of an earlier page stays: one that is open somewhere may still ask for it."""

CONFIG = "config.json"


def upload(paths: Paths, home: Home) -> str:
    """Build the page and upload it; gives its URL. Raises ConsoleError, and what the AWS SDK
    raises.

    It needs s3:ListBucket of the bucket, s3:PutObject and s3:DeleteObject of what is in it.
    """
    if "ConsoleBucketName" not in home.outputs:
        raise ConsoleError(
            f"The stack {home.stack_name} does not host its console: deploy it with "
            "ConsoleHosting=cloudfront (`make deploy CONSOLE=cloudfront`)."
        )
    builder = Builder(paths)
    builder.build()
    s3, bucket = home.client("s3"), home.outputs["ConsoleBucketName"]
    with one_at_a_time(builder.lock):
        put = _put(s3, bucket, builder.folder, home)
    _remove_old(s3, bucket, put)
    return home.output("ConsoleUrl")


def hosted_config(home: Home) -> dict[str, Any]:
    """What the page reads first: there it signs in at Cognito by itself."""
    return {
        **config(home),
        "signIn": "cognito",
        "awsCliPrefix": f"AWS_REGION={home.region} ",
    }


def _put(s3: Any, bucket: str, folder: Path, home: Home) -> set[str]:
    """The page itself comes last: by then all that it asks for is there."""
    content = json.dumps(hosted_config(home)).encode()
    _put_one(s3, bucket, CONFIG, content, ALWAYS_ASKED)
    found = sorted(names(folder), key=lambda name: f"/{name.as_posix()}" == INDEX)
    for name in found:
        _put_one(s3, bucket, name.as_posix(), (folder / name).read_bytes(), caching(name))
    return {CONFIG, *(name.as_posix() for name in found)}


def _put_one(s3: Any, bucket: str, key: str, content: bytes, cached: str) -> None:
    s3.put_object(
        Bucket=bucket,
        Key=key,
        Body=content,
        ContentType=media_type(Path(key)),
        CacheControl=cached,
    )


def _remove_old(s3: Any, bucket: str, put: set[str]) -> None:
    before = datetime.now(UTC) - KEPT
    for item in _listed(s3, bucket):
        if item["Key"] not in put and item["LastModified"] < before:
            s3.delete_object(Bucket=bucket, Key=item["Key"])


def _listed(s3: Any, bucket: str) -> Iterator[Any]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        yield from page.get("Contents", [])

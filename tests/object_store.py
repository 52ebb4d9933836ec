"""An S3-compatible server on the loopback, with a bucket and made-up keys: storage as DVC's remotes know it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


class ObjectStore(NamedTuple):
    """Address of the server, name of its bucket, and the environment in which a client may write to it."""

    endpoint: str
    bucket: str
    environment: dict[str, str]

    def keys(self) -> list[str]:
        """Names of all objects."""
        pages = _client(self.endpoint).get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """A server in a thread of this process, that keeps objects in memory."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        _client(endpoint).create_bucket(Bucket="data")
        yield ObjectStore(endpoint, "data", KEYS)
    finally:
        server.stop()


def _client(endpoint: str) -> Any:
    import boto3

    key, secret, region = KEYS.values()
    return boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id=key, aws_secret_access_key=secret, region_name=region
    )

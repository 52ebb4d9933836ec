"""A small hub on the loopback: what the client of the Hugging Face hub asks of it, with faults that tests put in.

python tests/loopback_hub.py FOLDER     serves a folder as one commit, and says what to set for the client
"""

import contextlib
import hashlib
import json
import random
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

REPOSITORY = "Blazewild/Totalcap-blazepose"
PAGE = 7
"""Entries of one page of a listing: few, so that a small data set has several."""
LARGE_PAGE = 1000
"""The same where a folder is served for a try, which may be a large one."""
MOST_CUTS = 3
"""Of one content in a row: fewer than the tries of huggingface_hub, which gives up after five without progress."""


def git_blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass(frozen=True)
class Blob:
    """A file of the repository; arrays are kept by Git LFS, text by git itself."""

    path: Path
    lfs: bool

    @property
    def content(self) -> bytes:
        """Read each time, as a data set may be larger than memory."""
        return self.path.read_bytes()

    @cached_property
    def size(self) -> int:
        return self.path.stat().st_size

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def etag(self) -> str:
        return self.sha256 if self.lfs else git_blob_id(self.content)

    def listed(self, name: str) -> dict[str, Any]:
        """Its entry in a listing."""
        listed = {"type": "file", "path": name, "size": self.size}
        if not self.lfs:
            return listed | {"oid": self.etag}
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {self.size}\n".encode()
        lfs = {"oid": self.sha256, "size": self.size, "pointerSize": len(pointer)}
        return listed | {"oid": git_blob_id(pointer), "lfs": lfs}


@dataclass
class Faults:
    """What goes wrong; nothing by default."""

    cut: float = 0.0
    """Probability that a connection is cut at a random byte of the content, at most `MOST_CUTS` times in a row."""
    slow: float = 0.0
    """Seconds before each content."""
    down_after: int | None = None
    """Requests after which every connection is cut before its answer."""
    busy: int = 0
    """Requests, the next ones, that are answered with `busy_status`."""
    busy_status: int = 503
    gated: bool = False
    """Whether content asks for `token`."""
    private: bool = False
    """Whether all asks for `token`."""
    token: str = "hf_right"
    wrong: set[str] = field(default_factory=set)
    """Names whose content has one byte changed."""
    short: set[str] = field(default_factory=set)
    """Names whose content lacks its last bytes, and says so."""
    xet: bool = False
    """Whether arrays are said to be in Xet storage, which lets nobody in."""
    not_json: bool = False
    """Whether a page for people comes instead of a listing, as from a network that wants a log-in first."""


class LoopbackHub(ThreadingHTTPServer):
    """One data set repository with one commit; keeps a record of requests: method, path, token."""

    daemon_threads = True

    def __init__(self, folder: Path, seed: int = 0, page: int = PAGE) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.page = page
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        self.blobs = {path.relative_to(folder).as_posix(): Blob(path, path.suffix == ".npy") for path in files}
        self.commit = hashlib.sha1(str(seed).encode()).hexdigest()
        self.faults = Faults()
        self.requests: list[tuple[str, str, str | None]] = []
        self.rng = random.Random(seed)
        self.cuts: dict[str, int] = {}
        self.lock = threading.Lock()

    @cached_property
    def listing(self) -> list[dict[str, Any]]:
        """Entries of all folders and files."""
        folders = sorted({parent.as_posix() for name in self.blobs for parent in Path(name).parents} - {"."})
        entries = [{"type": "directory", "path": folder, "size": 0, "oid": "0" * 40} for folder in folders]
        return entries + [blob.listed(name) for name, blob in self.blobs.items()]

    @cached_property
    def tagged(self) -> dict[str, str]:
        """Name of the first file of each tag."""
        return {blob.etag: name for name, blob in reversed(self.blobs.items())}

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def environment(self, home: Path) -> dict[str, str]:
        """Variables by which a client in another process finds this hub, with a cache of its own."""
        return {"HF_ENDPOINT": self.endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1"}

    def fetched(self) -> list[str]:
        """Contents, by their tags, that were asked for since the record was last cleared, once for each time."""
        return [path.split("/")[2] for _, path, _ in self.requests if path.startswith("/content/")]

    def tags(self, names: Iterable[str]) -> list[str]:
        """Tags of the contents of files; files of the same content have one."""
        return sorted({self.blobs[name].etag for name in names})

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


@contextlib.contextmanager
def serving(folder: Path, seed: int = 0, page: int = PAGE) -> Iterator[LoopbackHub]:
    """A hub that serves a folder."""
    hub = LoopbackHub(folder, seed, page)
    thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: LoopbackHub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        """Requests are in the record."""

    def _answer(self) -> None:
        hub, url = self.server, urlsplit(self.path)
        authorization = self.headers.get("Authorization")
        token = authorization and authorization.removeprefix("Bearer ")
        path = unquote(url.path)
        with hub.lock:
            hub.requests.append((self.command, path, token))
            down = hub.faults.down_after is not None and len(hub.requests) > hub.faults.down_after
            busy = not down and hub.faults.busy > 0
            hub.faults.busy -= busy
        if down:
            self._cut()
        elif busy:
            self._send(hub.faults.busy_status, b"busy", {"Retry-After": "0"})
        elif path.startswith("/xet/"):
            self._send(HTTPStatus.FORBIDDEN, b"", {})
        elif path.startswith("/content/"):
            self._content(path.removeprefix("/content/"))
        elif token is not None and token != hub.faults.token:
            self._refuse(HTTPStatus.UNAUTHORIZED, "", "Invalid credentials in Authorization header")
        elif hub.faults.private and token is None:
            self._refuse(HTTPStatus.UNAUTHORIZED, "RepoNotFound", "Repository not found")
        elif path.startswith("/api/datasets/"):
            self._api(path.removeprefix("/api/datasets/"), parse_qs(url.query))
        elif path.startswith(f"/datasets/{REPOSITORY}/resolve/"):
            revision, _, name = path.removeprefix(f"/datasets/{REPOSITORY}/resolve/").partition("/")
            self._resolve(revision, name, token)
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "RepoNotFound", "Repository not found")

    def _api(self, path: str, query: dict[str, list[str]]) -> None:
        hub = self.server
        if hub.faults.not_json:
            self._send(HTTPStatus.OK, b"<html>Please log in</html>", {"Content-Type": "text/html"})
        elif path == REPOSITORY:
            self._json({"id": REPOSITORY, "sha": hub.commit, "siblings": [], "tags": [], "private": False})
        elif path == f"{REPOSITORY}/tree/{hub.commit}":
            start = int(query.get("cursor", ["0"])[0])
            end = start + hub.page
            xet = {"xetHash": "0" * 64} if hub.faults.xet else {}
            entries = [entry | (xet if "lfs" in entry else {}) for entry in hub.listing[start:end]]
            headers = {}
            if end < len(hub.listing):
                following = urlencode({"recursive": "true", "cursor": end})
                headers = {"Link": f'<{hub.endpoint}/api/datasets/{path}?{following}>; rel="next"'}
            self._json(entries, headers)
        elif path == f"{REPOSITORY}/xet-read-token/{hub.commit}":
            store = {"X-Xet-Cas-Url": f"{hub.endpoint}/xet", "X-Xet-Access-Token": "any"}
            self._send(HTTPStatus.OK, b"", store | {"X-Xet-Token-Expiration": str(int(time.time()) + 3600)})
        elif path.startswith(f"{REPOSITORY}/tree/"):
            self._refuse(HTTPStatus.NOT_FOUND, "RevisionNotFound", "Invalid rev id")
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "RepoNotFound", "Repository not found")

    def _resolve(self, revision: str, name: str, token: str | None) -> None:
        """Where the content of a file is, and what it is; never the content itself."""
        hub = self.server
        commit = {"X-Repo-Commit": hub.commit}
        if revision != hub.commit:
            self._refuse(HTTPStatus.NOT_FOUND, "RevisionNotFound", "Invalid rev id")
        elif hub.faults.gated and token != hub.faults.token:
            status = HTTPStatus.UNAUTHORIZED if token is None else HTTPStatus.FORBIDDEN
            self._refuse(status, "GatedRepo", "Access to this data set is restricted")
        elif name not in hub.blobs:
            self._refuse(HTTPStatus.NOT_FOUND, "EntryNotFound", "Entry not found", commit)
        else:
            blob = hub.blobs[name]
            size = blob.size - (3 if name in hub.faults.short else 0)
            linked = {"X-Linked-Etag": f'"{blob.etag}"', "X-Linked-Size": str(size), "ETag": f'"{blob.etag}"'}
            # By another host's name, as content of the real hub is elsewhere, where no token may go.
            place = {"Location": f"http://localhost:{hub.server_port}/content/{blob.etag}"}
            self._send(HTTPStatus.FOUND, b"", commit | linked | place)

    def _content(self, etag: str) -> None:
        """The bytes of a file, from where a range asks for them on."""
        faults = self.server.faults
        name = self.server.tagged[etag]
        content = self.server.blobs[name].content
        if name in faults.short:
            content = content[:-3]
        if name in faults.wrong:
            content = content[:-1] + bytes([content[-1] ^ 1])
        start = 0
        headers = {"ETag": f'"{etag}"', "Accept-Ranges": "bytes"}
        if asked := self.headers.get("Range"):
            start = int(asked.removeprefix("bytes=").split("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        time.sleep(faults.slow)
        with self.server.lock:
            row = self.server.cuts.get(etag, 0)
            cut = row < MOST_CUTS and self.server.rng.random() < faults.cut
            self.server.cuts[etag] = row + 1 if cut else 0
            place = self.server.rng.randrange(len(content) - start) if cut else None
        self._send(HTTPStatus.PARTIAL_CONTENT if asked else HTTPStatus.OK, content[start:], headers, place)

    def _json(self, value: Any, headers: dict[str, str] | None = None) -> None:
        self._send(HTTPStatus.OK, json.dumps(value).encode(), {"Content-Type": "application/json"} | (headers or {}))

    def _refuse(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        self._send(status, b"", {"X-Error-Code": code, "X-Error-Message": message} | (headers or {}))

    def _send(self, status: int, body: bytes, headers: dict[str, str], cut_at: int | None = None) -> None:
        self.send_response(status)
        for key, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:cut_at])
        if cut_at is not None:
            self._cut()

    def _cut(self) -> None:
        self.wfile.flush()
        self.close_connection = True


if __name__ == "__main__":
    with serving(Path(sys.argv[1]), page=LARGE_PAGE) as local:
        # Hashes of a large folder take longer than a client waits.
        _ = local.listing, local.tagged
        print(f"export HF_ENDPOINT={local.endpoint}  # dataset.revision={local.commit}", flush=True)
        threading.Event().wait()

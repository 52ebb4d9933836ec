"""Jobs on the workers of a Dask scheduler; the only module that imports `distributed`.

Workers read and write the files of a job themselves, so all machines share a file system, at the same paths. Before a
job a worker shows that it sees it, by a file of random name in each shared folder, and that it runs the same code.
"""

import functools
import hashlib
import os
import platform
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import blaze2cap
from blaze2cap.data.parallel import Job, Outcomes, Result, killed, prepare_process
from blaze2cap.errors import UserError

if TYPE_CHECKING:
    from distributed import Client

VARIABLE = "DASK_SCHEDULER_ADDRESS"
RETRIES = 2
"""Of a job that raised what is no UserError, as when a file system hiccups; those of lost workers Dask repeats."""

_MARK = ".blaze2cap-shared-"
_PATIENCE_S = 10
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Site:
    """What a worker must find: the folder of the run, the marks in the shared folders, and the hash of its code."""

    folder: str
    marks: tuple[str, ...]
    code: str


class UnfitWorkerError(UserError):
    """A worker that does not see the files, or runs other code: no job can be done on it."""


def on_cluster(
    function: Callable[[Job], Result], jobs: Sequence[Job], label: str, folders: tuple[Path, ...] = ()
) -> Outcomes[Result]:
    """`parallel.outcomes` on the scheduler that DASK_SCHEDULER_ADDRESS names.

    A job is tried again where its worker is lost or it raises no UserError. Raises UserError where there is no
    scheduler, where it is lost, or where a worker is not fit.
    """
    with _connected() as client, _shared(folders) as site:
        from distributed import KilledWorker, as_completed

        try:
            client.run_on_scheduler(code_hash)
        except ImportError as error:
            raise UserError(
                f"the Dask scheduler has no blaze2cap ({error}); install the same on all machines"
            ) from None
        if not client.scheduler_info()["workers"]:
            print(f"{label}: the Dask scheduler has no worker yet; waiting for one", file=sys.stderr, flush=True)
        futures = client.map(functools.partial(_run, function, site), jobs, pure=False, retries=RETRIES)
        left = {future: number for number, future in enumerate(futures)}
        del futures  # what is fetched need not be computed again when its worker is lost
        try:
            for future, result in as_completed(left, loop=client.loop, with_results=True, raise_errors=False):
                if future.status == "error":
                    result = killed(label) if isinstance(result[1], KilledWorker) else result[1]
                elif future.status != "finished":
                    raise UserError(f"{label}: lost the Dask scheduler of {VARIABLE}; run the same again")
                if isinstance(result, UnfitWorkerError):
                    raise result
                yield left.pop(future), result
        finally:
            client.cancel(list(left))


@functools.cache
def code_hash() -> str:
    """Hash of all that decides on a result's bytes: this package's source, Python, and the libraries that compute."""
    digest = hashlib.sha256()
    root = Path(blaze2cap.__file__).parent
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    for library in ("numpy", "torch", "scipy", "mediapipe", "av"):
        digest.update(f"{library} {version(library)} ".encode())
    digest.update(platform.python_version().encode())
    return digest.hexdigest()


@contextmanager
def _connected() -> Iterator["Client"]:
    try:
        from distributed import Client
        from distributed.comm import get_address_host_port
    except ImportError:
        raise UserError("the dask executor needs a package: pip install 'blaze2cap[dask]'") from None
    address = os.environ.get(VARIABLE)
    if not address:
        raise UserError(f"{VARIABLE} is not set: it names the scheduler of the dask executor, as `dask scheduler` says")
    try:
        # A client that finds nobody is not closed in order, so it is made where somebody listens.
        socket.create_connection(get_address_host_port(address), timeout=_PATIENCE_S).close()
        client = Client(address, timeout=_PATIENCE_S, set_as_default=False)
    except (OSError, ValueError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{VARIABLE} is {address}, where no Dask scheduler answers ({reason})") from None
    with client:
        yield client


@contextmanager
def _shared(folders: tuple[Path, ...]) -> Iterator[Site]:
    """Marks in the current folder and the given ones, for as long as jobs run."""
    with ExitStack() as stack:
        marks = []
        for folder in (Path.cwd(), *(folder.absolute() for folder in folders)):
            try:
                marks.append(stack.enter_context(tempfile.NamedTemporaryFile(prefix=_MARK, dir=folder)).name)
            except OSError as error:
                raise UserError(f"{folder}: cannot be written ({error.strerror}), expected a shared folder") from None
        yield Site(str(Path.cwd()), tuple(marks), code_hash())


def _run(function: Callable[[Job], Result], site: Site, job: Job) -> Result | UserError:
    """A job, on a worker; UserError is a result, for trying again would not help."""
    with _one_at_a_time:  # the folder is the whole process's, and so are the threads of torch
        try:
            _require_fit(site)
            prepare_process(site.folder)
            return function(job)
        except UserError as error:
            return error


def _require_fit(site: Site) -> None:
    for mark in site.marks:
        if not os.path.exists(mark):
            raise UnfitWorkerError(
                f"{socket.gethostname()} does not see {os.path.dirname(mark)}: all machines of the cluster must share "
                "its file system, at the same path"
            )
    if code_hash() != site.code:
        raise UnfitWorkerError(
            f"a worker on {socket.gethostname()} runs other versions of blaze2cap, Python or libraries than this "
            "machine, so results would differ; install the same and restart the workers"
        )

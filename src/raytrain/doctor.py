"""What this machine can do."""

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from ipaddress import ip_address

from raytrain.auth import GIVE_IT, MODE, use_token
from raytrain.config import Job
from raytrain.errors import UserError


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``needed``: nothing works without it."""

    what: str
    found: str
    ok: bool
    needed: bool = False


def examine(job: Job | None) -> list[Finding]:
    """Looks at the machine and, with a job, at its root."""
    findings = [_python(), *_devices(), _ray(), *_deepspeed(), _faiss(), _compiler(), _shared_memory()]
    findings += [_authentication(), *_dashboards()]
    return [*findings, _object_store(), *([_root(job)] if job else [])]


def _python() -> Finding:
    cpus = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return Finding("machine", f"Python {platform.python_version()}, {cpus} CPUs, {memory:.0f} GiB memory", True, True)


def _devices() -> Iterator[Finding]:
    import torch

    yield Finding("torch", torch.__version__, True, True)
    for index in range(torch.cuda.device_count()):
        gpu = torch.cuda.get_device_properties(index)
        bf16 = "bf16" if torch.cuda.is_bf16_supported() else "no bf16"
        yield Finding(f"GPU {index}", f"{gpu.name}, {gpu.total_memory / 2**30:.0f} GiB, {bf16}", True)
    if not torch.cuda.is_available():
        yield Finding("GPU", "none that torch sees: training runs on the CPU over gloo", False)


def _ray() -> Finding:
    address = os.environ.get("RAY_ADDRESS")
    where = f"RAY_ADDRESS={address}" if address else "no RAY_ADDRESS: a run starts a Ray of its own"
    return Finding("Ray", f"{version('ray')}, {where}", True, True)


def _authentication() -> Finding:
    try:
        token = use_token()
    except UserError as error:
        return Finding("token", str(error), False)
    mode = os.environ.get(MODE, "")
    if token:
        return Finding("token", f"authentication is on, with the token of {token.where}", True)
    if mode and mode != "token":
        off = f"authentication is off ({MODE}={mode}): who reaches a Ray started here can run what they like"
        return Finding("token", off, False)
    return Finding("token", f"none: a Ray started by a run makes one; to reach another Ray, {GIVE_IT}", True)


def _dashboards() -> Iterator[Finding]:
    """The dashboards that run here, which take jobs from whoever reaches them."""
    import psutil
    import ray  # noqa: F401  # it brings psutil along

    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if not any(part.endswith("dashboard/dashboard.py") for part in line):
            continue
        host, port = (_option(line, name) for name in ("--host", "--port"))
        if is_public(host):
            found = f"listens at {host}:{port}, beyond this machine: give ray start --dashboard-host=127.0.0.1"
            yield Finding("dashboard", f"{found}, or let nobody but the cluster reach that port", False)
        else:
            yield Finding("dashboard", f"listens at {host}:{port}", True)


def is_public(host: str) -> bool:
    """Whether a server that listens there is reached from other machines, whatever a firewall says."""
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


def _option(line: list[str], name: str) -> str:
    return next((part.removeprefix(f"{name}=") for part in line if part.startswith(f"{name}=")), "")


def _deepspeed() -> Iterator[Finding]:
    import torch

    from raytrain.train.engine import prepare_deepspeed

    prepare_deepspeed("cuda" if torch.cuda.is_available() else "cpu")
    from deepspeed.accelerator import get_accelerator

    accelerator = get_accelerator()
    backend = accelerator.communication_backend_name()
    backend = "gloo" if accelerator.device_name() == "cpu" else backend
    yield Finding("DeepSpeed", f"{version('deepspeed')} on {accelerator.device_name()} over {backend}", True, True)


def _faiss() -> Finding:
    builds = [name for name in ("faiss-cpu", "faiss-gpu", "faiss-gpu-cuvs") if _installed(name)]
    if len(builds) > 1:
        return Finding("faiss", f"{' and '.join(builds)} side by side: uninstall all but one", False, True)
    if find_spec("faiss") is None:
        return Finding("faiss", "none: pip install 'raytrain[cpu]' or 'raytrain[gpu]'", False)
    import faiss

    gpus = faiss.get_num_gpus() if hasattr(faiss, "get_num_gpus") else 0
    build = builds[0] if builds else "of unknown origin"
    return Finding("faiss", f"{faiss.__version__} ({build}), {gpus} GPUs, {faiss.get_compile_options().strip()}", True)


def _installed(package: str) -> bool:
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False


def _compiler() -> Finding:
    compiler, ninja = shutil.which("g++") or shutil.which("c++"), shutil.which("ninja")
    if compiler and ninja:
        return Finding("compiler", f"{compiler}, {ninja}", True)
    lacking = " and ".join(n for n, found in (("C++ compiler", compiler), ("ninja", ninja)) if not found)
    return Finding("compiler", f"no {lacking}: none is needed", False)


def _shared_memory() -> Finding:
    free = shutil.disk_usage("/dev/shm").free / 2**30
    return Finding("/dev/shm", f"{free:.1f} GiB free for Ray's object store", free >= 1)


def _object_store() -> Finding:
    import boto3

    try:
        credentials = boto3.Session().get_credentials()
    except Exception as error:  # a broken profile, an unreachable metadata service: told, not fatal
        return Finding("S3", f"no credentials: {error}", False)
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or "AWS"
    if credentials is None:
        return Finding("S3", f"no credentials (AWS_ACCESS_KEY_ID, AWS_PROFILE or a role); endpoint {endpoint}", False)
    return Finding("S3", f"credentials from {credentials.method}; endpoint {endpoint}", True)


def _root(job: Job) -> Finding:
    from raytrain.pipeline import root_of
    from raytrain.storage import check_writable

    try:
        root = root_of(job)
        check_writable(root)
    except UserError as error:
        return Finding("root", str(error), False, True)
    return Finding("root", f"{root.uri} can be written", True, True)

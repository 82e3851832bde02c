"""The files under cluster/: what refuses them before a cloud is asked, and what they promise."""

import hashlib
import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from autoscaled import node_types, started
from raytrain.errors import UserError
from raytrain.launcher import UNSET, check_launcher, problems

CLUSTER = Path(__file__).parent.parent / "cluster"
FILES = [CLUSTER / "aws.yaml", CLUSTER / "gcp.yaml"]
IMAGE = f"registry.example/raytrain@sha256:{hashlib.sha256(b'an image').hexdigest()}"
# Maps whose keys are the user's.
FREE = {"labels", "resources", "file_mounts", "available_node_types"}
every = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def filled(file: Path) -> dict[str, Any]:
    """As somebody has filled it in."""
    text = file.read_text().replace(f"{UNSET}@sha256:{UNSET}", IMAGE).replace(UNSET, "set")
    config: dict[str, Any] = yaml.safe_load(text)
    return config


def written(config: Any, folder: Path) -> Path:
    path = folder / "cluster.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def changed(config: Any, path: tuple[str | int, ...], to: Any) -> Any:
    """A copy with another value at a path; or, if it is a function, another key."""
    if not path:
        return to
    first, *rest = path
    if isinstance(config, list):
        return [changed(one, tuple(rest), to) if number == first else one for number, one in enumerate(config)]
    if callable(to) and not rest:
        return {to(key) if key == first else key: value for key, value in config.items()}
    return config | {first: changed(config.get(first), tuple(rest), to)}


def named_keys(node: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found: list[tuple[str | int, ...]] = []
    if isinstance(node, dict):
        for key, value in node.items():
            own = [] if path and path[-1] in FREE else [(*path, key)]
            found += own + named_keys(value, (*path, key))
    elif isinstance(node, list):
        for number, value in enumerate(node):
            found += named_keys(value, (*path, number))
    return found


@every
def test_a_file_that_is_not_filled_in_is_refused(file: Path) -> None:
    with pytest.raises(
        UserError, match=f"{UNSET} is left to be replaced in .* docker.image: .*must be NAME@sha256:DIGEST"
    ):
        check_launcher(file)


@every
def test_a_file_that_is_filled_in_can_be_started(file: Path, tmp_path: Path) -> None:
    check_launcher(written(filled(file), tmp_path))


@every
def test_a_misspelt_key_is_refused_wherever_it_stands(file: Path, tmp_path: Path) -> None:
    config = filled(file)
    alike = {
        tuple("*" if isinstance(part, int) or part in config["available_node_types"] else part for part in place): place
        for place in named_keys(config)
    }
    assert max(map(len, alike)) >= 6
    for place in alike.values():
        wrong = changed(config, place, lambda key: key[0] + key[2:])
        if place in (("provider",), ("provider", "type")):
            with pytest.raises(UserError):
                check_launcher(written(wrong, tmp_path))
        else:
            assert next(problems(wrong), None), place


@pytest.mark.parametrize("image", ["raytrain", "registry.example/raytrain:0.1.0", "raytrain@sha256:abc", None])
def test_an_image_without_a_digest_is_refused(image: str | None, tmp_path: Path) -> None:
    wrong = written(changed(filled(FILES[0]), ("docker", "image"), image), tmp_path)
    with pytest.raises(UserError, match="must be NAME@sha256:DIGEST"):
        check_launcher(wrong)


@pytest.mark.parametrize(
    ("file", "place", "value", "told"),
    [
        (0, ("provider", "type"), "azure", "provider.type: must be one of aws, gcp"),
        (0, ("max_workers",), "many", "max_workers: 'many' is not of type 'integer'"),
        (0, ("head_node_type",), "nobody", "head_node_type"),
        (0, ("available_node_types", "data", "node_config", "ImageId"), 7, "data.node_config: .*ImageId, value: 7"),
        (
            1,
            ("available_node_types", "data", "node_config", "scheduling"),
            [],
            r"data.node_config: scheduling: \[\] is not",
        ),
        (
            1,
            ("available_node_types", "data", "node_config", "scheduling", "provisioningModel"),
            "CHEAP",
            "'CHEAP' is not one",
        ),
    ],
)
def test_a_wrong_value_is_refused(file: int, place: tuple[str, ...], value: Any, told: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=told):
        check_launcher(written(changed(filled(FILES[file]), place, value), tmp_path))


@pytest.mark.parametrize("text", ["- a list", "provider: aws", "a: [", "\x00"])
def test_what_is_no_launcher_file_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"cluster.yaml: (no launcher file|can't be read)"):
        check_launcher(path)
    with pytest.raises(UserError, match="can't be read"):
        check_launcher(tmp_path / "none.yaml")


@every
def test_the_head_computes_nothing_and_every_group_begins_with_no_node(file: Path) -> None:
    config = filled(file)
    types = node_types(config)
    assert types["head"].resources == {"CPU": 0}
    assert config["idle_timeout_minutes"] <= 10
    for name in types.keys() - {"head"}:
        assert (types[name].min_worker_nodes, types[name].resources["CPU"]) == (0, 16)
        assert types[name].resources.keys() <= {"CPU", "GPU"}
    assert sum(one["max_workers"] for one in config["available_node_types"].values()) >= config["max_workers"]


@every
def test_work_goes_to_the_group_that_is_made_for_it(file: Path) -> None:
    config, gpu = filled(file), {"CPU": 1, "GPU": 1}
    assert started(config, {"CPU": 1}, {}) == ({"data": 1}, 0)
    assert started(config, {"CPU": 1}, {"role": "data"}, count=33) == ({"data": 3}, 0)
    assert started(config, gpu, {"role": "index"}) == ({"index": 1}, 0)
    assert started(config, gpu, {"role": "data"}) == ({}, 1)
    assert started(config, gpu, {"role": "train"}, count=3) == ({"train-spot": 3}, 0)
    assert started(config, gpu, {"role": "train"}, count=10) == ({"train-spot": 8, "train": 2}, 0)
    no_spot = frozenset({"train-spot", "data"})
    assert started(config, gpu, {"role": "train"}, count=3, failed=no_spot) == ({"train": 3}, 0)


def nodes(file: Path) -> dict[str, dict[str, Any]]:
    return {name: one["node_config"] for name, one in filled(file)["available_node_types"].items()}


@every
def test_no_key_is_in_it_and_no_address_is_public(file: Path) -> None:
    config = filled(file)
    assert config["provider"]["use_internal_ips"] is True
    assert "use_external_head_ip" not in config["provider"]
    assert config["auth"].keys() == {"ssh_user"}
    for name, node in nodes(file).items():
        if file.stem == "aws":
            assert node["IamInstanceProfile"]["Name"]
            assert node["MetadataOptions"]["HttpTokens"] == "required"
            assert all(disk["Ebs"]["Encrypted"] for disk in node["BlockDeviceMappings"])
            assert not {"KeyName", "NetworkInterfaces", "UserData"} & node.keys()
            assert ("InstanceMarketOptions" in node) == (name in ("data", "train-spot"))
        else:
            assert [account.keys() for account in node["serviceAccounts"]] == [{"email", "scopes"}]
            assert all("accessConfigs" not in one for one in node["networkInterfaces"])
            spot = node.get("scheduling", {}).get("provisioningModel") == "SPOT"
            assert spot == (name in ("data", "train-spot"))


@every
def test_the_token_is_asked_for_and_nothing_listens_to_the_world(file: Path) -> None:
    from ray.scripts.scripts import start

    config = filled(file)
    assert "--env RAY_AUTH_MODE=token" in config["docker"]["run_options"]
    assert list(config["file_mounts"].values()) == ["~/.ray/auth_token"]
    assert "raytrain doctor" in config["setup_commands"]
    options = {option for parameter in start.params for option in parameter.opts}
    for commands in (config["head_start_ray_commands"], config["worker_start_ray_commands"]):
        stop, begin = commands
        assert stop == "ray stop"
        assert {part.split("=")[0] for part in begin.split() if part.startswith("--")} <= options
        assert "ray-client" not in begin
    assert "--dashboard-host=127.0.0.1" in config["head_start_ray_commands"][1]


@every
def test_a_token_that_others_can_read_is_closed_and_none_is_an_error(file: Path, tmp_path: Path) -> None:
    (command,) = [one for one in filled(file)["setup_commands"] if "auth_token" in one]
    token = tmp_path / ".ray/auth_token"

    def run() -> int:
        return subprocess.run(["bash", "-c", command], env=os.environ | {"HOME": str(tmp_path)}).returncode

    assert run() != 0
    token.parent.mkdir()
    token.touch()
    assert run() != 0
    token.write_text("a token")
    token.chmod(0o644)
    assert run() == 0
    assert token.stat().st_mode & 0o777 == 0o600


DOCKERFILE = (CLUSTER / "Dockerfile").read_text()


def instructions() -> list[tuple[str, str]]:
    """Of the Dockerfile, with lines that go on put together."""
    lines = [line for line in DOCKERFILE.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [tuple(one.split(" ", 1)) for one in "\n".join(lines).replace("\\\n", "").splitlines()]  # type: ignore[misc]


def test_the_image_copies_what_is_there_and_its_context_holds_nothing_else() -> None:
    allowed = {line[1:] for line in (CLUSTER.parent / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    copied = set()
    for name, rest in instructions():
        if name == "COPY" and "--from=" not in rest:
            *sources, _ = [part for part in rest.split() if not part.startswith("--")]
            copied |= set(sources)
    assert copied == allowed
    assert all((CLUSTER.parent / name).exists() for name in copied)
    assert "ADD" not in dict(instructions())


def test_the_image_runs_as_nobody_special_from_pinned_packages() -> None:
    stages = "\n".join(f"{name} {rest}" for name, rest in instructions()).split("FROM ")
    base, build, final = stages
    assert ":latest" not in base + build + final
    assert re.findall(r"^USER (.*)$", final, re.MULTILINE) == ["1000:1000"]
    assert "--uid 1000" in final
    installs = re.findall(r"pip install (\S+ \S+)", build + final)
    assert len(installs) == 3
    assert set(installs) == {"-c constraints.txt"}
    extras = re.search(r'"\.\[\${DEVICE},([a-z,]+)\]"', build)
    assert extras
    known = tomllib.loads((CLUSTER.parent / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {"cpu", "gpu", *extras[1].split(",")} <= known.keys()
    assert not re.search(r"(?i)(token|secret|password)=(?!token\b)", final)


def test_login_shells_find_the_command() -> None:
    (line,) = re.findall(r"echo '(.*)' > /etc/profile.d", DOCKERFILE)
    (venv,) = re.findall(r"python -m venv (\S+)", DOCKERFILE)
    found = subprocess.run(["bash", "-c", f"PATH=/bin; {line}; echo $PATH"], capture_output=True, text=True).stdout
    assert found.strip() == f"{venv}/bin:/bin"
    assert f"COPY --from=build {venv} {venv}\n" in DOCKERFILE

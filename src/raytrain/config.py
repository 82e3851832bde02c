"""The typed config of each stage. One job file is one experiment; its sections are the stages."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from raytrain.corpus.config import Corpus
from raytrain.evaluate.benchmark import KINDS, check_name, label_of
from raytrain.evaluate.models import OtherModel
from raytrain.index.config import Index
from raytrain.losses.config import InfoNCE, Losses, MarginMSE
from raytrain.node_labels import NodeLabels
from raytrain.plan.config import Mix
from raytrain.section import Labels, Name, Probability, Section, Seed, Seeds, absent_is_empty, each_once
from raytrain.submit.config import Throughput
from raytrain.track.config import Track
from raytrain.train.changes import Change, check_changes
from raytrain.tune.config import Tune
from raytrain.tune.searchable import check_searchable


def _benchmark(value: str) -> str:
    check_name(value)
    return value


Benchmark = Annotated[str, AfterValidator(_benchmark)]


def _range(value: int | list[int]) -> int | list[int]:
    if isinstance(value, list) and (len(value) != 2 or value[0] > value[1]):
        raise ValueError("give a number, or [fewest, most]")
    return value


class Storage(Section):
    """Where object stores are. Credentials come from the usual AWS variables, profile or role, never from here."""

    endpoint: str | None = Field(None, description="S3 endpoint URL; default: AWS_ENDPOINT_URL or the profile's")
    region: str | None = Field(None, description="S3 region; default: AWS_REGION or the profile's")
    give_up_after: float = Field(600.0, gt=0, description="seconds that an object store that fails is tried again")


class FromScratch(Section):
    """A small BERT-like encoder with random weights and a tokenizer trained on the corpus."""

    layers: PositiveInt = 4
    hidden: PositiveInt = 128
    heads: PositiveInt = 4
    intermediate: PositiveInt | None = Field(None, description="default: 4 × hidden")
    dropout: Probability = 0.1
    vocab_size: Annotated[int, Field(ge=512)] = 8_000
    tokenizer_rows: PositiveInt = Field(4_000, description="pairs of each language that the tokenizer learns from")

    @model_validator(mode="after")
    def _heads_divide(self) -> "FromScratch":
        if self.hidden % self.heads:
            raise ValueError(f"hidden ({self.hidden}) must be a multiple of heads ({self.heads})")
        return self


class Model(Section):
    """The bi-encoder: one backbone for questions and passages."""

    name_or_path: str | None = Field(None, description="any Hugging Face encoder: hub name, folder or s3:// prefix")
    revision: str | None = Field(None, description="of the hub; needed for a hub name")
    from_scratch: FromScratch | None = None
    pooling: Literal["mean", "cls"] = "mean"
    query_prompt: str = Field("", description="put before every question, e.g. 'query: '")
    passage_prompt: str = Field("", description="put before every passage, e.g. 'passage: '")
    query_max_len: Annotated[int, Field(ge=4)] = Field(64, description="tokens, special ones included")
    passage_max_len: Annotated[int, Field(ge=4)] = Field(256, description="tokens, special ones included")

    def rules(self) -> dict[str, Any]:
        """What texts go through, as plain data: all but where the weights come from."""
        return self.model_dump(mode="json", exclude={"name_or_path", "revision", "from_scratch"})

    @model_validator(mode="after")
    def _one_backbone(self) -> "Model":
        if self.name_or_path is not None and self.from_scratch is not None:
            raise ValueError("give name_or_path or from_scratch, not both")
        if self.revision is not None and self.name_or_path is None:
            raise ValueError("revision belongs to name_or_path")
        return self


class Validate(Section):
    """A small benchmark that checkpoints are scored on while training goes on; the best one becomes the model."""

    benchmark: Benchmark = Field(description="as in evaluate.benchmarks, and none of them")
    languages: Labels | None = Field(None, description="default: all it has")
    every: PositiveInt = Field(description="steps; a checkpoint is made there")
    metric: Literal["nDCG@10", "MRR@100", "Recall@100"] = Field("nDCG@10", description="mean over languages")
    questions: PositiveInt = Field(200, description="of each language, at most")
    passages: PositiveInt = Field(2_000, description="of each language: those that answer, filled up with others")
    patience: PositiveInt | None = Field(
        None, description="validations in a row without a better one that end the run; default: it goes to the end"
    )
    threads: PositiveInt = Field(1, description="that embed, beside the workers")


class Train(Section):
    """plan and train: the mix, the batches, the optimiser."""

    init_from: str | None = Field(
        None, description="go on from another train or export artifact, or from a model folder"
    )
    mix: Annotated[Mix, BeforeValidator(absent_is_empty)] = Mix()
    batching: Literal["homogeneous", "mixed"] = Field(
        "homogeneous", description="one language a global batch, or rows of all languages in every batch"
    )
    batch_size: PositiveInt = Field(128, description="pairs a step, over all workers")
    lanes: PositiveInt = Field(8, description="fixed slices of the batch; workers own whole lanes")
    max_steps: PositiveInt = 1_000
    seed: Seed = 42
    learning_rate: PositiveFloat = 1e-5
    warmup_steps: NonNegativeInt = 10
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    max_grad_norm: Annotated[float, Field(ge=0)] = Field(1.0, description="0: no clipping")
    losses: Losses = Field(
        {"info_nce": InfoNCE()}, description="name → term; they are added up, each times its weight, and logged by name"
    )
    changes: list[Change] = Field([], description="what is otherwise from a step on, in order of steps")
    negatives_per_row: NonNegativeInt | None = Field(
        None, description="hard negatives of a row that are used, the first ones; default: all it has"
    )
    zero_stage: Literal[0, 1, 2, 3] = 1
    bf16: bool = False
    tokens_per_chunk: PositiveInt = Field(16_384, description="rows are sorted by length and cut at this many tokens")
    graph_gib: Annotated[float, Field(ge=0)] | None = Field(
        None,
        description="GiB a worker may hold for the backward pass: no chunk is larger, and those beyond are embedded "
        "twice (GradCache); 0: all are; default: 2 on a CPU, half of a GPU's memory",
    )
    attention: Literal["auto", "padded", "packed"] = Field(
        "auto",
        description="packed: texts one after the other, without padding; auto: packed on a GPU in bf16, if the model "
        "can be and has no dropout inside attention",
    )
    attention_dropout: Probability | None = Field(
        None, description="inside attention, in training; default: the model's (0.1 for most); fused kernels want 0"
    )
    gradient_checkpointing: bool = Field(False, description="layers are computed twice, and hold a fraction of memory")
    compile: bool = Field(False, description="torch.compile; on a CPU it needs a C++ compiler")
    max_skipped: NonNegativeInt = Field(
        10, description="steps that may be left out because loss or gradient is not finite; one more stops the run"
    )
    validate_on: Validate | None = Field(None, description="score checkpoints while training; the best one is kept")
    checkpoint_every: PositiveInt = Field(200, description="steps")
    keep_checkpoints: PositiveInt = Field(2, description="the newest; those that validation needs are kept besides")
    ledger: bool = Field(False, description="write down which rows each step consumed")

    @model_validator(mode="after")
    def _consistent(self) -> "Train":
        if self.batch_size % self.lanes:
            near = [n for n in range(1, self.batch_size + 1) if self.batch_size % n == 0 and n <= 64]
            raise ValueError(f"lanes ({self.lanes}) must divide batch_size ({self.batch_size}): one of {near}")
        if self.bf16 and self.zero_stage == 0:
            raise ValueError("bf16 needs zero_stage 1, 2 or 3: DeepSpeed keeps no fp32 masters at stage 0")
        if self.compile and self.zero_stage == 3:
            raise ValueError("compile needs zero_stage 0, 1 or 2: what stage 3 does between layers can't be compiled")
        for name, loss in self.losses.items():
            if isinstance(loss, MarginMSE) and self.negatives_per_row == 0:
                raise ValueError(f"losses.{name} compares with negatives, and negatives_per_row is 0")
        if self.warmup_steps >= self.max_steps and self.schedule != "constant":
            raise ValueError(f"warmup_steps ({self.warmup_steps}) leaves none of max_steps ({self.max_steps})")
        check_changes(self.changes, self.losses, self.max_steps)
        return self

    @property
    def mixes(self) -> list[tuple[str, int, Mix]]:
        """Each mix: its key, the step from which on it holds, and itself."""
        changed = [(f"train.changes.{i}.mix", c.at, c.mix) for i, c in enumerate(self.changes) if c.mix is not None]
        return [("train.mix", 0, self.mix), *changed]


class Evaluate(Section):
    """Held-out benchmarks, scored at the end of a run."""

    benchmarks: Annotated[list[Benchmark], AfterValidator(each_once)] = Field(
        [], description=f"any of {', '.join(kind.form for kind in KINDS.values())}"
    )
    languages: Labels | None = Field(None, description="or pairs of them (deu-eng); default: all a benchmark has")
    models: list[OtherModel] = Field([], description="of others, scored beside ours: a name each, or a section")

    @model_validator(mode="after")
    def _labels_differ(self) -> "Evaluate":
        labels = [label_of(name) for name in self.benchmarks]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            raise ValueError(f"two benchmarks would both be called {', '.join(twice)}: rename a folder or file")
        called = [model.called for model in self.models]
        twice = sorted({name for name in called if called.count(name) > 1})
        if twice:
            raise ValueError(f"two models would both be called {', '.join(twice)}: give one of them a label")
        return self


BASELINES = ("bm25", "untrained")  # what the arms stand beside in every table


class Arm(Mix):
    """A mix of the study, trained on once a seed."""

    seeds: Seeds | None = Field(None, description="default: study.seeds")

    @property
    def mix(self) -> Mix:
        """The mix alone, so that an arm and a job with the same mix share their artifacts."""
        return Mix(**self.model_dump(exclude={"seeds"}))

    @property
    def shares(self) -> Any:
        """What tells two mixes apart however they are written, as far as can be told without the corpus."""
        if len(self.asked) == 1:
            return self.asked[0]  # all of it, whatever the weight, the temperature or the cap
        limits = (self.max_passes, self.group_small)
        if self.weights is not None:
            total = sum(self.weights.values())
            return {language: weight / total for language, weight in self.weights.items() if weight}, limits
        left = (frozenset(self.asked), frozenset(self.exclude or ()))
        return self.temperature, frozenset(self.factors.items()), *left, limits


class Study(Section):
    """The research question: named mixes of equal pairs and steps × seeds, compared with one of them."""

    arms: dict[Name, Annotated[Arm, BeforeValidator(absent_is_empty)]] = Field(
        min_length=2, description="name → mix, as in train.mix, which they replace; nothing else differs"
    )
    baseline: str | None = Field(None, description="the arm that the others are compared with; default: the first")
    seeds: Seeds = Field([42, 43, 44], description="of plan, first weights and dropout; they replace train.seed")

    @property
    def compared_with(self) -> str:
        """The name of the baseline."""
        return self.baseline or next(iter(self.arms))

    def seeds_of(self, arm: str) -> list[int]:
        """The seeds of an arm."""
        return self.arms[arm].seeds or self.seeds

    @model_validator(mode="after")
    def _comparable(self) -> "Study":
        if self.baseline is not None and self.baseline not in self.arms:
            raise ValueError(f"baseline {self.baseline} is no arm: {', '.join(self.arms)}")
        names = list(self.arms)
        taken = sorted(name for name in names if name.casefold() in BASELINES)
        if taken:
            raise ValueError(f"{taken[0]} is the name of a baseline: call the arm otherwise")
        for i, name in enumerate(names):
            for other in names[:i]:
                shared = set(self.seeds_of(name)) & set(self.seeds_of(other))
                if self.arms[name].shares == self.arms[other].shares and shared:
                    raise ValueError(
                        f"arms {other} and {name} have the same mix and seed {min(shared)}, so they are the same "
                        "runs: give one of them other seeds"
                    )
        return self


class Cluster(Section):
    """Where it runs. Nothing here changes the result, so nothing here is part of an artifact's hash."""

    address: str | None = Field(
        None,
        description="of a running Ray cluster: host:port or auto; default: RAY_ADDRESS, or start one here; "
        "http://host:port, its dashboard, is for raytrain submit",
    )
    local_cpus: PositiveInt | None = Field(None, description="CPUs of a Ray started here; default: all")
    workers: Annotated[PositiveInt | list[PositiveInt], AfterValidator(_range)] = Field(
        1,
        description="training workers, and actors that embed passages; [fewest, most]: as many as there is room for, "
        "more when nodes come, fewer when they go",
    )
    cpus_per_worker: PositiveFloat = 1.0
    gpus_per_worker: Literal[0, 1] = 0
    threads_per_worker: PositiveInt | None = Field(None, description="default: as many as its CPUs, at least 1")
    rows_per_round: PositiveInt = Field(
        65_536, description="rows that one data task reads and holds, for all workers together"
    )
    max_failures: NonNegativeInt = Field(
        3, description="how often in a row, without progress between, dead workers of train and index are restarted"
    )
    wait_for_nodes_s: NonNegativeInt = Field(
        600, description="seconds to wait for nodes to come, or to come again, until the fewest workers have room"
    )
    labels: Annotated[NodeLabels, BeforeValidator(absent_is_empty)] = NodeLabels()
    environment: Literal["image", "pip"] = Field(
        "image", description="of a submitted job: the nodes have what raytrain needs, or pip installs it there"
    )
    driver_cpus: NonNegativeFloat = Field(
        0.0, description="of the nodes, for the driver of a submitted job; 0: it runs on the head, and takes none"
    )
    prices: dict[Name, Annotated[float, Field(ge=0)]] = Field(
        {},
        description="of one node of a type for an hour; its type is its label ray.io/node-group (a node type of the "
        "autoscaler, a group of KubeRay), `default` for others",
    )
    currency: str = "USD"
    throughput: Annotated[Throughput, BeforeValidator(absent_is_empty)] = Throughput()

    @property
    def fewest_workers(self) -> int:
        """What a run needs to go on."""
        return self.workers[0] if isinstance(self.workers, list) else self.workers

    @property
    def most_workers(self) -> int:
        """What a run takes if it can have it."""
        return self.workers[1] if isinstance(self.workers, list) else self.workers

    @model_validator(mode="after")
    def _priced(self) -> "Cluster":
        node = self.throughput.node
        if node is not None and node not in self.prices:
            raise ValueError(
                f"throughput.node: prices says nothing of {node}; it has {', '.join(self.prices) or 'none'}"
            )
        return self


class Job(Section):
    """A job file."""

    name: Name
    root: str = Field(description="where artifacts lie: a folder, s3://bucket/prefix or gs://bucket/prefix")
    storage: Annotated[Storage, BeforeValidator(absent_is_empty)] = Storage()
    corpus: Corpus
    model: Model
    train: Annotated[Train, BeforeValidator(absent_is_empty)] = Train()
    index: Annotated[Index, BeforeValidator(absent_is_empty)] = Index()
    evaluate: Annotated[Evaluate, BeforeValidator(absent_is_empty)] = Evaluate()
    study: Study | None = None
    tune: Tune | None = None
    track: Annotated[Track, BeforeValidator(absent_is_empty)] = Track()
    cluster: Annotated[Cluster, BeforeValidator(absent_is_empty)] = Cluster()

    @model_validator(mode="after")
    def _possible(self) -> "Job":
        given = {
            "model.name_or_path": self.model.name_or_path,
            "model.from_scratch": self.model.from_scratch,
            "train.init_from": self.train.init_from,
        }
        named = [key for key, value in given.items() if value is not None]
        if len(named) != 1:
            found = " and ".join(named) if named else "none of them"
            raise ValueError(f"give exactly one of {', '.join(given)}: found {found}")
        if self.cluster.most_workers > self.train.lanes:
            raise ValueError(
                f"cluster.workers ({self.cluster.most_workers}) is more than train.lanes ({self.train.lanes}): "
                "a worker owns at least one lane"
            )
        arms = self.study.arms if self.study else {}
        mixes = [(key, mix) for key, _, mix in self.train.mixes]
        for key, mix in [*mixes, *((f"study.arms.{name}", arm) for name, arm in arms.items())]:
            if mix.max_passes is not None and len(mixes) > 1:
                raise ValueError(
                    f"{key}.max_passes caps a run of one mix, and train.changes gives it another: leave one of them out"
                )
            lacking = ", ".join(sorted(mix.named - set(self.corpus.languages or mix.named)))
            if lacking:
                raise ValueError(f"{key} names {lacking}, which corpus.languages leaves out")
        validate = self.train.validate_on
        if validate and validate.benchmark in self.evaluate.benchmarks:
            raise ValueError(
                f"train.validate_on.benchmark: {validate.benchmark} is among evaluate.benchmarks too: the model would "
                "be chosen by what it is then judged on; take another one"
            )
        clash = sorted(set(arms) & {model.called for model in self.evaluate.models})
        if clash:
            raise ValueError(f"evaluate.models: {clash[0]} is an arm of the study: give the model a label")
        if self.evaluate.models and not self.evaluate.benchmarks:
            raise ValueError("evaluate.models needs evaluate.benchmarks: name what to score the models on")
        if self.study and not self.evaluate.benchmarks:
            raise ValueError("study needs evaluate.benchmarks: name what to compare the arms on")
        return self

    @model_validator(mode="after")
    def _searchable(self) -> "Job":
        check_searchable(self)
        return self

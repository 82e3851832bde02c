"""What a process does not import before it needs it: a run starts a dozen processes, and each would wait for it."""

import subprocess
import sys

HEAVY = {"scipy", "optuna", "torch", "transformers", "deepspeed", "ray", "matplotlib", "pandas", "mlflow", "faiss"}


def imported_by(code: str) -> set[str]:
    """Modules that a fresh Python has afterwards."""
    code = f"import sys\n{code}\nprint(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(found.stdout.splitlines()[-1].split())


def test_reading_a_job_file_takes_no_large_library() -> None:
    assert not HEAVY & imported_by("import raytrain.jobfile, raytrain.cli")


def test_knowing_what_is_to_do_takes_no_large_library() -> None:
    """As `raytrain status` and every driver do before anything else."""
    assert not HEAVY & imported_by("import raytrain.stages.chain")


def test_deepspeed_starts_without_mlflow_which_is_there_all_the_same() -> None:
    start = "from raytrain.train.engine import prepare_deepspeed\nprepare_deepspeed('cpu')\n"
    assert "mlflow" in imported_by(f"{start}assert 'mlflow' not in sys.modules\nimport mlflow")

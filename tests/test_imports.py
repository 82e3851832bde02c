"""What a process does not import before it needs it: a run starts a dozen processes, and each would wait for it."""

import subprocess
import sys


def imported_by(code: str) -> set[str]:
    """Modules that a fresh Python has afterwards."""
    code = f"import sys\n{code}\nprint(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(found.stdout.splitlines()[-1].split())


def test_reading_a_job_file_takes_no_large_library() -> None:
    heavy = {"scipy", "optuna", "torch", "transformers", "deepspeed", "ray", "matplotlib", "pandas", "mlflow"}
    assert not heavy & imported_by("import raytrain.jobfile, raytrain.cli")


def test_deepspeed_starts_without_mlflow_which_is_there_all_the_same() -> None:
    start = "from raytrain.train.engine import prepare_deepspeed\nprepare_deepspeed('cpu')\n"
    assert "mlflow" in imported_by(f"{start}assert 'mlflow' not in sys.modules\nimport mlflow")

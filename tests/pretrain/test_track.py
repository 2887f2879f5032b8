"""Do the trackers keep what the journal says, also when a run goes on?"""

import dataclasses
import time
from pathlib import Path

import pytest

from pretrain.track import Tracked, check, open_trackers

LINES = {2: {"loss": 1.5, "itm_accuracy": 0.5}, 4: {"loss": 1.25, "itm_accuracy": 0.75}}


@pytest.fixture
def run(tmp_path: Path) -> Tracked:
    (tmp_path / "run" / "web").mkdir(parents=True)
    return Tracked(recipe="imagebert", stage="web", out=tmp_path / "run", seed=3, first_step=0)


def tell(run: Tracked, wanted: str, *steps: int) -> None:
    for tracker in open_trackers([wanted], run):
        for step in steps:
            tracker.log(step, LINES[step])
        tracker.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_mlflow_has_one_run_for_all_attempts(run: Tracked) -> None:
    pytest.importorskip("mlflow")
    from mlflow.tracking import MlflowClient

    tell(run, "mlflow", 2)
    tell(dataclasses.replace(run, first_step=2), "mlflow", 4)
    client = MlflowClient(tracking_uri=f"sqlite:///{run.out}/mlflow.db")
    experiment = client.get_experiment_by_name("lait")
    (found,) = client.search_runs([experiment.experiment_id])
    assert found.info.run_name == "run/web"
    for name in LINES[2]:
        history = client.get_metric_history(found.info.run_id, name)
        assert {m.step: m.value for m in history} == {s: LINES[s][name] for s in LINES}


def test_wandb_writes_files_that_can_be_sent_later(run: Tracked) -> None:
    wandb = pytest.importorskip("wandb")
    tell(run, "wandb", 2, 4)
    (file,) = run.folder.glob(f"wandb/offline-run-*/run-{run.id}.wandb")
    assert wandb.run is None
    deadline_s = time.monotonic() + 60
    # The process that writes the file does so in its own time.
    while (told := curves(file)).keys() != LINES.keys() and time.monotonic() < deadline_s:
        time.sleep(0.1)
    assert told == LINES


def curves(file: Path) -> dict[int, dict[str, float]]:
    """What a file of wandb holds so far."""
    from wandb.proto import wandb_internal_pb2
    from wandb.sdk.internal.datastore import DataStore

    store, told = DataStore(), {}
    store.open_for_scan(str(file))
    while (data := store.scan_data()) is not None:
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        if record.WhichOneof("record_type") == "history":
            items = {
                (i.key or "/".join(i.nested_key)): float(i.value_json) for i in record.history.item
            }
            told[record.history.step.num] = {name: items[name] for name in LINES[2]}
    store.close()
    return told


def test_an_unknown_tracker_is_refused() -> None:
    with pytest.raises(ValueError, match="--track notes: choose from wandb, mlflow"):
        check(["notes"])

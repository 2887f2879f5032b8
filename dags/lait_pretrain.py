"""How does Airflow turn shards into a model? It runs `lait regions`, `pretrain`, `evaluate`."""

import logging
from datetime import timedelta

from airflow.sdk import (
    Asset,
    ExceptionRetryPolicy,
    Metadata,
    Param,
    RetryAction,
    RetryRule,
    dag,
    task,
)
from lait_command import MODEL, SHARDS, announced, lait, run_name

log = logging.getLogger(__name__)


@dag(
    schedule=[Asset(SHARDS)],
    catchup=False,
    max_active_runs=1,
    default_args={
        "retries": 3,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": 2,
        "max_retry_delay": timedelta(hours=1),
        "retry_policy": ExceptionRetryPolicy([RetryRule(ValueError, RetryAction.FAIL)]),
    },
    params={
        "stages": Param(
            ["lait=data/curated"],
            type="array",
            minItems=1,
            items={"type": "string", "pattern": "^(?!eval=)[a-z][a-z0-9_]*=[^-]"},
            description="The curriculum, NAME=SHARDS in order. In a run that new shards have "
            "triggered, their folder is that of the first stage.",
        ),
        "eval_shards": Param(
            None,
            type=["string", "null"],
            pattern="^[^-]",
            description="Held-out shards for retrieval; without them no evaluation.",
        ),
        "detector": Param("grid", enum=["grid", "world"]),
        "annotations": Param(
            None,
            type=["string", "null"],
            pattern="^[^-]",
            description="Boxes and labels, for the detector `world`.",
        ),
        "shrink": Param(True, type="boolean", description="A small model, for CPUs."),
        "workers": Param(2, type="integer", minimum=1, maximum=512),
        "out_root": Param(
            "data/models",
            type="string",
            pattern="^[^-]",
            description="Each run gets a folder of its own below.",
        ),
    },
    tags=["lait"],
)
def lait_pretrain():
    """Shards to a pretrained ImageBERT: regions for every stage, then the stages in order."""

    @task
    def sources(params, triggering_asset_events):
        """NAME=SHARDS of every stage, then of the held-out shards."""
        stages = list(params["stages"])
        if new := announced(triggering_asset_events, "shards"):
            log.info("new shards of this run: %s; it trains on the last", new)
            stages[0] = f"{stages[0].partition('=')[0]}={new[-1]}"
        held_out = params["eval_shards"]
        return [*stages, f"eval={held_out}"] if held_out else stages

    @task
    def out(params, run_id, data_interval_start=None):
        return f"{params['out_root']}/{run_name(run_id, data_interval_start)}"

    @task
    def regions(source, out, params):
        name, _, shards = source.partition("=")
        given = ("--annotations", params["annotations"]) if params["annotations"] else ()
        options = ("--detector", params["detector"], *given, "--out", f"{out}/regions/{name}")
        lait("regions", shards, *options)

    @task(outlets=[Asset(MODEL)])
    def pretrain(sources, out, params):
        options = ["--workers", str(params["workers"])]
        options += ["--shrink"] if params["shrink"] else []
        for source in sources:
            name = source.partition("=")[0]
            if name != "eval":
                options += ["--stage", source, "--regions", f"{name}={out}/regions/{name}"]
        lait("pretrain", "imagebert", *options, "--out", f"{out}/model")
        yield Metadata(Asset(MODEL), {"model": f"{out}/model"})

    @task.skip_if(lambda context: context["params"]["eval_shards"] is None)
    @task
    def evaluate(out, params):
        given = ("--shards", params["eval_shards"], "--regions", f"{out}/regions/eval")
        lait("evaluate", f"{out}/model", *given, "--out", f"{out}/report.json")

    folder, found = out(), sources()
    seen = regions.partial(out=folder).expand(source=found)
    seen >> pretrain(found, folder) >> evaluate(folder)


lait_pretrain()

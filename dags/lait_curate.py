"""How does Airflow turn archives into shards? It runs `lait curate`, one folder per run."""

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
from lait_command import RAW, SHARDS, announced, find_archives, lait, run_name


@dag(
    schedule=[Asset(RAW)],
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
        "archives": Param(
            "data/raw/*.warc.gz",
            type="string",
            pattern="^[^-]",
            description="Glob of WARC files. An event of the raw asset with extra "
            '{"archives": GLOB} takes its place.',
        ),
        "out_root": Param(
            "data/curated",
            type="string",
            pattern="^[^-]",
            description="Each run gets a folder of its own below.",
        ),
        "relevance": Param(
            "data/relevance",
            type="string",
            pattern="^[^-]",
            description="Folder of `lait relevance train`, or none.",
        ),
        "workers": Param(1, type="integer", minimum=1, maximum=512),
    },
    tags=["lait"],
)
def lait_curate():
    """Archives to shards: crawl, filter and shards as one Beam graph."""

    @task(outlets=[Asset(SHARDS)])
    def curate(params, run_id, triggering_asset_events, data_interval_start=None):
        archives = announced(triggering_asset_events, "archives") or [params["archives"]]
        out = f"{params['out_root']}/{run_name(run_id, data_interval_start)}"
        options = ("--relevance", params["relevance"], "--workers", str(params["workers"]))
        lait("curate", *find_archives(archives), "--out", out, *options)
        yield Metadata(Asset(SHARDS), {"shards": out})

    curate()


lait_curate()

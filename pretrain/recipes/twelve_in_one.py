"""12-in-1: Multi-Task Vision and Language Representation Learning.

Lu, Goswami, Rohrbach, Parikh, Lee. CVPR 2020, arXiv:1912.02315. ViLBERT's network, pretrained so
that masked words and regions count on matching pairs only and no visible region shows what a masked
one hides; then trained on twelve data sets at once, each with a token of its own, where a task that
no longer gets better rests until it gets worse. 8 GPUs.
"""

import dataclasses
from dataclasses import dataclass

from pretrain.embed.region import RegionSpec
from pretrain.masking.regions import RegionMasker
from pretrain.masking.tokens import TokenMasker
from pretrain.objectives.answering import Answering
from pretrain.objectives.itm import Itm
from pretrain.objectives.mlm import Mlm
from pretrain.objectives.mrc_kl import MrcKl
from pretrain.objectives.objective import Objective
from pretrain.objectives.pointing import Pointing
from pretrain.objectives.ranking import Ranking
from pretrain.optim import NO_DECAY, Adam, ParamGroup
from pretrain.pairing import Candidates
from pretrain.recipe import Recipe, Stage
from pretrain.recipes import vilbert
from pretrain.task_plans.round_robin import RoundRobin
from pretrain.task_plans.sampled import Sampled
from pretrain.task_plans.stop_and_go import StopAndGo
from pretrain.task_plans.task_plan import OWN, Task

PRETRAINING = ("mlm", "mrc_kl", "itm")
LOWEST_LR = 2e-5
"""Of the tasks; the others' losses are scaled up instead."""
FOUR = Candidates(wrong_texts=2, wrong_images=1)
"""Of retrieval: the true pair, two other captions and another image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the paper's table of tasks."""

    token: int
    data: str
    """COCO's captions are the stage's own data."""
    head: str
    batch_pairs: int
    lr: float


TASKS = (
    Row(token=1, data="vqa", head="vqa", batch_pairs=128, lr=4e-5),
    Row(token=2, data="vg_qa", head="vqa", batch_pairs=128, lr=4e-5),
    Row(token=15, data="gqa", head="gqa", batch_pairs=128, lr=4e-5),
    Row(token=4, data="visual7w", head="pointing", batch_pairs=256, lr=2e-5),
    Row(token=17, data="guesswhat", head="pointing", batch_pairs=64, lr=2e-5),
    Row(token=7, data=OWN, head="retrieval", batch_pairs=128, lr=2e-5),
    Row(token=8, data="flickr30k", head="retrieval", batch_pairs=128, lr=2e-5),
    Row(token=9, data="refcoco", head="pointing", batch_pairs=256, lr=2e-5),
    Row(token=10, data="refcoco_plus", head="pointing", batch_pairs=256, lr=2e-5),
    Row(token=11, data="refcocog", head="pointing", batch_pairs=256, lr=2e-5),
    Row(token=12, data="nlvr2", head="nlvr2", batch_pairs=64, lr=2e-5),
    Row(token=13, data="snli_ve", head="snli_ve", batch_pairs=256, lr=2e-5),
)


def recipe() -> Recipe:
    """As in the paper, with the overlap mask that the released code leaves without effect."""
    base = vilbert.recipe()
    optim = Adam(
        lr=1e-4,
        betas=(0.9, 0.98),
        weight_decay=0.01,
        groups=(ParamGroup(pattern=NO_DECAY),),
        warmup=0.1,
        decay="linear",
        clip_norm=None,
    )
    pretraining = Stage(
        name="pretraining",
        epochs=10.0,
        batch_pairs=512,
        optim=optim,
        tasks=Sampled(tasks=(Task(asked=PRETRAINING),)),
    )
    return dataclasses.replace(
        base,
        name="twelve_in_one",
        citation="Lu et al. 2019, arXiv:1912.02315",
        assumptions=(
            "regions that overlap a zeroed one are hidden and not asked for; a kept one hides none",
            "a round is one step a task; the released code's last task said when its epoch ended",
            "the steps of training on all tasks are not published: 20,000 a task, 240,000 in all",
            "tasks rest and go by the scores of the first worker, a fall being heard first",
            "hard captions of retrieval are random ones",
            "Visual7W and GuessWhat point at the region that overlaps the right choice",
            "all texts are cut at 256 word pieces, not at each task's own length",
            "answering heads number their classes until the data is known: `with_answers`",
        ),
        inputs=dataclasses.replace(base.inputs, max_length=356, max_text=256, max_regions=100),
        text=dataclasses.replace(base.text, tasks=20),
        region=RegionSpec(
            position=None, location=5, combine="sum", whole_image=True, whole_image_of="seen"
        ),
        objectives=(*_pretraining_objectives(), *_task_objectives()),
        stages=(pretraining, _multitask()),
    )


def _pretraining_objectives() -> tuple[Objective, ...]:
    return (
        Mlm(corruption=TokenMasker(select=0.15, mask=0.8, random=0.1), gate="positives"),
        MrcKl(corruption=RegionMasker(select=0.15, zero=0.9, overlap=0.4), gate="positives"),
        Itm(logits=2),
    )


def _task_objectives() -> tuple[Objective, ...]:
    """The heads: tasks of one kind share one."""
    return (
        Answering(name="vqa", answers=_numbered(3129), kind="bce"),
        Answering(name="gqa", answers=_numbered(1533), kind="bce"),
        Ranking(name="retrieval", kind="multiclass", group=FOUR.rows_per_image),
        Pointing(name="pointing"),
        Answering(name="nlvr2", answers=("False", "True"), kind="bce", rows=2),
        Answering(
            name="snli_ve",
            answers=("contradiction", "neutral", "entailment"),
            kind="bce",
            inner=0,
        ),
    )


def _multitask() -> Stage:
    optim = Adam(
        lr=LOWEST_LR,
        variant="bert",
        eps=1e-6,
        weight_decay=0.01,
        groups=(
            ParamGroup(pattern=rf"^heads\.(?!pointing).*{NO_DECAY}", lr_scale=5.0),
            ParamGroup(pattern=r"^heads\.(?!pointing)", lr_scale=5.0, weight_decay=0.01),
            ParamGroup(pattern=NO_DECAY),
        ),
        warmup=0.1,
        decay="linear",
        clip_norm=None,
    )
    tasks = tuple(
        Task(
            asked=(row.head,),
            data=row.data,
            scale=row.lr / LOWEST_LR,
            pairing=FOUR if row.head == "retrieval" else None,
            token=row.token,
            batch_pairs=row.batch_pairs,
        )
        for row in TASKS
    )
    return Stage(
        name="multitask",
        epochs=0.0,
        steps=12 * 20_000,
        batch_pairs=128,
        optim=optim,
        tasks=RoundRobin(
            tasks=tasks,
            stop_and_go=StopAndGo(better=0.001, patience=1, worse=0.005, cooldown=1, gap=4),
        ),
    )


def _numbered(n: int) -> tuple[str, ...]:
    return tuple(f"answer {number}" for number in range(n))


def with_answers(full: Recipe, answers: dict[str, tuple[str, ...]]) -> Recipe:
    """The recipe once the classes of its answering heads are known, by the heads' names.

    Raises:
        ValueError: a name that no answering head has.
    """
    known = {o.name for o in full.objectives if isinstance(o, Answering)}
    if unknown := sorted(answers.keys() - known):
        raise ValueError(f"no answering head {unknown[0]}; there is {', '.join(sorted(known))}")
    return dataclasses.replace(
        full,
        objectives=tuple(
            dataclasses.replace(o, answers=answers[o.name])
            if isinstance(o, Answering) and o.name in answers
            else o
            for o in full.objectives
        ),
    )


def shrink() -> Recipe:
    """Small enough for two CPU cores and a minute a stage on a thousand pairs.

    Its one stage is pretraining; `recipe().stages[1]` needs the twelve data sets.
    """
    full, small = recipe(), vilbert.shrink()
    mlm, mrc_kl, itm = _pretraining_objectives()
    assert isinstance(mrc_kl, MrcKl), mrc_kl
    return dataclasses.replace(
        full,
        inputs=small.inputs,
        encoder=small.encoder,
        pooling=small.pooling,
        objectives=(mlm, dataclasses.replace(mrc_kl, weight=0.2), itm),  # as for ViLBERT
        init=small.init,
        stages=small.stages,
    )

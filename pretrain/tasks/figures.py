"""How many questions were answered right, of each kind, and of each group together?"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from pretrain.tasks.task import Record


def accuracy(
    records: Sequence[Record],
    answers: Mapping[str, str],
    *,
    same: Callable[[str], str] = lambda answer: answer,
) -> dict[str, float]:
    """Mean score of the answers: `accuracy`, and `accuracy of KIND` where records have kinds.

    A record without an answer counts as wrong; one whose truth is not known does not count.

    Args:
        records: With their right answers.
        answers: By record id.
        same: Brings an answer into the form in which right ones are listed.
    """
    scores: defaultdict[str, list[float]] = defaultdict(list)
    for record in records:
        if not record.right:
            continue
        score = record.right.get(same(answers[record.id]), 0.0) if record.id in answers else 0.0
        scores["accuracy"].append(score)
        if record.kind:
            scores[f"accuracy of {record.kind}"].append(score)
    return {name: sum(scores[name]) / len(scores[name]) for name in sorted(scores)}


def consistency(records: Sequence[Record], answers: Mapping[str, str]) -> float:
    """Share of the groups in which every record is answered right."""
    groups: defaultdict[str, list[bool]] = defaultdict(list)
    for record in records:
        if record.right:
            answer = answers.get(record.id, "")
            groups[record.group].append(record.right.get(answer, 0.0) == 1.0)
    return sum(map(all, groups.values())) / max(1, len(groups))

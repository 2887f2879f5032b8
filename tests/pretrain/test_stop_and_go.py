"""Does a task rest when it stops getting better, and come back? (TW3 of the specification.)"""

import json

from pretrain.plain import from_plain, to_plain
from pretrain.task_plans.round_robin import RoundRobin
from pretrain.task_plans.stop_and_go import StopAndGo
from pretrain.task_plans.task_plan import PlanState, Task, TaskState

TRACE = [0.50, 0.55, 0.5501, 0.5502, 0.5503, 0.5503, 0.549, 0.546, 0.547, 0.5471, 0.56]
STOPPED = "GO GO GO STOP STOP STOP STOP GO GO GO GO"


def heard(scores: list[float], task: TaskState | None = None) -> list[TaskState]:
    states, task = [], task or TaskState()
    for score in scores:
        task = StopAndGo().heard(task, score)
        states.append(task)
    return states


def told(states: list[TaskState]) -> str:
    return " ".join("STOP" if state.stopped else "GO" for state in states)


def test_tw3_the_trace_of_the_specification() -> None:
    assert told(heard(TRACE)) == STOPPED


def test_tw3_a_fall_is_heard_also_when_patience_runs_out() -> None:
    states = heard([0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.50, 0.50])
    assert told(states) == "GO GO GO STOP STOP STOP GO GO"


def test_tw3_a_checkpoint_in_the_middle_of_a_stop_changes_nothing() -> None:
    first = PlanState(round=9, tasks=tuple(heard(TRACE[:5])))
    assert first.tasks[-1].stopped
    again = from_plain(json.loads(json.dumps(to_plain(first))), PlanState)
    assert again == first
    assert told(heard(TRACE[5:], again.tasks[-1])) == STOPPED[STOPPED.index("STOP STOP GO") :]


def test_tw3_a_resting_task_plays_in_every_fourth_round() -> None:
    plan = RoundRobin(
        tasks=tuple(Task(asked=(name,), data=name) for name in "abc"), stop_and_go=StopAndGo()
    )
    for stopped in ({1}, {2}, {0}, {0, 2}):
        tasks = tuple(TaskState(best=1.0, stopped=i in stopped) for i in range(3))
        state, played = PlanState(tasks=tasks), {"a": 0, "b": 0, "c": 0}
        while state.round < 100:
            (turn,), state = plan.turns(state, seed=0, step=0)
            played[turn.data] += 1
        assert played == {name: 25 if i in stopped else 100 for i, name in enumerate("abc")}, (
            stopped
        )
    resting = PlanState(round=1, tasks=(TaskState(best=1.0, stopped=True),) * 3)
    _, state = plan.turns(resting, seed=0, step=0)
    assert (state.round, state.slot) == (4, 1)  # rounds in which all rest are passed over


def test_validation_is_due_between_rounds_once() -> None:
    plan = RoundRobin(
        tasks=(Task(asked=("a",), data="a"), Task(asked=("b",), data="b")),
        stop_and_go=StopAndGo(validate_every=2, patience=0),
    )
    state, log = PlanState(), []
    for step in range(16):
        if due := plan.due(state):
            log.append((step, [turn.data for turn in due]))
            state = plan.heard(state, (0.5, 0.5 + step))
            assert not plan.due(state)
        _, state = plan.turns(state, seed=0, step=step)
    # `a` is heard twice and rests from then on, so rounds are shorter.
    assert log == [(4, ["a", "b"]), (8, ["a", "b"]), (11, ["a", "b"]), (13, ["a", "b"])]

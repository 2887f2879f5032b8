"""Do random numbers depend on seed, step, purpose and row, and on nothing else?"""

import numpy as np
import torch

from pretrain.draws import Draws


def draws(step: int = 3, seed: int = 1, rows: tuple[int, ...] = tuple(range(64))) -> Draws:
    return Draws(seed=seed, step=step, rows=rows)


def test_a_row_keeps_its_numbers_whoever_draws_it_and_however_wide() -> None:
    whole = draws().uniform("x", 20)
    assert torch.equal(draws().only([40, 7]).uniform("x", 20), whole[[40, 7]])
    assert torch.equal(draws().uniform("x", 9), whole[:, :9])


def test_other_seed_step_or_purpose_gives_other_numbers() -> None:
    whole = draws().uniform("x", 20)
    for other in (draws(step=4), draws(seed=2)):
        assert (other.uniform("x", 20) == whole).float().mean() < 0.01
    assert (draws().uniform("y", 20) == whole).float().mean() < 0.01


def test_numbers_are_uniform_and_unrelated_between_neighbours() -> None:
    values = torch.cat([draws(step=step).uniform("x", 100) for step in range(40)]).numpy()
    assert values.min() >= 0
    assert values.max() < 1
    counts, _ = np.histogram(values, bins=20, range=(0, 1))
    expected = values.size / 20
    chi2 = float(((counts - expected) ** 2 / expected).sum())
    assert chi2 < 45, chi2  # 19 degrees of freedom: 45 has p < 0.001
    for a, b in ((values[:, :-1], values[:, 1:]), (values[:-1], values[1:])):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.01

"""How dear is it to move all words onto all regions?

Shapes: B pairs, N words, M regions.
"""

import torch
from torch import Tensor


@torch.no_grad()
def ipot(
    cost_BNM: Tensor,
    words_BN: Tensor,
    regions_BM: Tensor,
    *,
    beta: float = 0.5,
    iterations: int = 50,
) -> Tensor:
    """[B, N, M] a plan of optimal transport between uniform masses, by proximal points (IPOT).

    Xie et al. 2018, arXiv:1802.04307, with one inner step, as UNITER uses it. All mass is 1; after
    any number of iterations the mass of the words is right, that of the regions nearly. No gradient
    flows through the plan. Float32 whatever the precision around it.

    Args:
        cost_BNM: Of moving a word onto a region.
        words_BN: bool: True = real; the others get no mass.
        regions_BM: bool, likewise.
        beta: Step size of the proximal point.
        iterations: How many.
    """
    with torch.autocast(cost_BNM.device.type, enabled=False):
        real_BNM = words_BN[:, :, None] & regions_BM[:, None, :]
        kernel_BNM = torch.exp(-cost_BNM.float() / beta) * real_BNM
        n_words_B1 = words_BN.sum(1, keepdim=True).float()
        n_regions_B1 = regions_BM.sum(1, keepdim=True).float()
        plan_BNM = real_BNM.float()
        scale_BN = words_BN / n_words_B1.clamp(min=1)
        for _ in range(iterations):
            step_BNM = kernel_BNM * plan_BNM
            # Padding has neither mass nor kernel: 1 / (0 + 1) there, and never inf.
            reached_BM = torch.einsum("bnm,bn->bm", step_BNM, scale_BN)
            scale_BM = 1 / (n_regions_B1 * reached_BM + ~regions_BM)
            reached_BN = torch.einsum("bnm,bm->bn", step_BNM, scale_BM)
            scale_BN = 1 / (n_words_B1 * reached_BN + ~words_BN)
            plan_BNM = scale_BN[:, :, None] * step_BNM * scale_BM[:, None, :]
    return plan_BNM

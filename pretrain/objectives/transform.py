"""Through what does a region's vector go before a head's last linear map?"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Transform(nn.Module):
    """Linear, GELU, LN, as BERT's head for words."""

    def __init__(self, hidden: int, eps: float) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden, hidden)
        self.norm = nn.LayerNorm(hidden, eps=eps)

    def forward(self, hidden_MH: Tensor) -> Tensor:
        """[M, hidden]."""
        return torch.as_tensor(self.norm(functional.gelu(self.dense(hidden_MH))))

"""Is the gated encoder BERT when all gates are open, and something else when they are not?"""

from collections.abc import Callable

import pytest
import torch
from transformers import BertConfig, BertModel

from pretrain.batch import Batch, View
from pretrain.bert import encoder_from_bert, text_layers
from pretrain.encoders.gated import EncoderSpec, GatedEncoder
from pretrain.encoders.streams import Streams
from pretrain.encoders.sublayers import Attend, FeedForward, Sublayer, single
from pretrain.network import Network

B, L, R, H = 3, 7, 5, 48


def spec(*sublayers: Sublayer) -> EncoderSpec:
    return EncoderSpec(sublayers=sublayers, hidden=H, heads=4, feed_forward=96, dropout=0.0)


def streams(seed: int = 0) -> Streams:
    generator = torch.Generator().manual_seed(seed)
    text_mask, image_mask = torch.ones(B, L, dtype=torch.bool), torch.ones(B, R, dtype=torch.bool)
    text_mask[1, -2:] = False
    image_mask[2, -1:] = False
    return Streams.join(
        torch.randn(B, L, H, generator=generator),
        text_mask,
        torch.randn(B, R, H, generator=generator),
        image_mask,
    )


@pytest.fixture
def bert() -> BertModel:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=50,
        hidden_size=H,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=96,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    model = BertModel(config, add_pooling_layer=False).eval()
    for parameter in model.parameters():  # norms and biases too, or equal ones would look mapped
        torch.nn.init.normal_(parameter, std=0.2)
    return model


def test_g1_single_equals_bert_encoder_on_concatenated_rows(bert: BertModel) -> None:
    ours = GatedEncoder(spec(*single(3))).eval()
    weights = encoder_from_bert(bert.state_dict(), range(3), text_layers(single(3)))
    ours.load_state_dict({n.removeprefix("encoder."): t for n, t in weights.items()})
    given = streams()
    mask = torch.where(given.mask_BS, 0.0, -1e9)[:, None, None, :]
    with torch.no_grad():
        expected = bert.encoder(given.joined, attention_mask=mask).last_hidden_state
        got = ours(given).joined
    assert (got - expected)[given.mask_BS].abs().max() <= 1e-5


def test_split_streams_with_shared_weights_and_open_gates_are_one_stream() -> None:
    """One softmax over both modalities: the general path must agree with the joint one."""
    torch.manual_seed(0)
    joint = GatedEncoder(spec(*single(2))).eval()
    split = GatedEncoder(
        spec(
            *(
                Attend(
                    text_to_text=True,
                    text_to_image=True,
                    image_to_text=True,
                    image_to_image=True,
                    shared=False,
                ),
                FeedForward(text=True, image=True, shared=False),
            )
            * 2
        )
    ).eval()
    weights = joint.state_dict()
    twice = {name.replace(".text.", ".image."): t for name, t in weights.items()} | weights
    split.load_state_dict(twice)
    with torch.no_grad():
        assert torch.allclose(split(streams()).joined, joint(streams()).joined, atol=1e-5)


def test_closed_gates_keep_a_stream_from_the_other() -> None:
    torch.manual_seed(0)
    own_only = GatedEncoder(
        spec(
            Attend(
                text_to_text=True,
                text_to_image=False,
                image_to_text=True,
                image_to_image=False,
                shared=False,
            ),
            FeedForward(text=True, image=False, shared=False),
        )
    ).eval()
    given = streams()
    changed = given.replaced(given.joined.clone())
    changed.image.add_(1.0)
    with torch.no_grad():
        before, after = own_only(given), own_only(changed)
    assert torch.equal(before.text, after.text)
    assert not torch.allclose(before.image, after.image)


def test_a_stream_that_sees_nothing_passes_through() -> None:
    blind = GatedEncoder(
        spec(
            Attend(
                text_to_text=True,
                text_to_image=True,
                image_to_text=False,
                image_to_image=False,
                shared=False,
            )
        )
    ).eval()
    given = streams()
    with torch.no_grad():
        assert torch.equal(blind(given).image, given.image)


def test_cross_attention_uses_both_streams_before_either_is_updated() -> None:
    torch.manual_seed(0)
    cross = GatedEncoder(
        spec(
            Attend(
                text_to_text=False,
                text_to_image=True,
                image_to_text=True,
                image_to_image=False,
                shared=False,
            )
        )
    ).eval()
    given = streams()
    sublayer = cross.sublayers[0]
    with torch.no_grad():
        _, k, v = sublayer.text.project(given.text)
        q, _, _ = sublayer.image.project(given.image)
        mask = given.mask_BS[:, :L]
        expected = sublayer.image.attend(given.image, q, k, v, mask)
        assert torch.allclose(cross(given).image, expected, atol=1e-6)


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(ValueError, match="hidden=48 is not a multiple of its heads=5"):
        GatedEncoder(EncoderSpec(sublayers=single(1), hidden=48, heads=5))


def test_g2_padding_changes_no_valid_output(
    network: Network, make_batch: Callable[..., Batch]
) -> None:
    batch = make_batch(6)
    alone = [int(n) for n in batch.text_mask_BL.sum(1)]
    assert len(set(alone)) > 1  # some rows are padded
    with torch.no_grad():
        together = encode(network, batch)
        for b, n_text in enumerate(alone):
            n_regions = int(batch.region_mask_BR[b].sum())
            row = cut(batch, b, n_text, n_regions)
            single_row = encode(network, row)
            assert (single_row.text[0] - together.text[b, :n_text]).abs().max() <= 1e-5
            assert (single_row.image[0] - together.image[b, :n_regions]).abs().max() <= 1e-5


def encode(network: Network, batch: Batch) -> Streams:
    return network.encoder(network.streams(batch, View.of(batch)))  # type: ignore[no-any-return]


def cut(batch: Batch, b: int, n_text: int, n_regions: int) -> Batch:
    def text(tensor: torch.Tensor) -> torch.Tensor:
        return tensor[b : b + 1, :n_text]

    def region(tensor: torch.Tensor) -> torch.Tensor:
        return tensor[b : b + 1, :n_regions]

    return Batch(
        tokens_BL=text(batch.tokens_BL),
        segments_BL=text(batch.segments_BL),
        positions_BL=text(batch.positions_BL),
        words_BL=text(batch.words_BL),
        text_mask_BL=text(batch.text_mask_BL),
        regions_BRD=region(batch.regions_BRD),
        boxes_BR4=region(batch.boxes_BR4),
        probs_BRK=region(batch.probs_BRK),
        region_mask_BR=region(batch.region_mask_BR),
        match_B=batch.match_B[b : b + 1],
    )

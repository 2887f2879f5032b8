"""Is what a sentence states true of a scene?"""

from dataclasses import dataclass

from lait.world.relation import holds
from lait.world.scene import Scene, Thing
from lait.world.vocabulary import Background, Colour, Kind, Pattern, Predicate, Size


@dataclass(frozen=True, slots=True, kw_only=True)
class There:
    """There is a thing that looks like this; None where nothing was said."""

    kind: Kind
    colour: Colour | None = None
    size: Size | None = None
    pattern: Pattern | None = None

    def fits(self, thing: Thing) -> bool:
        """Whether everything said is so of `thing`."""
        return (
            self.kind == thing.kind
            and self.colour in (None, thing.colour)
            and self.size in (None, thing.size)
            and self.pattern in (None, thing.pattern)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Related:
    """A thing like `subject` stands in a relation to another one like `object`."""

    subject: There
    predicate: Predicate
    object: There


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The scene is there."""

    background: Background


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """There are exactly so many things (of a kind, unless it is None)."""

    kind: Kind | None
    number: int


Claim = There | Related | Place | Count


def is_true(claim: Claim, scene: Scene) -> bool:
    """Whether the claim holds, judged by the scene's boxes and looks alone."""
    match claim:
        case There():
            return any(claim.fits(thing) for thing in scene.things)
        case Related():
            return any(
                a is not b
                and claim.subject.fits(a)
                and claim.object.fits(b)
                and holds(claim.predicate, a.box, b.box)
                for a in scene.things
                for b in scene.things
            )
        case Place():
            return scene.background == claim.background
        case Count():
            kinds = [thing.kind for thing in scene.things]
            return claim.number == (len(kinds) if claim.kind is None else kinds.count(claim.kind))

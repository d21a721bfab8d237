"""
State of a whole training between its epochs, and how a checkpoint keeps it.

``stage.StageState`` is its counterpart for the stage that is being trained.
"""

from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor

from xraylab.training.checkpoint import State
from xraylab.training.contract import Epoch
from xraylab.training.recipe import Recipe

_MEMORY = "The memory ran out"  # begins the one note that a later note replaces


@dataclass
class TrainingState:
    """History, best epoch, notes and random streams of a training."""

    device: torch.device
    random: torch.Generator  # for the order and the variations of films
    piece: int  # films that pass at once, the batch size until the memory runs out
    history: list[Epoch] = field(default_factory=list)
    best: Epoch | None = None
    best_weights: dict[str, Tensor] = field(default_factory=dict)  # of the whole network, from earlier stages
    notes: list[str] = field(default_factory=list)
    speeds: dict[str, float] = field(default_factory=dict)  # films per second, "forward" and "train"

    @classmethod
    def start(cls, recipe: Recipe, device: torch.device) -> "TrainingState":
        """Return the state before the first step."""
        return cls(device, torch.Generator().manual_seed(recipe.seed), recipe.batch_size)

    def to_checkpoint(self) -> State:
        """Return the part of both checkpoint files that belongs to the whole training."""
        return {
            "history": [asdict(epoch) for epoch in self.history],
            "best": self.best.epoch if self.best else 0,
            "notes": list(self.notes),
            "piece": self.piece,
            # Three streams: films and their variations, dropout on the processor, dropout on the GPU.
            "draws": self.random.get_state(),
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
        }

    def restore(self, state: State) -> None:
        """Take over the state that a checkpoint holds."""
        self.history = [Epoch(**epoch) for epoch in state["history"]]
        self.best = self.history[state["best"] - 1] if state["best"] else None
        self.notes, self.piece = list(state["notes"]), state["piece"]
        # In place: sources of batches hold the same generator.
        self.random.set_state(state["draws"])
        torch.set_rng_state(state["torch"])
        # A training that began on a processor may go on with a GPU, and the other way round.
        if state["cuda"] is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda"], self.device)

    def note_smaller_batch(self, asked: int, films: int) -> None:
        """Note that batches have all ``films`` training films, which are fewer than the recipe asks for."""
        self.notes.append(
            f"The recipe's batches of {asked} films are larger than the training set of {films}, so each "
            "batch has all training films."
        )

    def note_early_end(self, epochs: int) -> None:
        """Note that a stage ended early, after ``epochs`` epochs without a better AUC."""
        self.notes.append(
            f"Stopped early after epoch {len(self.history)}: validation AUC had not improved for "
            f"{epochs} epochs."
        )

    def note_no_number(self) -> None:
        """Note that the loss became NaN or infinite, and what was kept."""
        kept = (
            f"the network as it was after epoch {self.best.epoch} was kept"
            if self.best
            else "nothing was kept"
        )
        self.notes.append(
            f"The loss stopped being a number in epoch {len(self.history) + 1}, so the training ended there "
            f"and {kept}. A lower learning rate would help."
        )

    def shrink_pieces(self, piece: int, recipe: Recipe) -> None:
        """Pass films in smaller pieces from here on, and note it."""
        self.piece = piece
        # Only the smallest size matters, so an earlier note of this kind goes.
        self.notes = [note for note in self.notes if not note.startswith(_MEMORY)]
        self.notes.append(
            f"{_MEMORY} with batches of {recipe.batch_size} films, so they pass in pieces of {piece} and "
            "their gradients are added up."
        )

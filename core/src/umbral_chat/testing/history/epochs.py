"""Renewing epochs, for a history that is able to."""

from __future__ import annotations

from umbral_chat.errors import ConversationDeleted
from umbral_chat.model.conversations import Head
from umbral_chat.providers.history import RenewsEpochs
from umbral_chat.testing.storage import StorageContract, expect_error, read_all, send


class RenewsEpochsContract(StorageContract):
    """One test for each guarantee of `umbral_chat.providers.history.RenewsEpochs`."""

    async def test_every_log_gets_a_new_epoch_and_keeps_all_else(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            assert isinstance(history, RenewsEpochs)
            assert await history.new_epochs() == 0
            sent = [await send(history, conversation=f"c{number}") for number in range(5)]
            kept = await read_all(history, "c0")
            assert await history.new_epochs() == 5
            heads = await rig.other.history.heads([f"c{number}" for number in range(5)])
            epochs = {head.epoch for head in heads.values() if isinstance(head, Head)}
            assert len(epochs) == 5
            assert not epochs & {appended.epoch for appended in sent}
            await expect_error(send(rig.other.history, conversation="c0", epoch=sent[0].epoch), ConversationDeleted)
            assert await read_all(rig.other.history, "c0") == kept
            again = await send(history, conversation="c0")
            assert again.entry.seq == 2
            assert again.epoch in epochs


__all__ = ["RenewsEpochsContract"]

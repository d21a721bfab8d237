"""The chain of the trail: what it shows, and what it can't show."""

import hashlib
import json

import pytest

from xraylab import chain


def a_chain(n=5, **last):
    made, before = [], chain.FIRST
    for number in range(1, n + 1):
        entry = {"sequence": number, "action": "read", "changed": "no surprise ü", "previous": before}
        made.append(chain.seal(entry | (last if number == n else {})))
        before = made[-1]["sha256"]
    return made


def test_a_whole_chain_has_no_fault():
    whole = a_chain()
    checked = chain.check(whole, [(entry["sequence"], entry["sha256"]) for entry in whole])
    assert (checked.entries, checked.last, checked.faults, checked.notes) == (5, whole[-1]["sha256"], (), ())


def test_a_hash_is_that_of_the_canonical_json():
    entry = {"sequence": 1, "changed": "ü", "previous": chain.FIRST}
    text = f'{{"changed":"ü","previous":"{chain.FIRST}","schema":"xraylab.trail/1","sequence":1}}'
    assert chain.hash_of(entry) == hashlib.sha256(text.encode()).hexdigest()
    assert chain.hash_of(json.loads(text) | {"sha256": "anything"}) == chain.hash_of(entry)


def changed(entries):
    return [entry | {"changed": "edited"} if entry["sequence"] == 3 else entry for entry in entries]


def changed_and_sealed_again(entries):
    return [chain.seal(entry) if entry["sequence"] == 3 else entry for entry in changed(entries)]


def inserted(entries):
    extra = chain.seal({**entries[2], "sequence": 6, "previous": entries[0]["sha256"]})
    return [*entries, extra]


def written_again(entries):
    """The whole chain, made anew with one entry less."""
    return a_chain(len(entries), changed="other")


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (changed, "Entry 3 was changed"),
        (changed_and_sealed_again, "Entry 4 doesn't follow"),
        (inserted, "Entry 6 doesn't follow"),
        (lambda entries: entries[:2] + entries[3:], "Entry 3 is missing."),
        (lambda entries: entries[:1] + entries[4:], "Entries 2 to 4 are missing."),
        (lambda entries: entries[1:], "Entry 1 is missing."),
        (lambda entries: entries[:3], "The end is cut off: entry 5 was written once, but the last one is 3."),
        (lambda entries: [], "The end is cut off: entry 5 was written once, but the last one is 0."),
        (written_again, "Entry 5 was written again"),
    ],
)
def test_what_was_done_to_a_chain_is_found(break_it, words):
    whole = a_chain()
    [fault] = chain.check(break_it(whole), [(2, whole[1]["sha256"]), (5, whole[4]["sha256"])]).faults
    assert fault.startswith(words)


def test_without_an_anchor_a_cut_end_cannot_be_seen():
    assert chain.check(a_chain()[:3]).faults == ()


def test_a_gap_is_no_fault_if_a_later_entry_says_that_the_database_was_damaged():
    whole = a_chain(action=chain.SALVAGED)
    checked = chain.check([whole[0], whole[4]])
    assert checked.faults == ()
    assert checked.notes == ("Entries 2 to 4 are missing; entry 5 says that the database was damaged.",)

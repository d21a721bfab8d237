"""Models: delete one, and take it back."""

from collections.abc import Iterator

from scripts.journeys.stage import MODEL, Scene
from scripts.journeys.table import Row

ABOUT = "A model of one's own is deleted on Models, and comes back by *Undo*."
_BEFORE = "not possible"


def rows(scene: Scene) -> Iterator[Row]:
    """Delete a model and undo it."""
    with scene.person(scene.used_home()) as person:
        person.open(f"threshold?model={MODEL}")  # Models shows the model that was looked at
        person.link("Models").click()
        person.page.get_by_role("heading", name=f"{MODEL}", exact=True).wait_for()
        person.rest()
        dialog = person.page.get_by_role("dialog")
        person.click(person.page.locator(".st-key-manage-model button").first)
        person.click(dialog.get_by_role("button", name="Delete …"))
        gone = "clock.seen('.st-key-xl-undo')"
        deleted = person.click_until(dialog.get_by_role("button", name="Delete", exact=True), gone)
        yield Row(
            what="Delete a model, from the last click",
            values=(deleted.shown,),
            clicks=person.clicks,
            before=_BEFORE,
        )
        person.rest()
        person.clicks = 0
        back = f"clock.text('[data-testid=stMain]').includes('Restored {MODEL}')"
        restored = person.click_until(person.button("Undo"), back)
        yield Row(what="Undo it", values=(restored.shown,), clicks=person.clicks, before=_BEFORE)

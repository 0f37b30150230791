"""Read models that follow together are told the same as each by itself, and nothing twice."""

from __future__ import annotations

import pytest

from adapters.persistence.projections import Page, Projections
from adapters.persistence.read_models import ALL
from adapters.persistence.read_models.accounts import Accounts
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.view_store import ViewStore
from tests.adapters.persistence.product import History, Product, mapper


@pytest.mark.parametrize("ahead", [0, 3])
def test_models_that_follow_together_apply_each_fact_once(
    recorder: EventRecorder, ahead: int
) -> None:
    product = Product(recorder)
    history = History(product)
    history.play(range(0, 300, 11))
    together = Projections(recorder, mapper(), page=7)
    done = sum(together.catch_up(model) for model in ALL[:ahead])
    history.play(range(0, 300, 7))
    facts = len(product.log())
    assert together.catch_up_all(ALL) == facts * len(ALL) - done
    assert together.catch_up_all(ALL) == 0
    cards = [row.card_id for row in product.views.cards(None, 500)]
    together.rebuild(*ALL)
    assert [row.card_id for row in product.views.cards(None, 500)] == cards


class Broken(Accounts):
    """A model that cannot go on."""

    def apply(self, views: ViewStore, page: Page) -> None:
        raise ArithmeticError


def test_a_model_that_cannot_go_on_keeps_no_other_from_it(recorder: EventRecorder) -> None:
    product = Product(recorder)
    History(product).play(range(0, 300, 11))
    projections = Projections(recorder, mapper(), page=7)
    for _ in range(2):
        with pytest.raises(ArithmeticError):
            projections.catch_up_all([Broken(), *ALL[1:]])
    end = recorder.max_notification_id() or 0
    assert projections.position(ALL[0]) < end
    assert {projections.position(model) for model in ALL[1:]} == {end}

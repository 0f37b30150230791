"""The use cases of a card business, in one place for the doors that lead to them."""

from __future__ import annotations

from attrs import frozen

from application.approvals import Approvals
from application.breakage import Breakage
from application.card_changes import CardChanges
from application.card_import import CardImports
from application.distribution import Distributors
from application.fees import DailyFees
from application.lot_views import LotViews
from application.lots import Lots


@frozen
class CardBusiness:
    lots: Lots
    changes: CardChanges
    imports: CardImports
    fees: DailyFees
    approvals: Approvals
    distributors: Distributors
    views: LotViews
    breakage: Breakage

"""Lots, requests for approval, and paid daily fees as lists show them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Table

from adapters.persistence.read_model import Page
from adapters.persistence.read_models import lot_tables as tables
from adapters.persistence.read_models.rows import Rows
from adapters.persistence.view_store import ViewStore
from domain.accounts import DailyFeeCharged
from domain.approvals import ApprovalDeclined, ApprovalGiven, ApprovalRequested, ApprovalUsed
from domain.lots import (
    LotChunkStored,
    LotCompleted,
    LotExported,
    LotExportStarted,
    LotOrdered,
)

_OF_LOTS = (LotOrdered, LotChunkStored, LotCompleted, LotExportStarted, LotExported)
_OF_APPROVALS = (ApprovalRequested, ApprovalGiven, ApprovalDeclined, ApprovalUsed)


class Lots:
    name = "lots"
    tables: Sequence[Table] = (tables.lots,)
    facts: Sequence[type] = _OF_LOTS

    def apply(self, views: ViewStore, page: Page) -> None:
        mine = [recorded for _, recorded in page if isinstance(recorded.fact, _OF_LOTS)]
        if not mine:
            return
        lots = Rows(views, tables.lots, ((r.originator_id,) for r in mine))
        for recorded in mine:
            lot_id = recorded.originator_id
            match recorded.fact:
                case LotOrdered() as lot:
                    lots.put(
                        {
                            "lot_id": lot_id,
                            "name": lot.name,
                            "group_id": lot.group_id,
                            "run": lot.numbering.run,
                            "batch": lot.numbering.batch,
                            "first_number": lot.numbering.number(0),
                            "last_number": lot.numbering.number(lot.count - 1),
                            "ordered": lot.count,
                            "made": 0,
                            "kept": 0,
                            "state": "being made",
                            "face_value": lot.face_value.micros,
                            "unit": lot.face_value.unit,
                            "ordered_at": recorded.recorded_at,
                            "by": lot.by,
                        }
                    )
                case LotChunkStored(_, count, _, kept):
                    row = lots.change(lot_id)
                    row["made"] += count - len(kept)
                    row["kept"] += len(kept)
                case LotCompleted():
                    lots.change(lot_id)["state"] = "made"
                case LotExportStarted():
                    lots.change(lot_id)["state"] = "being exported"
                case LotExported():
                    lots.change(lot_id)["state"] = "exported"
        lots.write()


class Approvals:
    name = "approvals"
    tables: Sequence[Table] = (tables.approvals,)
    facts: Sequence[type] = _OF_APPROVALS

    def apply(self, views: ViewStore, page: Page) -> None:
        mine = [recorded for _, recorded in page if isinstance(recorded.fact, _OF_APPROVALS)]
        if not mine:
            return
        approvals = Rows(views, tables.approvals, ((r.originator_id,) for r in mine))
        for recorded in mine:
            approval_id = recorded.originator_id
            match recorded.fact:
                case ApprovalRequested() as asked:
                    approvals.put(
                        {
                            "approval_id": approval_id,
                            "action": asked.action,
                            "subject": asked.subject,
                            "details": asked.details,
                            "by": asked.by,
                            "why": asked.why,
                            "state": "waiting",
                            "decided_by": None,
                            "requested_at": recorded.recorded_at,
                            "expires_at": asked.expires_at,
                        }
                    )
                case ApprovalGiven(by):
                    approvals.change(approval_id).update(state="approved", decided_by=by)
                case ApprovalDeclined(by):
                    approvals.change(approval_id).update(state="declined", decided_by=by)
                case ApprovalUsed():
                    approvals.change(approval_id)["state"] = "used"
        approvals.write()


class FeeDays:
    name = "fee days"
    tables: Sequence[Table] = (tables.fee_days,)
    facts: Sequence[type] = (DailyFeeCharged,)

    def apply(self, views: ViewStore, page: Page) -> None:
        paid = Rows(views, tables.fee_days, ())
        for _, recorded in page:
            if isinstance(recorded.fact, DailyFeeCharged):
                paid.put({"account_id": recorded.originator_id, "through": recorded.fact.day})
        paid.write()

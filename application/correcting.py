"""Corrections, refunds and what-if in one place for the doors that lead to them."""

from __future__ import annotations

from attrs import frozen

from application.corrections import Corrections
from application.refunds import Refunds
from application.what_if import WhatIfs


@frozen
class Correcting:
    corrections: Corrections
    refunds: Refunds
    what_ifs: WhatIfs

"""Who may do what: one table of actions, for the roles of people and the scopes of machine keys."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from uuid import UUID

from attrs import frozen

from domain.machine_keys import Scope
from domain.people import Role


class Action(StrEnum):
    """What can be asked for. Every route of the HTTP door names one of these."""

    SEE_ACCOUNTS = "see accounts"
    SEE_CARDS = "see cards"
    MAKE_CARDS = "make cards"
    CHANGE_CARDS = "change cards"
    TOP_UP = "top up"
    SEE_CALLS = "see calls"
    CORRECT_CHARGES = "correct charges"
    SEE_GROUPS = "see card groups"
    CHANGE_GROUPS = "change card groups"
    SEE_LOTS = "see lots"
    CHANGE_LOTS = "change lots"
    READ_PINS = "read PINs"
    APPROVE = "approve"
    SEE_ACCESS_NUMBERS = "see access numbers"
    CHANGE_ACCESS_NUMBERS = "change access numbers"
    SEE_TARIFFS = "see tariffs"
    CHANGE_TARIFFS = "change tariffs"
    SEE_ROUTES = "see routes"
    CHANGE_ROUTES = "change routes"
    SEE_REPORTS = "see reports"
    SEE_PEOPLE = "see people"
    CHANGE_PEOPLE = "change people"
    SEE_KEYS = "see machine keys"
    CHANGE_KEYS = "change machine keys"
    SEE_AUDIT = "see the audit trail"
    SEE_BOOKS = "see the books"
    ANSWER_PERSONS = "tell persons what is known of them, and erase it"
    OWN_SESSION = "look after the own session"
    REPORT_CALLS = "report calls"
    SEE_OPEN_ATTEMPTS = "see open attempts"


@frozen
class Rule:
    """``changes``: it changes the business; ``dangerous``: a person shows the password again."""

    roles: frozenset[Role]
    scopes: frozenset[Scope] = frozenset()
    changes: bool = False
    dangerous: bool = False


_OFFICE = (Role.OWNER, Role.OPERATOR, Role.SUPPORT, Role.AUDITOR)
_BOSSES = (Role.OWNER, Role.OPERATOR)
_LOOKING = frozenset({Scope.ADMIN, Scope.READ})


def _see(*roles: Role) -> Rule:
    return Rule(frozenset(roles), _LOOKING)


def _change(*roles: Role, dangerous: bool = False) -> Rule:
    return Rule(frozenset(roles), frozenset({Scope.ADMIN}), changes=True, dangerous=dangerous)


RULES: Mapping[Action, Rule] = {
    Action.SEE_ACCOUNTS: _see(*_OFFICE),
    Action.SEE_CARDS: _see(*_OFFICE, Role.DISTRIBUTOR),
    Action.MAKE_CARDS: _change(*_BOSSES),
    Action.CHANGE_CARDS: _change(*_BOSSES, Role.SUPPORT, Role.DISTRIBUTOR),
    Action.TOP_UP: _change(*_BOSSES),
    Action.SEE_CALLS: _see(*_OFFICE),
    Action.CORRECT_CHARGES: _change(*_BOSSES),
    Action.SEE_GROUPS: _see(*_OFFICE),
    Action.CHANGE_GROUPS: _change(*_BOSSES),
    Action.SEE_LOTS: _see(*_OFFICE),
    Action.CHANGE_LOTS: _change(*_BOSSES),
    Action.READ_PINS: _change(*_BOSSES, dangerous=True),
    # A second person approves: who holds a machine's key might be the first one.
    Action.APPROVE: Rule(frozenset(_BOSSES), changes=True, dangerous=True),
    Action.SEE_ACCESS_NUMBERS: _see(*_OFFICE),
    Action.CHANGE_ACCESS_NUMBERS: _change(*_BOSSES),
    Action.SEE_TARIFFS: _see(*_OFFICE),
    Action.CHANGE_TARIFFS: _change(*_BOSSES),
    Action.SEE_ROUTES: _see(*_OFFICE),
    Action.CHANGE_ROUTES: _change(*_BOSSES),
    Action.SEE_REPORTS: _see(*_OFFICE),
    # Who works here and what opens the door is no machine's business, nor is it everybody's.
    Action.SEE_PEOPLE: Rule(frozenset({Role.OWNER, Role.AUDITOR})),
    Action.CHANGE_PEOPLE: Rule(frozenset({Role.OWNER}), changes=True, dangerous=True),
    Action.SEE_KEYS: Rule(frozenset({Role.OWNER, Role.AUDITOR})),
    Action.CHANGE_KEYS: Rule(frozenset({Role.OWNER}), changes=True, dangerous=True),
    Action.SEE_AUDIT: Rule(frozenset({*_BOSSES, Role.AUDITOR}), frozenset({Scope.ADMIN})),
    Action.SEE_BOOKS: _see(*_BOSSES, Role.AUDITOR),
    # Everything about one person at a glance, and no way back: not even to be read in passing.
    Action.ANSWER_PERSONS: Rule(frozenset({Role.OWNER}), changes=True, dangerous=True),
    Action.OWN_SESSION: Rule(frozenset(Role)),
    Action.REPORT_CALLS: Rule(frozenset(), frozenset({Scope.NODE}), changes=True),
    Action.SEE_OPEN_ATTEMPTS: Rule(frozenset(), frozenset({Scope.NODE})),
}


@frozen
class Actor:
    """Somebody who asks: a person with a role, or a machine with the scopes of its key.

    ``identity`` stays the same whatever else about them changes, and no two share one. ``nodes``
    None: speaks for every Asterisk. ``distributor``: sees and switches the cards of this one only.
    """

    name: str
    identity: str
    role: Role | None = None
    scopes: frozenset[Scope] = frozenset()
    person_id: UUID | None = None
    distributor: str | None = None
    nodes: frozenset[str] | None = None

    def may(self, action: Action) -> bool:
        rule = RULES[action]
        return self.role in rule.roles or bool(self.scopes & rule.scopes)

    def speaks_for(self, node: str) -> bool:
        return self.nodes is None or node in self.nodes

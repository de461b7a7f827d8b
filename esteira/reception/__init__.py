"""Receiving what people drop: whose it is, and the letter to them when it cannot be taken.

Owns the decision and the words. The inbox itself is `esteira.lake.inbox`.
"""

from esteira.reception.letter import Refusal, letter, refusal_of
from esteira.reception.routing import route

__all__ = ["Refusal", "letter", "refusal_of", "route"]

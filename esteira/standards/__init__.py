"""Standards that many contracts share, declared once: documents, places and dates of Brazil, as pandera checks.

A contract says `pa.Field(cpf=True)`; `esteira.contract` imports this room, so no other import is needed. It owns what a standard demands of a value and
the words for it, and no I/O: whether a number is registered anywhere is another question than whether it is well formed.
"""

from __future__ import annotations

from esteira.standards.dates import ISO_DATE
from esteira.standards.documents import CNPJ, CPF, NIS
from esteira.standards.places import CEP, IBGE_MUNICIPALITY, IBGE_UF, UF
from esteira.standards.register import register
from esteira.standards.standard import Standard

STANDARDS: dict[str, Standard] = {
    standard.name: standard for standard in (CPF, CNPJ, NIS, CEP, UF, IBGE_UF, IBGE_MUNICIPALITY, ISO_DATE)
}
"""By the name that a contract and a quarantined row's reason say."""

for _standard in STANDARDS.values():
    register(_standard)

__all__ = ["STANDARDS", "Standard"]

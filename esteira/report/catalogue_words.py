"""Words of the catalogue's and the dictionary's pages that a batch's page does not have, in Portuguese and in English."""

from __future__ import annotations

CATALOGUE_WORDS: dict[str, tuple[str, str]] = {
    # The catalogue.
    "catalogue_lead": (
        "O que existe, de quem é, quão atual e quão limpo está.", "What there is, whose it is, how fresh and how clean.",
    ),
    "search": ("Buscar", "Search"),
    "search_hint": ("nome, responsável, coluna ou descrição", "name, owner, column or description"),
    "found": ("encontrados", "found"),
    "none_found": ("Nada corresponde à busca.", "Nothing matches the search."),
    "datasets": ("Conjuntos", "Datasets"),
    "all_rows": ("Linhas ao todo", "Rows in all"),
    "late_datasets": ("Atrasados", "Late"),
    "attention": ("Pedem atenção", "Need attention"),
    "cadence": ("Frequência", "Cadence"),
    "cadence_hourly": ("a cada hora", "hourly"),
    "cadence_daily": ("diária", "daily"),
    "cadence_weekly": ("semanal", "weekly"),
    "cadence_monthly": ("mensal", "monthly"),
    "last_batch": ("Último lote", "Last batch"),
    "open_report": ("Abrir o último relatório", "Open the latest report"),
    "schema": ("Esquema", "Schema"),
    "schema_of": ("Colunas de {dataset}", "Columns of {dataset}"),
    "status_never": ("Nunca carregado", "Never loaded"),
    "status_late": ("Atrasado", "Late"),
    "status_fresh": ("Atual", "Fresh"),
    "status_loaded": ("Carregado", "Loaded"),
    "status_given_up": ("Lote abandonado", "Batch given up"),
    "status_paused": ("Pausado", "Paused"),
    "status_retired": ("Aposentado", "Retired"),
    "status_renamed": ("Renomeado", "Renamed"),
    # The dictionary.
    "dictionary": ("Dicionário de dados", "Data dictionary"),
    "dictionary_lead": (
        "O que os contratos dizem de cada tabela e coluna: nome, tipo, unidade, regras, a quem perguntar.",
        "What the contracts say of each table and column: name, type, unit, rules, whom to ask.",
    ),
    "exports": ("Arquivos depois de cada carga", "Files after each load"),
    "no_datasets": ("Não há contratos nesta pasta.", "There are no contracts in this folder."),
}  # fmt: skip

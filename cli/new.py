"""`esteira new`: a contract and a fixture from sample pages of a portal. It says what it guessed, why, and what it could not know."""

from __future__ import annotations

import shutil
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import click

from cli.environment import require_prefect
from cli.fit import Fit
from cli.fixture_test import try_contract
from cli.output import fail, table
from esteira.catalogue import load_catalogue
from esteira.contract.dataset import NAME
from esteira.errors import ConfigError, EsteiraError
from esteira.http import Answer
from esteira.paginate import Header, PageRequest, Where
from esteira.portal import Portal, PortalConfig
from esteira.portal.envelope import is_json
from esteira.portal.question import Call
from esteira.recognise.confirm import Confirmed, confirm
from esteira.recognise.draft import Draft, Place, guesses, make_draft, unknowns
from esteira.recognise.fixture import scrubbed
from esteira.recognise.paging import candidates, find_total
from esteira.recognise.records import find_records
from esteira.recognise.sample import Sample, decode
from esteira.recognise.text import contract_text
from esteira.redaction import printable, redact_url
from esteira.settings import contracts_folder

MAX_CHARACTERS = 20_000
"""Of one guess: a wide table has many names."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Request:
    """What the person asked for.

    Attributes:
        name: Of the dataset to be.
        portal: Name of a portal block; with `url`, of the block to be.
        path: Below the block's base URL, with its query.
        url: Instead of a block: asked without any auth.
        owner: Who is asked when the dataset fails.
        fixtures: Folder of the fixtures.
    """

    name: str
    portal: str | None
    path: str | None
    url: str | None
    owner: str
    fixtures: Path | None

    @property
    def target(self) -> str:
        """Path and query."""
        if self.url is None:
            return self.path or ""
        parts = urlsplit(self.url)
        return parts._replace(scheme="", netloc="", fragment="").geturl() or "/"

    @property
    def base_url(self) -> str:
        """Scheme and host of `url`."""
        parts = urlsplit(self.url or "")
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def portal_name(self) -> str:
        """Of the block: given, or made of the host."""
        host = urlsplit(self.url or "").hostname or "portal"
        parts = [part for part in host.split(".") if part not in {"www", "api", "com", "br"}]
        return self.portal or ("local-portal" if host in LOOPBACK else "-".join(parts))


@dataclass(frozen=True, slots=True)
class Files:
    """Where the contract and its fixture go."""

    contract: Path
    fixture: Path

    def refuse_to_overwrite(self) -> None:
        """Raise when one of them is there.

        Raises:
            ConfigError: It names what is there.
        """
        for path in (self.contract, self.fixture):
            if path.exists():
                raise ConfigError(
                    f"{path} exists, and `esteira new` overwrites nothing.",
                    hint="Choose another name, or remove it first.",
                )

    def write(self, draft: Draft, pages: list[bytes]) -> None:
        """The contract, and a file for each page."""
        self.fixture.mkdir(parents=True)
        for number, page in enumerate(pages, 1):
            (self.fixture / ("page.json" if number == 1 else f"page-{number}.json")).write_bytes(page)
        self.contract.write_text(contract_text(draft), encoding="utf-8")


def run_new(request: Request, *, is_debug: bool) -> int:
    """Draft and write; returns the exit code."""
    if not NAME.fullmatch(request.name):
        raise ConfigError(f"Dataset name {request.name!r} is not of the form {NAME.pattern}.", hint="Choose another.")
    folder = contracts_folder()
    fixtures = request.fixtures or folder.resolve().parent / "tests" / "fixtures"
    files = Files(folder / f"{request.name}.py", fixtures / request.name)
    files.refuse_to_overwrite()
    draft, samples = drafted(request, _open(request))
    pages = scrubbed([sample.page for sample in samples], draft)
    click.echo("\n".join(_report(draft, samples)))
    fit = _tried(draft, pages)
    files.write(draft, pages)
    click.echo("\n".join(_written(request, files, pages, fit)))
    return fail(fit, is_debug=is_debug) if isinstance(fit, EsteiraError) else 0


def _open(request: Request) -> Portal:
    if request.url is None:
        require_prefect()
        from blocks import open_portal

        return open_portal(request.portal_name)
    is_here = urlsplit(request.url).hostname in LOOPBACK
    return Portal(PortalConfig(name=request.portal_name, base_url=request.base_url, allow_private_hosts=is_here), {})


def drafted(request: Request, portal: Portal) -> tuple[Draft, list[Sample]]:
    """What sample pages of a portal say, and the pages."""
    path, _, query = request.target.partition("?")
    params = {name: _number(value) for name, value in parse_qsl(query, keep_blank_values=True)}

    def ask(wanted: PageRequest) -> Sample:
        answer = _whole(portal, Call(wanted.target, wanted.params, wanted.is_link))
        return Sample(decode(answer.body), answer.headers, answer.url, path, params)

    first = ask(PageRequest(path, params))
    records = find_records(first.page)
    total = find_total(first, records)
    found = candidates(first, records)
    confirmed = confirm(first, records, found, total=total[1] if total else None, ask=ask)
    rows = [*records.rows, *((confirmed.second and records.of(confirmed.second.page)) or [])]
    total = total if total and _is_steady(total, confirmed, records.path) else None
    place = Place(request.name, request.portal_name, path, params, request.owner)
    return make_draft(place, records, rows, confirmed.paging, total), [
        first,
        *([confirmed.second] if confirmed.second else []),
    ]


def _whole(portal: Portal, call: Call) -> Answer:
    """An answer; one that breaks off after a 200 is asked for again, as in a run."""
    for _ in range(portal.config.max_payload_attempts - 1):
        answer = portal.ask(call, what="The sample")
        if is_json(answer.body):
            return answer
    return portal.ask(call, what="The sample")


def _is_steady(total: tuple[Where, int], confirmed: Confirmed, path: str) -> bool:
    """A total that differs on the second page is a count of the page."""
    from esteira.recognise.sample import leaves

    if confirmed.second is None:
        return True
    if isinstance(total[0], Header):
        return confirmed.second.headers.get(total[0].name.lower()) == str(total[1])
    values = [value for place, _, value in leaves(confirmed.second.page, path) if place == total[0]]
    return values in ([total[1]], [str(total[1])])


def _tried(draft: Draft, pages: list[bytes]) -> Fit | EsteiraError:
    """Does the draft read its own fixture? Before anything is written."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder).resolve()
        (path / f"{draft.place.name}.py").write_text(contract_text(draft), encoding="utf-8")
        try:
            return try_contract(load_catalogue(path)[draft.place.name], pages)
        except EsteiraError as exc:
            return exc.located(dataset=draft.place.name)


def _report(draft: Draft, samples: list[Sample]) -> Iterator[str]:
    width = shutil.get_terminal_size().columns
    yield f"Asked: GET {redact_url(samples[0].url)}  ({draft.sampled:,} records on {len(samples)} page(s))"
    yield ""
    yield "Guessed, and why:"
    for what, guess, why in guesses(draft):
        yield from textwrap.wrap(
            printable(f"{what}: {guess} — {why}", limit=MAX_CHARACTERS),
            width - 2,
            initial_indent="  ",
            subsequent_indent="      ",
        )
    yield ""
    yield "Not known:"
    for sentence in unknowns(draft):
        yield from textwrap.wrap(
            printable(sentence, limit=MAX_CHARACTERS), width - 2, initial_indent="  - ", subsequent_indent="    "
        )
    yield ""


def _written(request: Request, files: Files, pages: list[bytes], fit: Fit | EsteiraError) -> Iterator[str]:
    yield f"Wrote {files.contract}"
    yield f"Wrote {len(pages)} page(s) in {files.fixture}; texts are replaced by others of the same shape. Look at them before you commit them."
    if isinstance(fit, Fit):
        yield table(("dataset", "pages", "records", "curated", "quarantined"), [(fit.dataset, fit.pages, fit.records, fit.curated, fit.quarantined)])  # fmt: skip
    if request.url is not None:
        yield from how_to_make_the_block(request)
    yield f"Next: read the contract, `esteira preview {request.name}`, then `esteira ingest {request.name}`."


def how_to_make_the_block(request: Request) -> Iterator[str]:
    """The portal block that the contract names, for a portal that was asked by its URL."""
    private = ", allow_private_hosts=True" if urlsplit(request.url or "").hostname in LOOPBACK else ""
    yield f"The contract names portal block {request.portal_name!r}. Make it in the Prefect UI (type: Esteira portal), or once by:"
    yield (
        f"  python -c \"from blocks import PortalBlock; PortalBlock(base_url='{request.base_url}'{private})"
        f".save('{request.portal_name}')\""
    )
    yield "With a token: store it in Secrets Manager as {\"token\": …}, and add secret_name='…', auth=[{'type': 'bearer'}] (or another scheme)."


def _number(text: str) -> str | int:
    """A parameter as contracts write it."""
    return int(text) if text.isascii() and text.isdigit() and str(int(text)) == text else text

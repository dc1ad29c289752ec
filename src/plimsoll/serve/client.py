"""The interface from Python: one method for each operation, answers as the wire's models and documents."""

from __future__ import annotations

import json
import ssl
import weakref
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import quote, urlsplit

import httpx

from plimsoll.certify import Extract
from plimsoll.documents import Document, Part, PlimsollError, Problem
from plimsoll.live.events import Event, to_json
from plimsoll.margin import Account, Requirement, Rules
from plimsoll.market import Market
from plimsoll.serve import wire, wire_proofs

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

P = TypeVar("P", bound=Part)


class ServiceError(PlimsollError):
    """The service refused: `status`, what it said, and the `problems` with their fields."""

    def __init__(self, status: int, detail: str, problems: Sequence[Problem] = ()) -> None:
        self.status, self.detail, self.problems = status, detail, tuple(problems)
        super().__init__("\n  ".join([f"{status}: {detail}", *(str(p) for p in problems)]))


class Client:
    """Speaks to a service at `url` with a token. `verify` is httpx's: a context, or False for none.

    Every method raises `ServiceError` for a refusal and httpx's errors where there is no answer. Calls that change
    something take a `key`: the same call with the same key is done once.
    """

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        timeout: float = 60.0,
        verify: ssl.SSLContext | bool = True,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url, self._token, self._verify = url.rstrip("/"), token, verify
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(
            base_url=self.url, headers=headers, timeout=timeout, verify=verify, transport=transport, trust_env=False
        )
        self._streams: set[ClientConnection] = set()
        # a stream that is still open when Python ends would wait for a thread that no longer runs
        weakref.finalize(self, _end, self._streams)

    def close(self) -> None:
        """Let the connections go, those of streams too: whoever reads one gets websockets' `ConnectionClosed`."""
        _end(self._streams)
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def health(self) -> wire.Health:
        """Whether the service answers."""
        return self._ask(wire.Health, "GET", "/v1/health")

    def metrics(self) -> str:
        """The tenant's numbers in Prometheus' text format."""
        return self._send("GET", "/v1/metrics").text

    def whoami(self) -> wire.Whoami:
        """The token that asks."""
        return self._ask(wire.Whoami, "GET", "/v1/token")

    def fleet(self) -> wire.FleetFrame:
        """Accounts by status, and the worst."""
        return self._ask(wire.FleetFrame, "GET", "/v1/fleet")

    def list_accounts(
        self, *, limit: int | None = None, cursor: str | None = None, status: wire.Status | None = None
    ) -> wire.AccountPage:
        """A page of accounts with their margins."""
        return self._ask(wire.AccountPage, "GET", "/v1/accounts", limit=limit, cursor=cursor, status=status)

    def get_account(self, account: str) -> Account:
        """The account document."""
        return self._ask(Account, "GET", f"/v1/accounts/{_part(account)}")

    def get_standing(self, account: str) -> wire.Standing:
        """Margins, equity, health and status."""
        return self._ask(wire.Standing, "GET", f"/v1/accounts/{_part(account)}/standing")

    def list_positions(self, account: str, *, limit: int | None = None, cursor: str | None = None) -> wire.PositionPage:
        """A page of positions, and the balances."""
        path = f"/v1/accounts/{_part(account)}/positions"
        return self._ask(wire.PositionPage, "GET", path, limit=limit, cursor=cursor)

    def get_market(self) -> Market:
        """The market document as the engine sees it."""
        return self._ask(Market, "GET", "/v1/market")

    def list_instruments(self, *, limit: int | None = None, cursor: str | None = None) -> wire.InstrumentPage:
        """A page of the contracts that the market lists."""
        return self._ask(wire.InstrumentPage, "GET", "/v1/instruments", limit=limit, cursor=cursor)

    def get_requirement(self, account: str, *, rules: str | None = None) -> Requirement:
        """The requirement document, under the tenant's rules or others."""
        return self._ask(Requirement, "GET", f"/v1/accounts/{_part(account)}/requirement", rules=rules)

    def compute_requirement(
        self, account: Account, market: Market, rules: str, *, on_failure: Literal["refuse", "conservative"] = "refuse"
    ) -> Requirement:
        """The requirement of documents."""
        given = {"account": account.to_dict(), "market": market.to_dict(), "rules": rules, "on_failure": on_failure}
        return self._ask(Requirement, "POST", "/v1/requirement", given)

    def compare_account(self, account: str, *, rules: Sequence[str] = ()) -> wire.Analysis:
        """The account under several rule sets."""
        named = ",".join(rules) or None
        return self._ask(wire.Analysis, "GET", f"/v1/accounts/{_part(account)}/compare", rules=named)

    def get_surface(
        self,
        account: str,
        *,
        moves: Sequence[float] | None = None,
        vols: Sequence[float] | None = None,
        days: Sequence[float] | None = None,
    ) -> wire.Analysis:
        """Profit and loss over price, volatility and days."""
        path = f"/v1/accounts/{_part(account)}/surface"
        given = (_numbers(values) for values in (moves, vols, days))
        return self._ask(
            wire.Analysis, "GET", path, **dict[str, Any](zip(("moves", "vols", "days"), given, strict=True))
        )

    def get_liquidation(
        self, account: str, *, underlying: str | None = None, low: float | None = None, high: float | None = None
    ) -> wire.Analysis:
        """Every liquidation line."""
        path = f"/v1/accounts/{_part(account)}/liquidation"
        return self._ask(wire.Analysis, "GET", path, underlying=underlying, low=low, high=high)

    def get_liquidation_probability(
        self, account: str, *, days: float | None = None, paths: int | None = None, seed: int | None = None
    ) -> wire.Analysis:
        """How likely the line is reached."""
        path = f"/v1/accounts/{_part(account)}/liquidation/probability"
        return self._ask(wire.Analysis, "GET", path, days=days, paths=paths, seed=seed)

    def get_calendar(self, account: str, *, days: float | None = None) -> wire.Analysis:
        """Margin and health hour by hour."""
        return self._ask(wire.Analysis, "GET", f"/v1/accounts/{_part(account)}/calendar", days=days)

    def get_call(self, account: str) -> wire.Analysis:
        """Where the account stands in a margin call."""
        return self._ask(wire.Analysis, "GET", f"/v1/accounts/{_part(account)}/call")

    def what_if(self, order: wire.OrderIn) -> wire.WhatIf:
        """May this order be sent?"""
        return self._ask(wire.WhatIf, "POST", "/v1/what-if", order)

    def what_if_batch(self, candidates: wire.CandidatesIn) -> wire.CandidatesOut:
        """Up to 100,000 orders of one leg."""
        return self._ask(wire.CandidatesOut, "POST", "/v1/what-if/batch", candidates)

    def send_events(self, events: Sequence[Event] | wire.EventsIn, *, key: str | None = None) -> wire.EventsOut:
        """Events in their order; an answer means that they are durable."""
        given = events if isinstance(events, wire.EventsIn) else {"events": [to_json(e) for e in events]}
        return self._ask(wire.EventsOut, "POST", "/v1/events", given, key=key)

    def start_job(
        self,
        job: wire.HedgeIn | wire.PlaceIn | wire.CapitalIn | wire.StressIn | wire_proofs.ProofJob,
        *,
        key: str | None = None,
    ) -> wire.JobOut:
        """Start an optimisation, a stress test, or a proof or its verification (unaudited)."""
        return self._ask(wire.JobOut, "POST", "/v1/jobs", wire.JobIn(job=job), key=key)

    def list_jobs(self, *, limit: int | None = None, cursor: str | None = None) -> wire.JobPage:
        """A page of jobs, newest first."""
        return self._ask(wire.JobPage, "GET", "/v1/jobs", limit=limit, cursor=cursor)

    def get_job(self, job: str) -> wire.JobOut:
        """A job, its progress and its result."""
        return self._ask(wire.JobOut, "GET", f"/v1/jobs/{_part(job)}")

    def cancel_job(self, job: str) -> wire.JobOut:
        """End a job; its process has then ended."""
        return self._ask(wire.JobOut, "DELETE", f"/v1/jobs/{_part(job)}")

    def list_rules(self, *, limit: int | None = None, cursor: str | None = None) -> wire.RulePage:
        """A page of rule packs."""
        return self._ask(wire.RulePage, "GET", "/v1/rules", limit=limit, cursor=cursor)

    def get_rules(self, rules: str) -> Rules:
        """A rule pack."""
        return self._ask(Rules, "GET", f"/v1/rules/{_part(rules)}")

    def record_margin(self, account: str, *, key: str | None = None) -> wire.Recorded:
        """Compute, certify and record a margin."""
        return self._ask(wire.Recorded, "POST", f"/v1/accounts/{_part(account)}/record", key=key)

    def list_records(
        self, *, limit: int | None = None, cursor: str | None = None, kind: str | None = None
    ) -> wire.RecordPage:
        """A page of records."""
        return self._ask(wire.RecordPage, "GET", "/v1/audit/records", limit=limit, cursor=cursor, kind=kind)

    def get_record(self, seq: int) -> wire.RecordRow:
        """One record."""
        return self._ask(wire.RecordRow, "GET", f"/v1/audit/records/{seq:d}")

    def get_extract(self, seq: int) -> Extract:
        """One margin record with all that computes it again."""
        return self._ask(Extract, "GET", f"/v1/audit/records/{seq:d}/extract")

    def verify_records(self, *, anew: bool = True, head: str | None = None) -> wire.Verification:
        """Read the whole ledger once more."""
        return self._ask(wire.Verification, "POST", "/v1/audit/verify", wire.VerifyIn(anew=anew, head=head))

    def list_tokens(self, *, limit: int | None = None, cursor: str | None = None) -> wire.TokenPage:
        """The tokens of the tenant."""
        return self._ask(wire.TokenPage, "GET", "/v1/tokens", limit=limit, cursor=cursor)

    def create_token(self, token: wire.TokenIn) -> wire.TokenOut:
        """A new token."""
        return self._ask(wire.TokenOut, "POST", "/v1/tokens", token)

    def revoke_token(self, token: str) -> wire.TokenRow:
        """Make a token worthless."""
        return self._ask(wire.TokenRow, "DELETE", f"/v1/tokens/{_part(token)}")

    def stream(
        self, *channels: str, after: int | None = None, timeout: float | None = None
    ) -> Iterator[dict[str, Any]]:
        """Frames of `fleet`, `alerts` and `account NAME`, until the service or the caller ends it.

        `after`: alerts since that number first. Raises `TimeoutError` where no frame comes within `timeout` seconds.
        """
        from websockets.sync.client import connect

        parts = urlsplit(self.url)
        secure = parts.scheme == "https"
        context = self._verify if isinstance(self._verify, ssl.SSLContext) else None
        address = f"{'wss' if secure else 'ws'}://{parts.netloc}{parts.path}/v1/stream"
        headers = {"Authorization": f"Bearer {self._token}"}
        with connect(address, additional_headers=headers, ssl=context if secure else None, proxy=None) as socket:
            self._streams.add(socket)
            try:
                for name in channels:
                    kind, _, account = name.partition(" ")
                    ask = wire_ask(kind, account or None, after if kind == "alerts" else None)
                    socket.send(json.dumps(ask))
                while True:
                    yield json.loads(socket.recv(timeout))
            finally:
                self._streams.discard(socket)

    def _ask(
        self,
        model: type[P],
        method: str,
        path: str,
        body: Part | Mapping[str, Any] | None = None,
        key: str | None = None,
        **query: Any,
    ) -> P:
        response = self._send(method, path, body, key, **query)
        content = response.json()
        return model.from_dict(content) if issubclass(model, Document) else model.model_validate(content)

    def _send(
        self,
        method: str,
        path: str,
        body: Part | Mapping[str, Any] | None = None,
        key: str | None = None,
        **query: Any,
    ) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = body.model_dump_json() if isinstance(body, Part) else json.dumps(body, allow_nan=False)
        params = {name: value for name, value in query.items() if value is not None}
        response = self._http.request(method, path, content=data, headers=headers, params=params)
        if response.is_success:
            return response
        raise _refusal(response)


def wire_ask(channel: str, account: str | None = None, after: int | None = None) -> dict[str, Any]:
    """The frame that subscribes to a channel of the stream."""
    found: dict[str, Any] = {"do": "subscribe", "channel": channel, "account": account, "after": after}
    return {name: value for name, value in found.items() if value is not None}


def _refusal(response: httpx.Response) -> ServiceError:
    try:
        found = wire.ProblemDetails.model_validate(response.json())
    except ValueError:
        return ServiceError(response.status_code, f"an answer that is no problem document: {response.text[:200]}")
    return ServiceError(found.status, found.detail, [Problem(p.path, p.got, p.allowed) for p in found.problems])


def _part(name: str) -> str:
    return quote(name, safe="")


def _numbers(values: Sequence[float] | None) -> str | None:
    return None if values is None else ",".join(repr(float(v)) for v in values)


def _end(streams: set[ClientConnection]) -> None:
    for socket in list(streams):
        socket.close()


__all__ = ["Client", "ServiceError"]

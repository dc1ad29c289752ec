"""The WebSocket: the fleet, accounts and alerts, as numbered frames."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, WebSocket
from pydantic import Field, StringConstraints, ValidationError
from starlette.websockets import WebSocketDisconnect, WebSocketState

from plimsoll.documents import DocumentError, Part, PlimsollError, parse_json, problems_of
from plimsoll.serve.auth import take, token_of
from plimsoll.serve.body import depth_of
from plimsoll.serve.hub import Client
from plimsoll.serve.problems import Refused, content_of, refusal_of
from plimsoll.serve.state import Service, Tenant
from plimsoll.serve.tokens import Token

router = APIRouter()

PATIENCE = 5.0
"""Seconds for the first frame of a client that sent no token in its headers; and between two looks at the token."""

POLICY, TOO_BIG, TRY_AGAIN = 1008, 1009, 1013
SAY = 50
"""Refused frames after which a client is sent away."""


class Hello(Part):
    """The first frame of a client that cannot set headers."""

    token: Annotated[str, StringConstraints(max_length=200)]


class Ask(Part):
    """Subscribe to a channel, or leave it; `account` for that of an account, `after` for alerts since a number."""

    do: Literal["subscribe", "unsubscribe"]
    channel: Literal["fleet", "account", "alerts"]
    account: Annotated[str, StringConstraints(max_length=120)] | None = None
    after: Annotated[int, Field(strict=True, ge=0, le=2**62)] | None = None


@router.websocket("/v1/stream")
async def stream(socket: WebSocket) -> None:
    """Frames of the channels that a client asks for; a client that does not read them is sent away."""
    service: Service = socket.app.state.service
    if not _same_origin(socket):
        await socket.close(POLICY, "another origin")
        return
    try:
        token, text = await _opened(service, socket)
    except Refused as refused:
        await _close(socket, POLICY, refused.detail)
        return
    except (WebSocketDisconnect, KeyError):
        return
    tenant = service.tenants[token.tenant]
    if len(tenant.hub.clients) >= service.limits.streams:
        await _close(socket, TRY_AGAIN, "too many clients of the stream")
        return
    client = Client(service.limits.backlog)
    tenant.hub.join(client)
    try:
        code, reason = await _served(service, socket, tenant, token, text, client)
    finally:
        tenant.hub.leave(client)
    await _close(socket, code, reason)


def _same_origin(socket: WebSocket) -> bool:
    origin = socket.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == socket.headers.get("host")


async def _opened(service: Service, socket: WebSocket) -> tuple[Token, str]:
    """The token, from the header or the first frame. Raises `Refused`."""
    header = socket.headers.get("authorization")
    if header is not None:
        token = token_of(service, socket)
        take(service, token)
        await socket.accept()
        return token, header.partition(" ")[2].strip()
    await socket.accept()
    try:
        raw = await asyncio.wait_for(socket.receive_text(), PATIENCE)
    except TimeoutError:
        raise Refused(401, "no token was sent") from None
    text = _read(raw, service, Hello).token
    token = token_of(service, socket, text)
    take(service, token)
    return token, text


def _read(raw: str, service: Service, model: Any) -> Any:
    data = raw.encode("utf-8", "replace")
    if len(data) > service.limits.frame:
        raise Refused(413, f"a frame of more than {service.limits.frame} bytes")
    if depth_of(data, 4) > 4:
        raise Refused(400, "a frame nested too deeply")
    try:
        content = parse_json(data)
        return model.model_validate(content)
    except ValidationError as error:
        raise Refused(422, "something in the frame is not allowed", problems_of(error, content, model)) from None
    except DocumentError as error:
        raise Refused(400, "a frame that is not JSON", error.problems) from None


async def _served(
    service: Service, socket: WebSocket, tenant: Tenant, token: Token, text: str, client: Client
) -> tuple[int, str]:
    """Serve until one side ends it: the code and the reason."""
    tasks = {
        asyncio.create_task(_send(socket, client)),
        asyncio.create_task(_listen(service, socket, tenant, token, client)),
        asyncio.create_task(_still_holds(service, text)),
        asyncio.create_task(_slow(tenant, client)),
    }
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        if task.exception() is None:
            return task.result()
    return 1001, "gone"


async def _send(socket: WebSocket, client: Client) -> tuple[int, str]:
    while True:
        await socket.send_text(await client.queue.get())


async def _slow(tenant: Tenant, client: Client) -> tuple[int, str]:
    await client.slow.wait()
    tenant.measures.dropped.inc()
    return TRY_AGAIN, f"too slow: {client.queue.maxsize} frames wait"


async def _still_holds(service: Service, text: str) -> tuple[int, str]:
    while service.tokens.verify(text) is not None:
        await asyncio.sleep(PATIENCE)
    return POLICY, "the token no longer holds"


async def _listen(service: Service, socket: WebSocket, tenant: Tenant, token: Token, client: Client) -> tuple[int, str]:
    refused = 0
    while refused < SAY:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return 1000, "gone"
        try:
            raw = message.get("text")
            if raw is None:
                raise Refused(415, "a frame of bytes; text is needed")
            take(service, token)
            await _asked(tenant, client, _read(raw, service, Ask))
        except (Refused, PlimsollError) as error:
            refused += 1
            found = refusal_of(error)
            problem = content_of(found.status, found.detail, found.problems)
            client.put(json.dumps({"channel": "problem", **problem}))
    return POLICY, f"{SAY} frames that were refused"


async def _asked(tenant: Tenant, client: Client, ask: Ask) -> None:
    if (ask.channel == "account") != (ask.account is not None):
        raise Refused(422, "an account belongs to the channel 'account', and to no other")
    channel = ask.channel
    name: str = channel
    if ask.account is not None:
        tenant.of(ask.account)
        name = f"account {ask.account}"
    if ask.do == "unsubscribe":
        client.channels.discard(name)
        return
    if len(client.channels) >= 100:
        raise Refused(422, "at most 100 channels of one client")
    await tenant.hub.first(client, name, ask.after)


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    """Close, without waiting for a reader who does not read."""
    if socket.application_state is WebSocketState.DISCONNECTED or socket.client_state is WebSocketState.DISCONNECTED:
        return
    with contextlib.suppress(RuntimeError, TimeoutError, WebSocketDisconnect):
        await asyncio.wait_for(socket.close(code, reason[:120]), 2.0)

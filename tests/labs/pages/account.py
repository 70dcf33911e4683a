"""An operator signs in with an account of a Supabase project, and takes over a conversation."""

from __future__ import annotations

import asyncio
import json
import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
from playwright.async_api import Page

from tests.labs.kit.http1 import Connection
from tests.labs.kit.service import Service
from tests.local_supabase.people import PASSWORD, sign_out, sign_up
from tests.local_supabase.process import stack_process
from tests.local_supabase.stack.api import Stack

from .accessibility import judged
from .lab import Found, Lab

AGENT, STRANGER = "olga@example.com", "mallory@example.com"
ROOM = "order-1042"
KEPT = """async () => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie,
  (await indexedDB.databases()).map(({ name }) => name)])"""
"""All that a script of the page could find again later."""


async def account(lab: Lab) -> Found:
    """On a local Supabase of its own: who is refused, what the page keeps, and that the operator may work."""
    found = Found()
    async with _running(lab) as (service, api, supabase):
        context = await lab.browser.new_context(locale="en-GB")
        try:
            page = await context.new_page()
            await page.goto(f"http://{service.host}:{service.port}/inbox?lang=en&c={ROOM}")
            dialog = page.get_by_role("dialog")
            await dialog.wait_for()
            found.violations += await judged(page)
            await page.get_by_label("Your name").fill("Olga")
            for email, password, refusal in (
                (AGENT, "not-the-password", "The e-mail address or the password is wrong."),
                (STRANGER, PASSWORD, "This account is not an operator's."),
            ):
                await _submit(page, email, password)
                await dialog.get_by_text(refusal).wait_for()
            await _with_a_key(page, lab, found)
            await _submit(page, AGENT, PASSWORD)
            await page.get_by_role("dialog").wait_for(state="hidden")
            await page.get_by_role("button", name="Take over").click()
            await page.get_by_role("button", name="Give back").wait_for()
            conversation = (await api.ask("GET", f"/v1/conversations/{ROOM}")).json()
            subject = _execute(supabase, "select id::text from auth.users where email = %s", AGENT)
            if conversation["assignee"] != f"agent:desk:{subject}":
                found.violations.append(f"the conversation is {conversation['assignee']}'s")
            kept = await page.evaluate(KEPT)
            if any(secret in kept for secret in ("eyJ", "refresh", PASSWORD)):
                found.violations.append(f"the page keeps something secret: {kept}")
            await _is_signed_out(supabase, found)
            await page.reload()
            await page.get_by_role("button", name="Give back").wait_for()
            await page.get_by_text(
                "Olga Petrova"
            ).first.wait_for()  # the name that the project's server gave the account
        finally:
            await context.close()
    return found


async def _submit(page: Page, email: str, password: str) -> None:
    await page.get_by_label("E-mail address").fill(email)
    field = page.get_by_label("Password")
    await field.fill(password)
    await field.press("Enter")


async def _with_a_key(page: Page, lab: Lab, found: Found) -> None:
    """The other way can be chosen, and this one again."""
    await page.get_by_role("button", name="Sign in with a key instead").click()
    await page.get_by_label("Key", exact=True).fill("not-a-key-of-this-service-0000001")
    found.violations += await judged(page)
    await page.get_by_label("Key", exact=True).press("Enter")
    await page.get_by_text("This key is not valid.").wait_for()
    await page.get_by_role("button", name="Sign in with an account instead").click()


async def _is_signed_out(supabase: Stack, found: Found) -> None:
    """The project has no session of the account any more, so no refresh token of it works."""
    for _ in range(100):
        if not _execute(supabase, "select count(*) from auth.sessions"):
            return
        await asyncio.sleep(0.1)
    found.violations.append("the account's session in the project has not ended")


@asynccontextmanager
async def _running(lab: Lab) -> AsyncIterator[tuple[Service, Connection, Stack]]:
    """A service with a key of operators, one conversation, and two users of whom one is an operator."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pages-account-")))
        supabase = await asyncio.to_thread(stack.enter_context, stack_process(folder, fast=True))
        for email in (AGENT, STRANGER):
            await sign_out(supabase, await sign_up(supabase, email, chat_role="agent"))  # what it says of itself
        of_the_server = json.dumps({"chat_role": "agent", "name": "Olga Petrova"})
        _execute(
            supabase,
            "update auth.users set raw_app_meta_data = %s where email = %s returning 1",
            of_the_server,
            AGENT,
        )
        program, desk = secrets.token_hex(16), secrets.token_hex(16)
        rights = ["inbox", "send_as", "read", "send", "moderate", "manage"]
        keys = [{"name": "n8n", "key": program}, {"name": "desk", "key": desk, "rights": rights}]
        service = Service(
            lab.server,
            folder,
            CORE__KEYS=json.dumps(keys),
            SUPABASE__URL=supabase.url,
            SUPABASE__OPERATOR_KEY="desk",
            WEBCHAT__SUPABASE_URL=supabase.url,
            WEBCHAT__SUPABASE_PUBLISHABLE_KEY=supabase.publishable_key,
        )
        await service.start()
        stack.push_async_callback(service.stop)
        api = Connection(service.host, service.port, key=program)
        stack.callback(api.close)
        message = {"content": "Where is it?", "sender": {"role": "user"}}
        await api.ask("POST", f"/v1/conversations/{ROOM}/messages", message)
        yield service, api, supabase


def _execute(supabase: Stack, statement: str, *values: Any) -> Any:
    with psycopg.connect(supabase.admin_db_url, autocommit=True) as connection:
        row = connection.execute(statement, values or None).fetchone()
    return None if row is None else row[0]


__all__ = ["account"]

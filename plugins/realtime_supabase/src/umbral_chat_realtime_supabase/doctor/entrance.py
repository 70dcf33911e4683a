"""The first lines: is the project there, and are the keys what they should be."""

from __future__ import annotations

import time
from statistics import median

import httpx
import msgspec
from umbral_chat.model.depth import decode_bounded
from umbral_chat.providers.edges import CheckResult

from umbral_chat_realtime_supabase import answers
from umbral_chat_realtime_supabase.calls import CallFailed
from umbral_chat_realtime_supabase.doctor.findings import CALL_MEND, failed, skipped, well
from umbral_chat_realtime_supabase.doctor.keys import legacy
from umbral_chat_realtime_supabase.doctor.project import Project
from umbral_chat_realtime_supabase.failures import failure
from umbral_chat_realtime_supabase.users.verify import PUBLIC

_URL_MEND = (
    "Compare supabase.url with the dashboard (Project Settings → Data API). Is the project awake, and does this "
    "machine's network let HTTPS out?"
)
_KEY_MEND = "Set supabase.key to the project's secret key (dashboard → Project Settings → API Keys: sb_secret_…)."
_PUBLISHABLE_MEND = (
    "Set supabase.publishable_key to the project's publishable key (dashboard → Project Settings → API Keys: "
    "sb_publishable_…)."
)


async def reached(project: Project) -> CheckResult:
    """Whether anything of Supabase answers, and how fast."""
    given = project.settings.key.reveal() if project.settings.key else project.settings.publishable_key or ""
    spent, answer = [], httpx.Response(0)
    async with project.http() as http:
        for _ in range(4):
            begun = time.perf_counter()
            try:
                answer = await http.get("/auth/v1/health", headers={"apikey": given})
            except httpx.HTTPError as error:
                return failed(failure(error, project.base).detail, _URL_MEND)
            spent.append((time.perf_counter() - begun) * 1000)
    if answer.status_code == 540:
        return failed("the project is paused", "Restore it in the dashboard. Free projects pause after a week unused.")
    if answer.status_code >= 500:
        return failed(f"Supabase answers with an error of its own ({answer.status_code})", "See status.supabase.com.")
    # Without a key that it takes, the gateway says so in JSON.
    if answer.status_code not in {200, 401, 403} or not isinstance(_json(answer), dict):
        return failed(f"{project.base} answers ({answer.status_code}), and not as a Supabase project does", _URL_MEND)
    # The first one made the connection, too.
    return well(f"{project.base} answers in {median(spent[1:]):.0f} ms, and with a new connection in {spent[0]:.0f} ms")


async def secret_key(project: Project) -> CheckResult:
    """Whether the service's key is taken, is a secret one, and stays so."""
    old = legacy(project.key.reveal())
    if old is not None:
        if old.role != "service_role":
            return failed(f"this is a legacy key of the role {old.role!r}, and no secret one", _KEY_MEND)
        if why := old.expiry(project.clock.now()):
            return failed(f"this legacy key {why}", _KEY_MEND)
    async with project.calling() as calls:
        try:
            await calls.call(answers.State, "state")
        except CallFailed as error:
            # That the function is missing is said to those who were let in.
            if error.failure.reason != "schema":
                return failed(error.detail, _KEY_MEND if error.failure.reason in {"key", "rights"} else CALL_MEND)
    if old is None:
        return well("a secret key, and the project takes it")
    until = "without an end" if old.until is None else f"until {old.until:%Y-%m-%d}"
    return well(f"a legacy service_role key, {until}, and the project takes it")


async def publishable_key(project: Project) -> CheckResult:
    """Whether browsers' key, if it is known here, is taken and is not a secret one."""
    key = project.settings.publishable_key
    if key is None:
        return skipped("supabase.publishable_key is not set, so nothing is tried as anybody but the service")
    old = legacy(key)
    if (project.settings.key is not None and key == project.settings.key.reveal()) or (old and old.role != "anon"):
        return failed("this is a secret key: browsers would be given every right", _PUBLISHABLE_MEND)
    if old is not None and (why := old.expiry(project.clock.now())):
        return failed(f"this legacy key {why}", _PUBLISHABLE_MEND)
    async with project.http() as http:
        try:
            answer = await http.get("/auth/v1/settings", headers={"apikey": key})
        except httpx.HTTPError as error:
            return failed(failure(error, project.base).detail, CALL_MEND)
    if answer.status_code in {401, 403}:
        return failed("the project does not take it", _PUBLISHABLE_MEND)
    if answer.status_code != 200:
        return failed(f"the project answers with {answer.status_code}", CALL_MEND)
    return well("the project takes it")


class _Jwks(msgspec.Struct):
    keys: list[dict[str, object]]


async def public_keys(project: Project) -> CheckResult:
    """Whether users' tokens can be checked: by the project's public keys, or with its legacy secret."""
    if not project.settings.users:
        return skipped("supabase.users is off: nobody's token is looked at")
    mend = "Open the project's URL + /auth/v1/.well-known/jwks.json: it must answer JSON with `keys`."
    async with project.http() as http:
        try:
            answer = await http.get("/auth/v1/.well-known/jwks.json")
        except httpx.HTTPError as error:
            return failed(f"the public keys cannot be read. {failure(error, project.base).detail}", mend)
    if answer.status_code != 200:
        return failed(f"the public keys cannot be read ({answer.status_code})", mend)
    try:
        found = decode_bounded(msgspec.json.Decoder(_Jwks), answer.content).keys
    except msgspec.MsgspecError:
        return failed("the public keys cannot be read: the answer is no JWKS", mend)
    usable = [key for key in found if key.get("alg") in PUBLIC and isinstance(key.get("kid"), str)]
    if usable:
        return well(f"{len(usable)} public key{'s' if len(usable) > 1 else ''} ({', '.join(_algorithms(usable))})")
    if project.settings.jwt_secret is not None:
        return well("no public key; users' tokens are checked with supabase.jwt_secret")
    return failed(
        "the project has no public key that can be used, and supabase.jwt_secret is not set: nobody is recognized",
        "Dashboard → Project Settings → JWT Keys: migrate to signing keys. Or set supabase.jwt_secret.",
    )


def _algorithms(keys: list[dict[str, object]]) -> list[str]:
    return sorted({str(key["alg"]) for key in keys})


def _json(answer: httpx.Response) -> object:
    try:
        return answer.json()
    except (ValueError, RecursionError):
        return None


__all__ = ["public_keys", "publishable_key", "reached", "secret_key"]

"""Whether the project can be reached and accepts the configured keys, and whether users' tokens can be verified."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from statistics import median

import httpx
import jwt
import msgspec
from umbral_chat.model.depth import decode_bounded
from umbral_chat.providers.edges import CheckResult

from umbral_chat_realtime_supabase import rpc_results
from umbral_chat_realtime_supabase.calls import CallFailed
from umbral_chat_realtime_supabase.doctor.check_graph import CALL_MEND, failed, passed, skipped
from umbral_chat_realtime_supabase.doctor.project import Project
from umbral_chat_realtime_supabase.failures import failure
from umbral_chat_realtime_supabase.users.verify import PUBLIC_ALGORITHMS

_URL_MEND = (
    "Compare supabase.url with the dashboard (Project Settings → Data API). Is the project awake, and does this "
    "machine's network let HTTPS out?"
)
_KEY_MEND = "Set supabase.key to the project's secret key (dashboard → Project Settings → API Keys: sb_secret_…)."
_PUBLISHABLE_MEND = (
    "Set supabase.publishable_key to the project's publishable key (dashboard → Project Settings → API Keys: "
    "sb_publishable_…)."
)

EXPIRES_SOON = timedelta(days=30)
"""A key that expires within this time fails its check, early enough to be replaced."""


class LegacyKey(msgspec.Struct, frozen=True):
    """The unverified claims of a legacy API key, which is a JWT; other keys are opaque. `until` None: no expiry."""

    role: str | None
    until: datetime | None

    def expiry_fault(self, now: datetime) -> str | None:
        """What is wrong with its expiry, or None."""
        if self.until is None or self.until > now + EXPIRES_SOON:
            return None
        return f"{'expired' if self.until <= now else 'expires'} on {self.until:%Y-%m-%d}"


def parse_legacy_key(key: str) -> LegacyKey | None:
    """The claims of a legacy key; None: the key is opaque."""
    try:
        claims = jwt.decode(key, options={"verify_signature": False})
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        return None
    role, until = claims.get("role"), claims.get("exp")
    try:
        ends = datetime.fromtimestamp(until, UTC) if isinstance(until, int | float) else None
    except (OverflowError, ValueError, OSError):
        ends = None
    return LegacyKey(role if isinstance(role, str) else None, ends)


async def reached(project: Project) -> CheckResult:
    """Whether a Supabase project answers at the URL, and how fast."""
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
    # A gateway that refuses the key says so in JSON.
    if answer.status_code not in {200, 401, 403} or not isinstance(_json(answer), dict):
        return failed(f"{project.base} answers ({answer.status_code}), and not as a Supabase project does", _URL_MEND)
    # The first request opened the connection, too.
    return passed(
        f"{project.base} answers in {median(spent[1:]):.0f} ms, and with a new connection in {spent[0]:.0f} ms"
    )


async def secret_key(project: Project) -> CheckResult:
    """Whether the project accepts the service's key, and it is a secret key that does not expire soon."""
    legacy = parse_legacy_key(project.key.reveal())
    if legacy is not None:
        if legacy.role != "service_role":
            return failed(f"this is a legacy key of the role {legacy.role!r}, and not a secret key", _KEY_MEND)
        if why := legacy.expiry_fault(project.clock.now()):
            return failed(f"this legacy key {why}", _KEY_MEND)
    async with project.calling() as calls:
        try:
            await calls.call(rpc_results.DatabaseState, "state")
        except CallFailed as error:
            # Only an accepted key gets the answer that the function is missing.
            if error.failure.reason != "schema":
                return failed(error.detail, _KEY_MEND if error.failure.reason in {"key", "rights"} else CALL_MEND)
    if legacy is None:
        return passed("a secret key, and the project accepts it")
    until = "without expiry" if legacy.until is None else f"until {legacy.until:%Y-%m-%d}"
    return passed(f"a legacy service_role key, {until}, and the project accepts it")


async def publishable_key(project: Project) -> CheckResult:
    """Whether the project accepts the browsers' key, if one is configured, and it is not a secret key."""
    key = project.settings.publishable_key
    if key is None:
        return skipped("supabase.publishable_key is not set, so nothing is tried with other rights than the service's")
    legacy = parse_legacy_key(key)
    if (project.settings.key is not None and key == project.settings.key.reveal()) or (
        legacy and legacy.role != "anon"
    ):
        return failed("this is a secret key, which would give browsers every right", _PUBLISHABLE_MEND)
    if legacy is not None and (why := legacy.expiry_fault(project.clock.now())):
        return failed(f"this legacy key {why}", _PUBLISHABLE_MEND)
    async with project.http() as http:
        try:
            answer = await http.get("/auth/v1/settings", headers={"apikey": key})
        except httpx.HTTPError as error:
            return failed(failure(error, project.base).detail, CALL_MEND)
    if answer.status_code in {401, 403}:
        return failed("the project refuses it", _PUBLISHABLE_MEND)
    if answer.status_code != 200:
        return failed(f"the project answers with {answer.status_code}", CALL_MEND)
    return passed("the project accepts it")


class _Jwks(msgspec.Struct):
    keys: list[dict[str, object]]


async def public_keys(project: Project) -> CheckResult:
    """Whether users' tokens can be verified: by the project's public keys, or with its legacy secret."""
    if not project.settings.users:
        return skipped("supabase.users is off: users' tokens are not checked")
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
    usable = [key for key in found if key.get("alg") in PUBLIC_ALGORITHMS and isinstance(key.get("kid"), str)]
    if usable:
        return passed(f"{len(usable)} public key{'s' if len(usable) > 1 else ''} ({', '.join(_algorithms(usable))})")
    if project.settings.jwt_secret is not None:
        return passed("no public key; users' tokens are verified with supabase.jwt_secret")
    return failed(
        "the project has no public key that can be used, and supabase.jwt_secret is not set: no user can be recognized",
        "Dashboard → Project Settings → JWT Keys: migrate to signing keys. Or set supabase.jwt_secret.",
    )


def _algorithms(keys: list[dict[str, object]]) -> list[str]:
    return sorted({str(key["alg"]) for key in keys})


def _json(answer: httpx.Response) -> object:
    try:
        return answer.json()
    except (ValueError, RecursionError):
        return None


__all__ = ["EXPIRES_SOON", "LegacyKey", "parse_legacy_key", "public_keys", "publishable_key", "reached", "secret_key"]

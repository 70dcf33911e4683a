"""`doctor`: checks everything that a service on this machine needs, and prints a line for each check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from umbral_chat._core.cli.command import command, json_option, run_async
from umbral_chat._core.cli.failures import ExitCode
from umbral_chat._core.cli.local import config_option, database_option
from umbral_chat._core.cli.service import service_options

if TYPE_CHECKING:
    from umbral_chat._core.cli.machine_checks import Finding

MARKS: dict[str, tuple[str, str]] = {"ok": ("✓", "green"), "failed": ("✗", "bold red"), "skipped": ("–", "dim")}


@command("doctor", "umbral-chat doctor", "umbral-chat doctor --config /etc/umbral-chat.toml --json")
@database_option
@config_option
@json_option
@service_options
@click.pass_context
@run_async
async def doctor_command(ctx: click.Context, database: str | None, config: str | None, as_json: bool) -> None:
    """Check the settings, the plugins, the database and, if one answers, the running service.

    Nothing is changed; a check that makes something to test with removes it again. Each check that fails says how to
    mend it, and makes the exit code 1.
    """
    from umbral_chat._core.cli.checkup import checkup
    from umbral_chat._core.cli.output import print_json

    findings = []
    async for finding in checkup(ctx, config, database):
        findings.append(finding)
        if not as_json:
            _print(finding)
    failed = sum(finding.state == "failed" for finding in findings)
    if as_json:
        print_json({"ok": not failed, "checks": findings})
    if failed:
        ctx.exit(ExitCode.FAILED)


def _print(finding: Finding) -> None:
    from rich.text import Text

    from umbral_chat._core.cli.output import one_line, say

    mark, style = MARKS[finding.state]
    say(
        Text.assemble((mark, style), f" {one_line(finding.name, 100)}: ", (one_line(finding.detail, 500), "")), indent=4
    )
    if finding.state == "failed" and finding.mend:
        say(f"  → {one_line(finding.mend, 500)}", indent=4)


__all__ = ["doctor_command"]

"""`umbral-chat supabase`: the commands for the database's migrations. What they run is imported when one is called."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from umbral_chat_realtime_supabase.migration_files import down_migration, migrations

URL_HELP = (
    "Connection string of the database: dashboard → Connect → Session pooler. The direct host speaks IPv6 only; the "
    "transaction pooler (port 6543) does not fit migrations. Prefer the variable: other users of the machine can see "
    "arguments."
)

db_url = click.option(
    "--db-url", envvar="SUPABASE_DB_URL", show_envvar=True, required=True, metavar="URL", help=URL_HELP
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def supabase() -> None:
    """The tables, functions and policies that Umbral Chat needs in a Supabase project."""


@supabase.command()
@db_url
@click.option("--dry-run", is_flag=True, help="Show what would be applied, and change nothing.")
def migrate(db_url: str, *, dry_run: bool) -> None:
    """Apply the migrations that the database does not have yet.

    Each file is one transaction; applied migrations are skipped, and concurrent runs are safe. No superuser is needed:
    a hosted project's `postgres` suffices. Instead of this command, `umbral-chat supabase sql` gives the files
    for `supabase db push` or the SQL editor.
    """
    from umbral_chat_realtime_supabase.migrate import migrate as apply

    for line in apply(db_url, dry_run=dry_run):
        click.echo(line)


@supabase.command()
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Write the files into this folder instead."
)
@click.option("--force", is_flag=True, help="With --out: replace files that differ.")
@click.option("--down", is_flag=True, help="The down migration instead, which removes everything again.")
def sql(out: Path | None, *, force: bool, down: bool) -> None:
    """Print the migrations, for the dashboard's SQL editor.

    With `--out supabase/migrations` they are written as files of a Supabase CLI project, for `supabase db push`.
    """
    if down:
        click.echo(down_migration())
        return
    if out is None:
        click.echo("\n".join(each.text for each in migrations()))
        return
    from umbral_chat_realtime_supabase.migrate import write

    for line in write(out, force=force):
        click.echo(line)


@supabase.command()
@db_url
@click.option("--yes", is_flag=True, help="Do it. Without this, only show what would be lost.")
def drop(db_url: str, *, yes: bool) -> None:
    """Remove everything again: EVERY CONVERSATION IS LOST."""
    from umbral_chat_realtime_supabase.migrate import drop as remove

    for line in remove(db_url, sure=yes):
        click.echo(line)


@supabase.command()
@db_url
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def status(db_url: str, *, as_json: bool) -> None:
    """Show which migrations the database has, whether Realtime is switched on, and how many broadcasts failed."""
    from umbral_chat_realtime_supabase.migrate import status as read_status

    for line in read_status(db_url, as_json=as_json):
        click.echo(line)


__all__ = ["supabase"]

"""`version`: of the core, the installed plugins and Python. Quick: nothing of the service is loaded."""

from __future__ import annotations

import platform

from umbral_chat import __version__
from umbral_chat._core.cli.command import command, json_option
from umbral_chat.markers import PROJECT_NAME


@command("version", "umbral-chat version", "umbral-chat version --json")
@json_option
def version_command(as_json: bool) -> None:
    """Print the versions of the core, of the installed plugins and of Python."""
    from umbral_chat._core.cli.output import echo, print_json

    plugins = plugin_versions()
    if as_json:
        print_json({"umbral_chat": __version__, "plugins": plugins, "python": platform.python_version()})
        return
    echo(f"umbral-chat {__version__}")
    for name, version in plugins.items():
        echo(f"{name} {version}")
    echo(f"Python {platform.python_version()}")


def plugin_versions() -> dict[str, str]:
    """Distribution and version of every installed plugin, by the entry points, without importing one."""
    from importlib.metadata import entry_points

    found = {point.dist.name: point.dist.version for point in entry_points(group=PROJECT_NAME) if point.dist}
    return dict(sorted(found.items()))


__all__ = ["plugin_versions", "version_command"]

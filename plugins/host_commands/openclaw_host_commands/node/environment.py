"""The environment of a run: inherited without secrets, changed only where it is harmless.

A variable that makes a program load or run something else (a library path, a start-up
hook, a pager) would turn an allowed program into any program, so a caller cannot set one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from openclaw_core import CommandError
from openclaw_host_commands.node.which import clean_path

__all__ = ["build_environment"]

_PORTABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_HOOKS = frozenset(
    """
    BASH_ENV ENV IFS SHELLOPTS BASHOPTS PS4 PROMPT_COMMAND CDPATH GLOBIGNORE SHELL ZDOTDIR FPATH
    NODE_OPTIONS NODE_PATH NODE_REPL_EXTERNAL_MODULE DENO_DIR BUN_INSTALL NPM_CONFIG_USERCONFIG
    PERL5OPT PERL5LIB PERL5DB PERLLIB RUBYOPT RUBYLIB GEM_HOME GEM_PATH BUNDLE_GEMFILE LUA_INIT LUA_PATH
    LUA_CPATH PHPRC PHP_INI_SCAN_DIR TCLLIBPATH R_PROFILE R_ENVIRON R_PROFILE_USER R_ENVIRON_USER
    JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS CLASSPATH MAVEN_OPTS GRADLE_OPTS SBT_OPTS
    DOTNET_STARTUP_HOOKS DOTNET_ADDITIONAL_DEPS CORECLR_PROFILER CORECLR_ENABLE_PROFILING
    GCONV_PATH LOCPATH NLSPATH MALLOC_TRACE RESOLV_HOST_CONF HOSTALIASES
    EDITOR VISUAL PAGER MANPAGER BROWSER LESSOPEN LESSCLOSE SSH_ASKPASS SUDO_ASKPASS SUDO_EDITOR
    RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER CARGO_HOME CC CXX LD AR MAKEFLAGS GNUMAKEFLAGS MAKEFILES GOFLAGS
    HGRCPATH OPENSSL_CONF OPENSSL_ENGINES OPENSSL_MODULES SSLKEYLOGFILE CURL_HOME WGETRC
    HOME USERPROFILE XDG_CONFIG_HOME XDG_CONFIG_DIRS COMSPEC PATHEXT PSMODULEPATH
    """.split()
)
_PREFIXES = ("LD_", "DYLD_", "PYTHON", "GIT_", "BASH_FUNC_", "NPM_CONFIG_", "CARGO_", "OPENCLAW_")
_SECRET = re.compile(
    r"(^|_)(TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|APIKEY|KEY|PAT|AUTH)(_|$)", re.IGNORECASE
)
_INHERITED = frozenset(
    """
    PATH HOME USERPROFILE SHELL COMSPEC PATHEXT PSMODULEPATH LD_LIBRARY_PATH
    XDG_CONFIG_HOME XDG_CONFIG_DIRS CARGO_HOME SSH_AUTH_SOCK
    """.split()
)


def build_environment(
    overrides: Mapping[str, str] | None, host: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The variables a run gets.

    Args:
        overrides: `env` of system.run.
        host: what to inherit from; this process's environment by default.

    Raises:
        CommandError: `SYSTEM_RUN_DENIED`, naming the refused keys (19.2).
    """
    inherited = os.environ if host is None else host
    env = {key: value for key, value in inherited.items() if _may_inherit(key)}
    env["PATH"] = clean_path(env.get("PATH") or os.defpath)
    _check(overrides or {})
    return env | dict(overrides or {})


def _may_inherit(key: str) -> bool:
    name = key.upper()
    return name in _INHERITED or not (_is_hook(name) or _SECRET.search(name))


def _is_hook(name: str) -> bool:
    return name in _HOOKS or name.startswith(_PREFIXES)


def _check(overrides: Mapping[str, str]) -> None:
    odd = sorted(key for key, value in overrides.items() if not _PORTABLE.fullmatch(key) or "\0" in value)
    blocked = sorted(
        key for key in overrides if key not in odd and (key.upper() == "PATH" or _is_hook(key.upper()))
    )
    faults = []
    if blocked:
        faults.append(f"blocked override keys: {', '.join(blocked)}")
    if odd:
        faults.append(f"invalid non-portable override keys: {', '.join(odd)}")
    if faults:
        raise CommandError("SYSTEM_RUN_DENIED", f"environment override rejected ({'; '.join(faults)})")

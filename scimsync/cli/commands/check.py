"""`scimsync check`."""

from __future__ import annotations

import click

from scimsync.cli.options import Common, common_without


@click.command(short_help="look at the configuration, the sources, the secrets and each target")
@common_without("keys")
def command(options: Common) -> None:
    """Look at the configuration, the state, the sources, the secrets and each target, and say what
    a push would trip over.

    Sources are read as a plan reads them. Each target is asked what it can do, for one user, and
    for its schemas. Nothing is changed and nothing stored. It goes on where something fails.

    Exit codes: 0 fine (there may be warnings), 1 a source or a target cannot be used, 2 sync.toml
    has to be mended.
    """
    from scimsync.cli.checking.everything import check_everything
    from scimsync.cli.checking.findings import About, exit_code_of
    from scimsync.cli.checking.show import findings_document, print_findings
    from scimsync.cli.output import write_json
    from scimsync.cli.session import begin, load_config, this_moment
    from scimsync.cli.targets import check_targets
    from scimsync.errors import ConfigError

    begin(options)
    try:
        config = load_config(options)
    except ConfigError as error:
        findings = iter([About("configuration", options.config.name).failed(error)])
    else:
        findings = check_everything(config, check_targets(config, options.targets), this_moment())
    if options.as_json:
        seen = list(findings)
        write_json(findings_document(seen))
    else:
        seen = print_findings(findings, quiet=options.verbosity < 0)
    raise click.exceptions.Exit(exit_code_of(seen))

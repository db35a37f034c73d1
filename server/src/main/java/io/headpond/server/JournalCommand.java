package io.headpond.server;

import picocli.CommandLine.Command;

/** {@code headpond journal check | salvage}. */
@Command(
    name = "journal",
    description = "Looks after the journal of a dataset whose server is stopped.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
final class JournalCommand {}

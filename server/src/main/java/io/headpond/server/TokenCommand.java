package io.headpond.server;

import io.headpond.server.config.AccessToken;
import io.headpond.server.config.TokenRole;
import java.io.PrintWriter;
import java.security.SecureRandom;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** {@code headpond token}: who may ask a server. */
@Command(
    name = "token",
    description = "Makes tokens for those who ask a server.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = TokenCommand.New.class)
final class TokenCommand {

  /** {@code headpond token new}. */
  @Command(
      name = "new",
      description = {
        "Prints a new token, this once, and the line with its hash for the configuration. Nothing is kept.",
        "The server that reads the line takes the token from its next start on."
      },
      mixinStandardHelpOptions = true)
  static final class New implements Callable<Integer> {
    @Option(
        names = "--role",
        required = true,
        paramLabel = "ROLE",
        converter = RoleConverter.class,
        description =
            "read (looks), write (and writes entries) or admin (and decides: dead letters, flushes, the queue, the lab).")
    private @Nullable TokenRole role;

    @Option(
        names = "--name",
        required = true,
        paramLabel = "NAME",
        converter = NameConverter.class,
        description = "Whose it is, for people.")
    private String name = "";

    @Spec private @Nullable CommandSpec spec;

    @Override
    public Integer call() {
      String token = AccessToken.random(new SecureRandom());
      PrintWriter out = Objects.requireNonNull(spec).commandLine().getOut();
      out.println("The token, which is shown this once; commands take it from HEADPOND_TOKEN:");
      out.println(token);
      out.println("For the configuration of the server, under `tokens:`");
      out.println(
          "  - {name: \""
              + name
              + "\", role: "
              + Objects.requireNonNull(role).text()
              + ", hash: \""
              + AccessToken.hash(token)
              + "\"}");
      return Cli.DONE;
    }
  }

  /** Roles on the command line. */
  static final class RoleConverter implements ITypeConverter<TokenRole> {
    @Override
    public TokenRole convert(String text) {
      try {
        return TokenRole.of(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(text + ": " + e.getMessage());
      }
    }
  }

  /** Names on the command line. */
  static final class NameConverter implements ITypeConverter<String> {
    @Override
    public String convert(String text) {
      if (!AccessToken.isName(text)) {
        throw new TypeConversionException(text + ": " + AccessToken.NAME_RULE);
      }
      return text;
    }
  }
}

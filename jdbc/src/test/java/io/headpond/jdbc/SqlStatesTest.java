package io.headpond.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.ErrorClass;
import io.headpond.jdbc.SqlStates.Answer;
import io.headpond.jdbc.SqlStates.Rule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is done about which error, in code and in the documentation. */
class SqlStatesTest {
  private static final String HEADING = "## What the database refuses: errors and their classes";

  @Test
  void theTableInTheDocumentationIsTheOneInTheCode() throws IOException {
    List<String> documented =
        Files.readString(Path.of("../docs/operating.md"))
            .lines()
            .dropWhile(line -> !line.equals(HEADING))
            .skip(1)
            .takeWhile(line -> !line.startsWith("## "))
            .dropWhile(line -> !line.startsWith("| SQLSTATE |"))
            .skip(2)
            .takeWhile(line -> line.startsWith("|"))
            .toList();
    assertThat(documented)
        .containsExactlyElementsOf(SqlStates.RULES.stream().map(SqlStatesTest::row).toList());
  }

  private static String row(Rule rule) {
    String state = rule.state().isEmpty() ? "all others" : "`" + rule.state() + "`";
    String named = rule.state().length() == 2 ? state + " and what begins so" : state;
    return List.of(
            named,
            rule.answer().name().toLowerCase(Locale.ROOT),
            "`" + rule.errorClass().text() + "`",
            rule.meaning(),
            rule.cure())
        .stream()
        .collect(Collectors.joining(" | ", "| ", " |"));
  }

  @Test
  void eachStateStandsOnceInOrderAndTheLastIsForAllOthers() {
    List<String> states = SqlStates.RULES.stream().map(Rule::state).toList();
    List<String> named = states.subList(0, states.size() - 1);
    assertThat(named).isSorted().doesNotHaveDuplicates().noneMatch(String::isEmpty);
    assertThat(states).last().isEqualTo("");
  }

  @ParameterizedTest
  @CsvSource({
    "08006, RETRY, CONNECTION",
    "23503, REJECTED, FOREIGN_KEY",
    "23505, REJECTED, CONSTRAINT",
    "22P02, REJECTED, VALUE",
    "25006, RETRY, CONNECTION",
    "40P01, SUSPECT, LOCKED",
    "40001, SUSPECT, LOCKED",
    "42P01, CHECKED, RAISED",
    "42501, BLOCKED, UNKNOWN",
    "53100, RETRY, UNKNOWN",
    "54000, REJECTED, VALUE",
    "55P03, SUSPECT, LOCKED",
    "55000, SUSPECT, UNKNOWN",
    "57014, SUSPECT, TIMEOUT",
    "57P01, RETRY, CONNECTION",
    "P0001, REJECTED, RAISED",
    "XX000, SUSPECT, UNKNOWN",
    "ZZZZZ, REJECTED, UNKNOWN",
    "'', RETRY, CONNECTION",
    "1234, RETRY, CONNECTION"
  })
  void theMostSpecificRuleWins(String state, Answer answer, ErrorClass errorClass) {
    assertThat(SqlStates.of(state))
        .returns(answer, Rule::answer)
        .returns(errorClass, Rule::errorClass);
  }

  @Test
  void whatThePoolAndTheDriverSayWithoutAStateIsAnOutage() {
    SqlTrouble trouble = new PostgresDialect().trouble(new SQLException("no connection"));
    assertThat(trouble.answer()).isEqualTo(Answer.RETRY);
    assertThat(trouble.error().code()).isNull();
    assertThat(trouble.message()).isEqualTo("no connection");
  }

  @Test
  void aCommitIsSurelyNotDoneOnlyIfItsErrorSaysSo() {
    assertThat(decides("40001")).isTrue();
    assertThat(decides("23505")).isTrue();
    assertThat(decides("40003")).as("statement completion unknown").isFalse();
    assertThat(decides("08007")).isFalse();
    assertThat(decides("XX000")).isFalse();
    assertThat(decides("57P01")).isFalse();
  }

  private static boolean decides(String state) {
    return new PostgresDialect().trouble(new SQLException("no", state)).decidesCommit();
  }

  @Test
  void whatMayBeAnOutageCountsAgainstNoRow() {
    assertThat(Arrays.stream("08 25 40 53 55 57 58 HV XX F0 3D 28".split(" ")))
        .allMatch(state -> SqlStates.of(state + "999").answer() != Answer.REJECTED);
  }
}

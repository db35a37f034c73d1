package io.headpond.server.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class DatabaseConfigTest {
  @Test
  void bothForms() {
    DatabaseConfig libpq =
        DatabaseConfig.of("postgres://joe:p%40ss@db:5433/shop?sslmode=require", null, null);
    assertThat(libpq.jdbcUrl()).isEqualTo("jdbc:postgresql://db:5433/shop?sslmode=require");
    assertThat(libpq.user()).isEqualTo("joe");
    assertThat(libpq.password()).isEqualTo("p@ss");

    DatabaseConfig jdbc =
        DatabaseConfig.of("jdbc:postgresql://db/shop?user=joe&password=a%2Bb&ssl=true", null, null);
    assertThat(jdbc.jdbcUrl()).isEqualTo("jdbc:postgresql://db/shop?ssl=true");
    assertThat(jdbc.user()).isEqualTo("joe");
    assertThat(jdbc.password()).isEqualTo("a+b");

    assertThat(DatabaseConfig.of("postgresql://db/shop", "u", "p").user()).isEqualTo("u");
    assertThat(DatabaseConfig.of("postgresql://x:y@db/shop", "u", "p").password()).isEqualTo("p");
  }

  @Test
  void whatIsPrintedHasNoPassword() {
    DatabaseConfig config =
        DatabaseConfig.of("postgres://joe:hush@db:5433/shop?ssl=true", null, null);
    assertThat(config.psqlUrl()).isEqualTo("postgresql://joe@db:5433/shop");
    assertThat(config.toString()).doesNotContain("hush");
    assertThat(config.jdbcUrl()).doesNotContain("hush");
  }

  @Test
  void whatIsNeitherIsRefusedWithoutShowingIt() {
    for (String wrong :
        new String[] {
          "hush",
          "mysql://db/hush",
          "postgres://db:5432",
          "jdbc:postgresql:shop",
          "postgres://a@b@hush/x",
          "postgres://u:%zz@h/hush"
        }) {
      assertThatThrownBy(() -> DatabaseConfig.of(wrong, null, null))
          .as(wrong)
          .hasMessageStartingWith("database URL: ")
          .hasMessageNotContaining("hush");
    }
  }
}

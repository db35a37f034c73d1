package io.headpond.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.postgres.testing.TestPostgres;
import java.io.StringWriter;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the README shows in Java is compiled and run as it stands there. */
class ReadmeTest {
  @TempDir Path folder;

  @Test
  void theExampleRuns() throws Exception {
    Path readme = Path.of("..", "README.md");
    Matcher block =
        Pattern.compile("```java\n(.*?)```", Pattern.DOTALL).matcher(Files.readString(readme));
    assertThat(block.find()).isTrue();
    TestPostgres.Database database = TestPostgres.createDatabase();
    try (var connection = DriverManager.getConnection(database.jdbcUrl());
        var statement = connection.createStatement()) {
      statement.execute(
          "CREATE TABLE products (id bigint PRIMARY KEY, name text, price numeric(10,2),"
              + " quantity integer NOT NULL)");
      run(
          block
              .group(1)
              .replace(
                  "jdbc:postgresql://localhost/shop?user=shop&password=secret", database.jdbcUrl())
              .replace("headpond-journal", folder.resolve("journal").toString()));
      try (var row = statement.executeQuery("SELECT * FROM products")) {
        assertThat(row.next()).isTrue();
        assertThat(row.getLong("id")).isEqualTo(7);
        assertThat(row.getString("name")).isEqualTo("Lamp");
        assertThat(row.getBigDecimal("price")).isEqualTo("29.99");
        assertThat(row.getInt("quantity")).isEqualTo(100);
        assertThat(row.next()).isFalse();
      }
    }
  }

  private void run(String code) throws Exception {
    Path source = folder.resolve("Example.java");
    Files.writeString(
        source,
        """
        import io.headpond.*;
        import io.headpond.jdbc.*;
        import io.headpond.journal.*;
        import java.math.BigDecimal;
        import java.nio.file.Path;

        public class Example {
          public static void run() {
        %s
          }
        }
        """
            .formatted(code));
    var compiler = ToolProvider.getSystemJavaCompiler();
    StringWriter errors = new StringWriter();
    try (var files = compiler.getStandardFileManager(null, null, null)) {
      boolean compiled =
          compiler
              .getTask(
                  errors,
                  files,
                  null,
                  List.of("-d", folder.toString(), "-cp", System.getProperty("java.class.path")),
                  null,
                  files.getJavaFileObjects(source))
              .call();
      assertThat(compiled).withFailMessage(errors::toString).isTrue();
    }
    try (var loader =
        new URLClassLoader(new URL[] {folder.toUri().toURL()}, getClass().getClassLoader())) {
      loader.loadClass("Example").getMethod("run").invoke(null);
    }
  }
}

package io.headpond.jdbc;

import io.headpond.Column;
import io.headpond.ColumnType;
import io.headpond.ConfigurationException;
import io.headpond.RowType;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * A checked table as bytes, for a start without the database. All numbers are big-endian; a text is its length in bytes (4) and UTF-8; what may be
 * null has a byte 0 or 1 before it.
 *
 * <pre>
 * format     4   1
 * declared   4+n what it was declared as: dataset, table, the mapping's columns, declared columns
 * table      n   schema, name, description, columns, versionColumn, updatedAtColumn, keySequence, enum types,
 *                deferrable, parents, children
 * checksum   4   CRC32C of all before
 * </pre>
 */
final class RememberedMapping {
  private static final int FORMAT = 1;

  private RememberedMapping() {}

  /** The bytes of a table that was checked against this declaration. */
  static byte[] write(String dataset, RowType declared, Mapping mapping, MappedTable table) {
    byte[] declaration = declaration(dataset, declared, mapping);
    byte[] body =
        bytes(
            out -> {
              out.writeInt(FORMAT);
              out.writeInt(declaration.length);
              out.write(declaration);
              text(out, table.schema());
              text(out, table.name());
              text(out, table.description());
              rowType(out, table.type());
              optional(out, table.versionColumn());
              optional(out, table.updatedAtColumn());
              optional(out, table.keySequence());
              out.writeInt(table.enumTypes().size());
              for (Map.Entry<String, String> each : table.enumTypes().entrySet()) {
                text(out, each.getKey());
                text(out, each.getValue());
              }
              out.writeBoolean(table.deferrable());
              names(out, table.parents());
              names(out, table.children());
            });
    return ByteBuffer.allocate(body.length + 4).put(body).putInt(checksum(body)).array();
  }

  /**
   * The table that was remembered.
   *
   * @throws ConfigurationException if the bytes are damaged, or of another declaration
   */
  static MappedTable read(String dataset, RowType declared, Mapping mapping, byte[] bytes) {
    int length = bytes.length - 4;
    byte[] body = Arrays.copyOf(bytes, Math.max(0, length));
    if (length < 8 || ByteBuffer.wrap(bytes).getInt(length) != checksum(body)) {
      throw refused(dataset, "is damaged");
    }
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(body))) {
      if (in.readInt() != FORMAT) {
        throw refused(dataset, "was written by another release");
      }
      if (!Arrays.equals(in.readNBytes(in.readInt()), declaration(dataset, declared, mapping))) {
        throw refused(dataset, "was made for another table or other columns");
      }
      return table(in);
    } catch (IOException | IllegalArgumentException e) {
      throw refused(dataset, "cannot be read");
    }
  }

  private static MappedTable table(DataInputStream in) throws IOException {
    String schema = text(in);
    String name = text(in);
    String description = text(in);
    RowType type = rowType(in);
    String version = optional(in);
    String updatedAt = optional(in);
    String sequence = optional(in);
    Map<String, String> enumTypes = new LinkedHashMap<>();
    for (int i = in.readInt(); i > 0; i--) {
      enumTypes.put(text(in), text(in));
    }
    boolean deferrable = in.readBoolean();
    return new MappedTable(
        schema,
        name,
        type,
        version,
        updatedAt,
        sequence,
        enumTypes,
        deferrable,
        names(in),
        names(in),
        description);
  }

  private static ConfigurationException refused(String dataset, String why) {
    return new ConfigurationException(
        "dataset "
            + dataset
            + ": the mapping that was remembered for a start without the database "
            + why
            + "; start once with the database");
  }

  private static byte[] declaration(String dataset, RowType declared, Mapping mapping) {
    return bytes(
        out -> {
          text(out, dataset);
          optional(out, mapping.table().schema());
          text(out, mapping.table().table());
          optional(out, mapping.versionColumn());
          optional(out, mapping.updatedAtColumn());
          optional(out, mapping.keySequence() == null ? null : mapping.keySequence().quoted());
          rowType(out, declared);
        });
  }

  private static int checksum(byte[] bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes);
    return (int) crc.getValue();
  }

  @FunctionalInterface
  private interface Writing {
    void to(DataOutputStream out) throws IOException;
  }

  private static byte[] bytes(Writing writing) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      writing.to(out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  private static void text(DataOutputStream out, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    out.writeInt(bytes.length);
    out.write(bytes);
  }

  private static String text(DataInputStream in) throws IOException {
    return new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8);
  }

  private static void optional(DataOutputStream out, @Nullable String text) throws IOException {
    out.writeBoolean(text != null);
    if (text != null) {
      text(out, text);
    }
  }

  private static @Nullable String optional(DataInputStream in) throws IOException {
    return in.readBoolean() ? text(in) : null;
  }

  private static void names(DataOutputStream out, Set<TableName> names) throws IOException {
    out.writeInt(names.size());
    Set<String> sorted = new TreeSet<>();
    names.forEach(name -> sorted.add(name.quoted()));
    for (String name : sorted) {
      text(out, name);
    }
  }

  private static Set<TableName> names(DataInputStream in) throws IOException {
    List<TableName> names = new ArrayList<>();
    for (int i = in.readInt(); i > 0; i--) {
      names.add(TableName.parse(text(in)));
    }
    return Set.copyOf(names);
  }

  private static void rowType(DataOutputStream out, RowType type) throws IOException {
    for (List<Column> columns : List.of(type.keyColumns(), type.valueColumns())) {
      out.writeInt(columns.size());
      for (Column column : columns) {
        text(out, column.name());
        out.writeBoolean(column.nullable());
        columnType(out, column.type());
      }
    }
  }

  private static RowType rowType(DataInputStream in) throws IOException {
    RowType.Builder type = RowType.builder();
    for (int i = in.readInt(); i > 0; i--) {
      String name = text(in);
      in.readBoolean();
      type.key(name, columnType(in));
    }
    for (int i = in.readInt(); i > 0; i--) {
      String name = text(in);
      boolean nullable = in.readBoolean();
      type.column(new Column(name, columnType(in), nullable));
    }
    return type.build();
  }

  private static void columnType(DataOutputStream out, ColumnType type) throws IOException {
    text(out, type.kind().name());
    out.writeInt(type.length());
    out.writeInt(type.precision());
    out.writeInt(type.scale());
    out.writeBoolean(type.element() != null);
    if (type.element() != null) {
      columnType(out, type.element());
    }
    out.writeInt(type.labels().size());
    for (String label : type.labels()) {
      text(out, label);
    }
  }

  private static ColumnType columnType(DataInputStream in) throws IOException {
    ColumnType.Kind kind = ColumnType.Kind.valueOf(text(in));
    int length = in.readInt();
    int precision = in.readInt();
    int scale = in.readInt();
    ColumnType element = in.readBoolean() ? columnType(in) : null;
    List<String> labels = new ArrayList<>();
    for (int i = in.readInt(); i > 0; i--) {
      labels.add(text(in));
    }
    return new ColumnType(kind, length, precision, scale, element, labels);
  }
}

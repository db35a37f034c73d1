package io.headpond;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * What the column of a {@code String} component (or of the elements of a {@code List<String>}) is, where it is not {@code
 * text}.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface ColumnKind {
  /** One whose canonical form is a string: TEXT, ENUM, JSON, JSONB or INET. */
  ColumnType.Kind value();
}

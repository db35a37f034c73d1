package io.headpond;

import io.headpond.ColumnType.Kind;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.math.BigDecimal;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * How a Java record stands for a row. Its components are the columns:
 *
 * <ul>
 *   <li>a component marked {@link KeyColumn} is part of the key; at least one is;
 *   <li>the column's name is the component's in snake case ({@code unitPrice} is {@code unit_price}), or what
 *       {@link ColumnName} says;
 *   <li>{@code String} is text, or what {@link ColumnKind} says, or jsonb with {@link JsonColumn}; {@code short} smallint,
 *       {@code int} integer, {@code long} bigint, {@code BigDecimal} numeric, {@code boolean} boolean, {@code float} real,
 *       {@code double} double, {@code LocalDate} date, {@code LocalTime} time, {@code LocalDateTime} timestamp, {@code
 *       Instant} timestamptz, {@link Interval} interval, {@code UUID} uuid, {@code byte[]} bytea;
 *   <li>a Java {@code enum} is an enum, or text, that holds the constants' names; a column of an enum type must have them all;
 *   <li>a {@code List} of one of these classes but {@code byte[]} is an array; its elements may be null;
 *   <li>a primitive component is never null; a wrapper or another class may be, if the column may.
 * </ul>
 *
 * <p>Keys are given as {@code K}: the class of the one key component, or a record with the names and types of the key
 * components. The key inside a value must be the key it is written under. Lengths and digits come from the database when the
 * cache is built. Immutable.
 *
 * @param <K> the type of keys
 * @param <V> the record
 */
public final class RecordType<K, V extends Record> {
  private static final Map<Class<?>, ColumnType> TYPES =
      Map.ofEntries(
          Map.entry(String.class, ColumnType.TEXT),
          Map.entry(Integer.class, ColumnType.INTEGER),
          Map.entry(Long.class, ColumnType.BIGINT),
          Map.entry(BigDecimal.class, ColumnType.NUMERIC),
          Map.entry(Boolean.class, ColumnType.BOOLEAN),
          Map.entry(Double.class, ColumnType.DOUBLE),
          Map.entry(LocalDate.class, ColumnType.DATE),
          Map.entry(Instant.class, ColumnType.TIMESTAMPTZ),
          Map.entry(UUID.class, ColumnType.UUID),
          Map.entry(byte[].class, ColumnType.BYTEA),
          Map.entry(Short.class, ColumnType.SMALLINT),
          Map.entry(Float.class, ColumnType.REAL),
          Map.entry(LocalTime.class, ColumnType.TIME),
          Map.entry(LocalDateTime.class, ColumnType.TIMESTAMP),
          Map.entry(Interval.class, ColumnType.INTERVAL));
  private static final Map<Class<?>, Class<?>> BOXES =
      Map.of(
          short.class, Short.class,
          int.class, Integer.class,
          long.class, Long.class,
          boolean.class, Boolean.class,
          float.class, Float.class,
          double.class, Double.class);

  private final Class<V> valueClass;
  private final RowType rowType;
  private final MethodHandle constructor;

  /** One for each component of the value, in their order. */
  private final List<Component> components;

  /** Where each key column stands among the components of the value, in the order of the key. */
  private final int[] keyAt;

  /** Reads the components of a key that is a record, in the order of the key; null if K is the component itself. */
  private final @Nullable List<MethodHandle> keyAccessors;

  /** Makes a key that is a record; null if K is the component itself. */
  private final @Nullable KeyMaker<K> keyMaker;

  /**
   * @param at where each component of the record stands in the key
   */
  private record KeyMaker<K>(Class<K> type, MethodHandle constructor, int[] at) {}

  /**
   * @param index where it stands among the columns of the key, or among the others
   * @param constants those of its enum by label, or of its elements'; null for any other class
   */
  private record Component(
      String column,
      MethodHandle accessor,
      boolean key,
      int index,
      @Nullable Map<String, Object> constants) {

    /** What the record takes for a cell that is not null. */
    Object value(Object cell) {
      if (constants == null) {
        return cell;
      }
      if (cell instanceof List<?> labels) {
        List<@Nullable Object> values = new ArrayList<>(labels.size());
        labels.forEach(label -> values.add(label == null ? null : constant(constants, label)));
        return Collections.unmodifiableList(values);
      }
      return constant(constants, cell);
    }

    private Object constant(Map<String, Object> constants, Object label) {
      Object constant = constants.get(label);
      if (constant == null) {
        throw new InvalidValueException(
            column, label.toString(), "must be one of the constants " + constants.keySet());
      }
      return constant;
    }
  }

  private RecordType(Class<K> keyClass, Class<V> valueClass) {
    this.valueClass = valueClass;
    RowType.Builder columns = RowType.builder();
    List<Component> all = new ArrayList<>();
    List<RecordComponent> keys = new ArrayList<>();
    List<Integer> keyPositions = new ArrayList<>();
    RecordComponent[] declared = valueClass.getRecordComponents();
    int values = 0;
    for (int i = 0; i < declared.length; i++) {
      RecordComponent component = declared[i];
      boolean key = component.isAnnotationPresent(KeyColumn.class);
      String name = columnName(component);
      ColumnType type = columnType(component);
      if (key) {
        keyPositions.add(i);
        keys.add(component);
        columns.key(name, type);
      } else {
        columns.column(new Column(name, type, !component.getType().isPrimitive()));
      }
      int index = key ? keys.size() - 1 : values++;
      all.add(new Component(name, accessor(component), key, index, constants(component)));
    }
    if (keys.isEmpty()) {
      throw new ConfigurationException(
          valueClass.getName() + ": no component is the key; mark one with @KeyColumn");
    }
    this.rowType = columns.build();
    this.components = List.copyOf(all);
    this.keyAt = keyPositions.stream().mapToInt(Integer::intValue).toArray();
    this.keyAccessors = keyAccessors(keyClass, keys);
    this.constructor = constructor(valueClass, declared);
    this.keyMaker = keyAccessors == null ? null : keyMaker(keyClass, keys);
  }

  /**
   * The mapping of a record.
   *
   * @throws ConfigurationException if a component has a type that is no column, no component is the
   *     key, or {@code keyClass} does not stand for the key components
   */
  public static <K, V extends Record> RecordType<K, V> of(Class<K> keyClass, Class<V> valueClass) {
    return new RecordType<>(keyClass, valueClass);
  }

  /** The record's name in snake case: what the dataset and its table are called unless said otherwise. */
  public String defaultName() {
    return snakeCase(valueClass.getSimpleName());
  }

  /** The columns as the record declares them; the database may narrow them. */
  public RowType rowType() {
    return rowType;
  }

  /**
   * The canonical key.
   *
   * @param type the columns as the database has them
   */
  public Key key(RowType type, K key) {
    if (keyAccessors == null) {
      return type.key(key);
    }
    Object[] parts = new Object[keyAccessors.size()];
    for (int i = 0; i < parts.length; i++) {
      parts[i] = call(keyAccessors.get(i), key);
    }
    return type.key(parts);
  }

  /**
   * The row of a value.
   *
   * @param type the columns as the database has them
   * @param key the canonical key it is written under
   * @throws InvalidValueException if a component is no value of its column, or the key in the value is another
   */
  public Row row(RowType type, Key key, V value) {
    @Nullable Object[] cells = new Object[components.size() - keyAt.length];
    Object[] inside = new Object[keyAt.length];
    for (Component component : components) {
      Object cell = call(component.accessor(), value);
      (component.key() ? inside : cells)[component.index()] = cell;
    }
    Key own = type.key(inside);
    if (!own.equals(key)) {
      throw new InvalidValueException(
          "key", type.keyText(key), "must be the key in the value, which is " + type.keyText(own));
    }
    return type.rowOf(cells);
  }

  /**
   * The key as it is given, of a canonical one.
   *
   * @throws InvalidValueException as {@link #value}
   */
  @SuppressWarnings(
      "unchecked") // K is the class of the one component, as the constructor has checked.
  public K keyOf(RowType type, Key key) {
    List<Object> cells = type.components(key);
    KeyMaker<K> maker = keyMaker;
    if (maker == null) {
      return (K) components.get(keyAt[0]).value(cells.get(0));
    }
    @Nullable Object[] arguments = new Object[maker.at.length];
    for (int i = 0; i < arguments.length; i++) {
      int column = maker.at[i];
      arguments[i] = components.get(keyAt[column]).value(cells.get(column));
    }
    try {
      return maker.type.cast(maker.constructor.invokeWithArguments(arguments));
    } catch (Throwable e) {
      throw thrown(e, maker.type.getName() + " cannot be made of its key");
    }
  }

  /**
   * The value of a row.
   *
   * @throws InvalidValueException if a label is none of its enum's constants: it was written when it was one
   */
  public V value(Key key, Row row) {
    List<Object> keyCells = row.type().components(key);
    @Nullable Object[] arguments = new Object[components.size()];
    for (int i = 0; i < arguments.length; i++) {
      Component component = components.get(i);
      Object cell = component.key() ? keyCells.get(component.index()) : row.cell(component.index());
      arguments[i] = cell == null ? null : component.value(cell);
    }
    try {
      return valueClass.cast(constructor.invokeWithArguments(arguments));
    } catch (Throwable e) {
      throw thrown(e, valueClass.getName() + " cannot be made of its row");
    }
  }

  private static @Nullable Object call(MethodHandle accessor, Object record) {
    try {
      return accessor.invoke(record);
    } catch (Throwable e) {
      throw thrown(e, "a component of " + record.getClass().getName() + " cannot be read");
    }
  }

  private static RuntimeException thrown(Throwable e, String what) {
    if (e instanceof Error error) {
      throw error;
    }
    return new HeadpondException(what + ": " + e, e);
  }

  private static @Nullable List<MethodHandle> keyAccessors(
      Class<?> keyClass, List<RecordComponent> keys) {
    if (keys.size() == 1 && keyClass == boxed(keys.get(0).getType())) {
      return null;
    }
    RecordComponent[] parts = keyClass.getRecordComponents();
    Map<String, RecordComponent> byColumn = new HashMap<>();
    for (RecordComponent part : parts == null ? new RecordComponent[0] : parts) {
      byColumn.put(columnName(part), part);
    }
    List<MethodHandle> accessors = new ArrayList<>();
    for (RecordComponent key : keys) {
      RecordComponent part = byColumn.remove(columnName(key));
      if (part == null || boxed(part.getType()) != boxed(key.getType())) {
        throw keyMismatch(keyClass, keys);
      }
      accessors.add(accessor(part));
    }
    if (!byColumn.isEmpty()) {
      throw keyMismatch(keyClass, keys);
    }
    return accessors;
  }

  private static ConfigurationException keyMismatch(Class<?> keyClass, List<RecordComponent> keys) {
    String wanted =
        keys.stream().map(k -> k.getType().getSimpleName() + " " + k.getName()).toList().toString();
    return new ConfigurationException(
        keyClass.getName()
            + ": does not stand for the key "
            + wanted
            + "; use "
            + (keys.size() == 1 ? boxed(keys.get(0).getType()).getSimpleName() + " or " : "")
            + "a record with exactly these components");
  }

  private static <K> KeyMaker<K> keyMaker(Class<K> keyClass, List<RecordComponent> keys) {
    RecordComponent[] parts = keyClass.getRecordComponents();
    List<String> columns = keys.stream().map(RecordType::columnName).toList();
    int[] at = new int[parts.length];
    for (int i = 0; i < at.length; i++) {
      at[i] = columns.indexOf(columnName(parts[i]));
    }
    return new KeyMaker<>(keyClass, constructor(keyClass, parts), at);
  }

  private static MethodHandle constructor(Class<?> record, RecordComponent[] declared) {
    Class<?>[] types = new Class<?>[declared.length];
    for (int i = 0; i < types.length; i++) {
      types[i] = declared[i].getType();
    }
    try {
      var canonical = record.getDeclaredConstructor(types);
      canonical.setAccessible(true);
      return MethodHandles.lookup().unreflectConstructor(canonical);
    } catch (ReflectiveOperationException | RuntimeException e) {
      throw inaccessible(record, e);
    }
  }

  private static MethodHandle accessor(RecordComponent component) {
    try {
      component.getAccessor().setAccessible(true);
      return MethodHandles.lookup().unreflect(component.getAccessor());
    } catch (ReflectiveOperationException | RuntimeException e) {
      throw inaccessible(component.getDeclaringRecord(), e);
    }
  }

  private static ConfigurationException inaccessible(Class<?> type, Exception cause) {
    return new ConfigurationException(
        type.getName() + ": cannot be read; make it public or open its package to io.headpond.core",
        cause);
  }

  private static ColumnType columnType(RecordComponent component) {
    Class<?> item = item(component);
    ColumnType type = item.isEnum() ? ColumnType.enumOf(names(item)) : TYPES.get(boxed(item));
    if (type == null) {
      throw new ConfigurationException(
          place(component)
              + (component.getGenericType() instanceof Class<?> plain
                  ? plain.getSimpleName()
                  : component.getGenericType().getTypeName())
              + ": no column type stands for it; use an enum, one of "
              + TYPES.keySet().stream().map(Class::getSimpleName).sorted().toList()
              + ", or a List of one of them");
    }
    type = marked(component, type);
    if (component.getType() != List.class) {
      return type;
    }
    try {
      return ColumnType.array(type);
    } catch (ConfigurationException e) {
      throw new ConfigurationException(place(component) + e.getMessage(), e);
    }
  }

  /** The component's class, or that of its elements. */
  private static Class<?> item(RecordComponent component) {
    if (component.getType() == List.class
        && component.getGenericType() instanceof ParameterizedType list
        && list.getActualTypeArguments()[0] instanceof Class<?> element) {
      return element;
    }
    return component.getType();
  }

  private static ColumnType marked(RecordComponent component, ColumnType type) {
    ColumnKind mark = component.getAnnotation(ColumnKind.class);
    boolean json = component.isAnnotationPresent(JsonColumn.class);
    if (mark == null && !json) {
      return type;
    }
    String place = place(component) + (json ? "@JsonColumn: " : "@ColumnKind: ");
    if (mark != null && json) {
      throw new ConfigurationException(place + "must not stand beside @ColumnKind");
    }
    if (type != ColumnType.TEXT) {
      throw new ConfigurationException(place + "must stand on a String");
    }
    Kind kind = mark == null ? Kind.JSONB : mark.value();
    return switch (kind) {
      case TEXT, ENUM, JSON, JSONB, INET -> new ColumnType(kind, 0, 0, 0);
      default ->
          throw new ConfigurationException(
              place + "must be TEXT, ENUM, JSON, JSONB or INET, is " + kind);
    };
  }

  private static List<String> names(Class<?> constants) {
    return Arrays.stream(constants.getEnumConstants()).map(c -> ((Enum<?>) c).name()).toList();
  }

  private static @Nullable Map<String, Object> constants(RecordComponent component) {
    Object[] constants = item(component).getEnumConstants();
    if (constants == null) {
      return null;
    }
    Map<String, Object> byName = new LinkedHashMap<>();
    for (Object constant : constants) {
      byName.put(((Enum<?>) constant).name(), constant);
    }
    return byName;
  }

  private static String columnName(RecordComponent component) {
    ColumnName name = component.getAnnotation(ColumnName.class);
    return name == null ? snakeCase(component.getName()) : name.value();
  }

  private static String place(RecordComponent component) {
    return component.getDeclaringRecord().getName() + "." + component.getName() + ": ";
  }

  private static Class<?> boxed(Class<?> type) {
    return BOXES.getOrDefault(type, type);
  }

  private static String snakeCase(String name) {
    return name.replaceAll("([a-z0-9])([A-Z])", "$1_$2")
        .replaceAll("([A-Z])([A-Z][a-z])", "$1_$2")
        .toLowerCase(Locale.ROOT);
  }
}

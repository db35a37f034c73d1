package io.headpond;

import java.util.Arrays;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What must hold of an entry for a write to be carried out. It is checked in the same step as the write, against the entry
 * as readers see it, whether the database has it yet or not. A write whose condition does not hold fails with {@link ConditionFailedException} and
 * leaves nothing. Immutable.
 *
 * <p>Without a version column the version of a loaded value is given by the load: {@link #version} may then fail although nobody has
 * written, after the value was evicted; it never holds although somebody has.
 */
public sealed interface Condition {
  /** There is no such entry. */
  static Condition absent() {
    return Absent.INSTANCE;
  }

  /** There is such an entry, in whatever version. */
  static Condition present() {
    return Present.INSTANCE;
  }

  /**
   * The entry exists and has one of these versions.
   *
   * @param versions at least one, as from {@link Entry#version} or {@link Receipt#version}
   */
  static Condition version(long... versions) {
    return new Versions(Arrays.stream(versions).boxed().collect(Collectors.toUnmodifiableSet()));
  }

  /** Whether it holds of an entry that exists or not, with this version. */
  boolean holds(boolean exists, long version);

  /** See {@link Condition#absent}. */
  record Absent() implements Condition {
    private static final Absent INSTANCE = new Absent();

    @Override
    public boolean holds(boolean exists, long version) {
      return !exists;
    }

    @Override
    public String toString() {
      return "the entry must not exist";
    }
  }

  /** See {@link Condition#present}. */
  record Present() implements Condition {
    private static final Present INSTANCE = new Present();

    @Override
    public boolean holds(boolean exists, long version) {
      return exists;
    }

    @Override
    public String toString() {
      return "the entry must exist";
    }
  }

  /** See {@link Condition#version}. */
  record Versions(Set<Long> versions) implements Condition {
    public Versions {
      if (versions.isEmpty()) {
        throw new IllegalArgumentException("versions: must not be empty");
      }
      versions = Set.copyOf(versions);
    }

    @Override
    public boolean holds(boolean exists, long version) {
      return exists && versions.contains(version);
    }

    @Override
    public String toString() {
      return "the entry must have version "
          + versions.stream().sorted().map(String::valueOf).collect(Collectors.joining(" or "));
    }
  }
}

package io.headpond.spi;

import io.headpond.Column;
import io.headpond.ConfigurationException;
import io.headpond.Key;
import io.headpond.RowType;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The key column that says whose an entry is.
 *
 * <p>Who shares a limit among tenants lets each have at most as much as all of them leave free: one alone takes half of it, two a third each, {@code n} of them {@code limit /
 * (n + 1)} each, which is their share; a newcomer finds room, and nobody has to know how many there are (A. Choudhury, E. Hahne, "Dynamic queue length thresholds for
 * shared-memory packet switches", IEEE/ACM Transactions on Networking 6(2), 1998). So a tenant below its share is not refused as long as the others
 * keep to theirs. It is slowed down from half of what it may have on, but never while it has less than half of its share, whatever the others have.
 *
 * <p>Immutable.
 */
public final class TenantColumn {
  private final int index;
  private final int count;

  private TenantColumn(int index, int count) {
    this.index = index;
    this.count = count;
  }

  /**
   * The column of this name; null if there is no name.
   *
   * @throws ConfigurationException if it is no key column
   */
  public static @Nullable TenantColumn of(RowType type, @Nullable String name) {
    if (name == null) {
      return null;
    }
    List<String> names = type.keyColumns().stream().map(Column::name).toList();
    if (!names.contains(name)) {
      throw new ConfigurationException(
          "tenant: " + name + ": must be one of the key's columns, " + String.join(", ", names));
    }
    return new TenantColumn(names.indexOf(name), names.size());
  }

  /** Whose the entry is: equal for two keys that have the same value in this column. */
  public Key of(Key key) {
    return count == 1 ? key : Key.ofCanonical(RowCodec.splitKey(key, count).get(index));
  }

  /** Whether a tenant that has so much may have more, where all have so much. */
  public static boolean admits(long own, long all, long limit) {
    return own < limit - all;
  }
}

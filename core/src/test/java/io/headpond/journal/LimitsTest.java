package io.headpond.journal;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.ColumnType;
import io.headpond.Key;
import io.headpond.RowType;
import io.headpond.spi.TenantColumn;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What is counted when several count at once. */
class LimitsTest {
  private static final RowType TYPE =
      RowType.builder().key("shop", ColumnType.TEXT).key("id", ColumnType.BIGINT).build();
  private static final int ENTRIES = 500;
  private static final int BYTES = 20_000;

  private static Key key(String tenant, long id) {
    return TYPE.key(tenant, id);
  }

  private record Held(Tenant tenant, int size) {}

  /** Counters come and go all the time; none may be counted where nobody looks any more. */
  @Test
  @Timeout(60)
  void whatManyCountAtOnceNeverPassesTheLimitAndLeavesNothing() throws Exception {
    Limits limits = new Limits(ENTRIES, BYTES, TenantColumn.of(TYPE, "shop"));
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try {
      List<Future<?>> all = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        int seed = i;
        all.add(threads.submit(() -> count(limits, new Random(seed))));
      }
      for (Future<?> one : all) {
        one.get(50, TimeUnit.SECONDS);
      }
    } finally {
      threads.shutdownNow();
    }
    assertThat(limits.entries()).isZero();
    assertThat(limits.tenants()).isZero();
    assertThat(limits.fits(BYTES, false)).isTrue();
    assertThat(limits.fits(BYTES + 1, false)).isFalse();
  }

  private static void count(Limits limits, Random random) {
    ArrayDeque<Held> held = new ArrayDeque<>();
    for (int i = 0; i < 200_000; i++) {
      if (random.nextInt(9) < 5) {
        int size = 1 + random.nextInt(80);
        Key key = key("t" + random.nextInt(3), i);
        Tenant tenant = random.nextInt(50) == 0 ? limits.add(key, size) : limits.admit(key, size);
        if (tenant != null) {
          held.add(new Held(tenant, size));
        }
      } else if (!held.isEmpty()) {
        Held of = held.poll();
        int more = random.nextInt(20) - 10;
        if (random.nextBoolean() && of.size + more > 0 && limits.admitBytes(of.tenant, more)) {
          limits.addDeferred(of.tenant, 1, of.size + more);
          limits.usage(of.tenant);
          limits.addDeferred(of.tenant, -1, -of.size - more);
          limits.grow(of.tenant, -more);
        }
        limits.remove(of.tenant, of.size);
      }
    }
    held.forEach(of -> limits.remove(of.tenant, of.size));
  }

  /** As long as all only ask. */
  @Test
  @Timeout(60)
  void theLimitHoldsAtEveryMoment() throws Exception {
    Limits limits = new Limits(ENTRIES, BYTES, TenantColumn.of(TYPE, "shop"));
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try {
      List<Future<Integer>> all = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        int seed = i;
        all.add(
            threads.submit(
                () -> {
                  int admitted = 0;
                  for (int j = 0; j < 100_000; j++) {
                    admitted += limits.admit(key("t" + seed + "-" + j, seed), 1) == null ? 0 : 1;
                  }
                  return admitted;
                }));
      }
      int sum = 0;
      for (Future<Integer> one : all) {
        sum += one.get(50, TimeUnit.SECONDS);
      }
      // A thousand tenants of one entry each: nobody is in anybody's way but for the limit.
      assertThat(sum).isEqualTo(ENTRIES);
      assertThat(limits.entries()).isEqualTo(ENTRIES);
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void withoutTenantsNothingIsCountedOfThem() {
    Limits limits = new Limits(ENTRIES, BYTES, null);
    assertThat(limits.admit(key("t", 1), 10)).isSameAs(Tenant.EVERYBODY);
    assertThat(limits.tenants()).isZero();
    assertThat(Tenant.EVERYBODY.entries()).isZero();
    assertThat(Tenant.EVERYBODY.bytes()).isZero();
  }
}

package io.headpond.server.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ColumnType;
import io.headpond.ErrorClass;
import io.headpond.OutcomeUnknownException;
import io.headpond.RowType;
import io.headpond.UnavailableException;
import io.headpond.spi.Applied;
import io.headpond.spi.Applied.Outcome;
import io.headpond.spi.Batch;
import io.headpond.spi.Lease;
import io.headpond.spi.Mutation;
import io.headpond.spi.StoreId;
import io.headpond.spi.SystemOfRecord;
import io.headpond.testkit.FakeDatabase;
import io.headpond.testkit.ManualEnvironment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** The lab between the engine and the database: what it makes up keeps the port's promises. */
class SimulatedFailuresTest {
  private static final RowType TYPE =
      RowType.builder().key("id", ColumnType.BIGINT).column("name", ColumnType.TEXT).build();
  private static final StoreId STORE = new StoreId(new UUID(7, 1), "a test");
  private static final int ROWS = 1_000;

  private final ManualEnvironment environment = new ManualEnvironment();
  private final FakeDatabase database = new FakeDatabase(environment);
  private final Lab lab = new Lab();
  private final Random random = new Random(5);
  private final SystemOfRecord record = new SimulatedFailures(database, lab).connect("d", TYPE);
  private final Lease lease = lease();

  private Lease lease() {
    environment.await(record.bind(STORE, 1, false));
    return environment.await(record.acquire(STORE, 0));
  }

  @Test
  void offItIsNotThere() {
    Batch batch = batch(10);
    assertThat(environment.await(record.apply(batch, lease)).outcomes())
        .allMatch(Applied.Done.class::isInstance);
    assertThat(database.frontier(0)).isEqualTo(batch.frontier());
    assertThat(lab.reasons()).isEmpty();
  }

  @Test
  void eachRowOfEachAttemptIsHitByItselfAndTheOthersAreCommitted() {
    lab.change(new LabSettings(true, 0.3, false));
    Batch first = batch(ROWS);
    List<Boolean> hit = hits(first);
    assertThat(hit.stream().filter(h -> h).count()).isBetween(230L, 370L);
    for (int i = 0; i < ROWS; i++) {
      assertThat(database.row(first.mutations().get(i).key()) == null).isEqualTo(hit.get(i));
    }
    // The same rows under another attempt: another draw.
    List<Boolean> again = hits(new Batch(random.nextLong(), first.mutations(), 77));
    long both = 0;
    for (int i = 0; i < ROWS; i++) {
      both += hit.get(i) && again.get(i) ? 1 : 0;
    }
    assertThat(both).isBetween(50L, 140L);
  }

  @Test
  void theFrontierStaysWhereRowsAreMissing() {
    Batch whole = batch(3);
    environment.await(record.apply(whole, lease));
    lab.change(new LabSettings(true, 1, false));
    Batch later = new Batch(random.nextLong(), batch(3).mutations(), whole.frontier() + 1);
    assertThat(hits(later)).containsOnly(true);
    assertThat(database.frontier(0)).isEqualTo(whole.frontier());
  }

  /** Some of its rows are committed: they must not be said to be refused, nor the refused ones to be committed. */
  @Test
  void aBatchThatIsAppliedAgainTellsTheSameStoryWhateverTheSwitchIsNow() {
    for (LabSettings now :
        List.of(
            LabSettings.OFF,
            new LabSettings(true, 0, false),
            new LabSettings(true, 1, false),
            new LabSettings(true, 0.5, false))) {
      lab.change(new LabSettings(true, 0.5, false));
      Batch batch = batch(100);
      Lease before = environment.await(record.acquire(STORE, 0));
      database.loseNextReply();
      assertThatThrownBy(() -> environment.await(record.apply(batch, before)))
          .isInstanceOf(OutcomeUnknownException.class);
      lab.change(now);
      Lease anew = environment.await(record.acquire(STORE, 0));
      Applied applied = environment.await(record.apply(batch, anew));
      for (int i = 0; i < 100; i++) {
        boolean committed = database.row(batch.mutations().get(i).key()) != null;
        assertThat(applied.outcomes().get(i) instanceof Applied.Done)
            .as("row " + i + " under " + now)
            .isEqualTo(committed);
      }
    }
  }

  @Test
  void aRefusalIsOfTheLabsClassAndSaysSo() {
    lab.change(new LabSettings(true, 1, false));
    Outcome outcome = environment.await(record.apply(batch(1), lease)).outcomes().get(0);
    assertThat(outcome).isInstanceOf(Applied.Rejected.class);
    assertThat(((Applied.Rejected) outcome).error().errorClass()).isEqualTo(ErrorClass.SIMULATED);
    assertThat(((Applied.Rejected) outcome).error().message()).contains("the lab");
  }

  @Test
  void anOutageFailsEveryRequestAndLeavesNothing() {
    lab.change(new LabSettings(false, 0.5, true));
    Batch batch = batch(1);
    for (var request :
        List.of(
            record.apply(batch, lease),
            record.acquire(STORE, 0),
            record.bind(STORE, 1, false),
            record.release(lease),
            record.load(List.of(batch.mutations().get(0).key())),
            record.nextKeys(1))) {
      assertThatThrownBy(() -> environment.await(request))
          .isInstanceOf(UnavailableException.class)
          .hasMessageContaining("simulated outage");
    }
    assertThatThrownBy(() -> new SimulatedFailures(database, lab).connect("d", TYPE))
        .isInstanceOf(UnavailableException.class);
    assertThat(database.rows()).isEmpty();
    lab.change(LabSettings.OFF);
    environment.await(record.apply(batch, lease));
    assertThat(database.rows()).hasSize(1);
  }

  @Test
  void aServerThatBeginsWithoutItsDatabaseCanDoSoInAnOutage() {
    byte[] mapping = record.mapping();
    lab.change(new LabSettings(false, 0.5, true));
    SystemOfRecord resumed = new SimulatedFailures(database, lab).resume("d", TYPE, mapping);
    assertThat(resumed.rowType()).isEqualTo(TYPE);
    assertThatThrownBy(() -> environment.await(resumed.acquire(STORE, 0)))
        .isInstanceOf(UnavailableException.class);
  }

  private List<Boolean> hits(Batch batch) {
    return environment.await(record.apply(batch, lease)).outcomes().stream()
        .map(Applied.Rejected.class::isInstance)
        .toList();
  }

  private Batch batch(int rows) {
    List<Mutation> mutations = new ArrayList<>();
    for (int i = 0; i < rows; i++) {
      mutations.add(
          new Mutation.Put(TYPE.key(random.nextLong()), TYPE.rowOf("n"), 1 + i, random.nextLong()));
    }
    return new Batch(random.nextLong(), mutations, 50);
  }
}

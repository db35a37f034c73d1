package io.headpond.bench.micro;

import io.headpond.ColumnType;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.spi.RowCodec;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** What it costs to bring keys and rows into their canonical form and into bytes. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class CodecBenchmark {
  private static final RowType TYPE =
      RowType.builder().key("key", ColumnType.TEXT).column("value", ColumnType.TEXT).build();

  private final String key = "key-000000012345";
  private final String value = "x".repeat(100);
  private final Row row = TYPE.rowOf(value);
  private final byte[] encoded = RowCodec.encode(row);

  /** Text to a canonical key. */
  @Benchmark
  public Key key() {
    return TYPE.key(key);
  }

  /** Text to a canonical row. */
  @Benchmark
  public Row row() {
    return TYPE.rowOf(value);
  }

  /** A row to its bytes. */
  @Benchmark
  public byte[] encode() {
    return RowCodec.encode(row);
  }

  /** How many bytes a row has. */
  @Benchmark
  public int size() {
    return row.encodedSize();
  }

  /** Bytes to a row. */
  @Benchmark
  public Row decode() {
    return RowCodec.decode(TYPE, ByteBuffer.wrap(encoded));
  }
}

// The Java driver 4 against a running cluster; see ../README.md for the story and the environment.

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.DefaultConsistencyLevel;
import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.api.core.config.DriverConfigLoader;
import com.datastax.oss.driver.api.core.cql.AsyncResultSet;
import com.datastax.oss.driver.api.core.cql.BatchStatement;
import com.datastax.oss.driver.api.core.cql.DefaultBatchType;
import com.datastax.oss.driver.api.core.cql.PagingState;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.ResultSet;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import com.datastax.oss.driver.api.core.metadata.schema.ClusteringOrder;
import com.datastax.oss.driver.api.core.metadata.schema.TableMetadata;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;

public class Driver {
  static final String[] HOSTS = environment("CQL_HOSTS", "127.0.0.1").split(",");
  static final int PORT = Integer.parseInt(environment("CQL_PORT", "9042"));
  static final String KEYSPACE = "driver_java";
  static final long OUTAGE_MILLISECONDS = 3_000;

  record Column(String name, String type, String literal, Object value) {}

  interface Step {
    void run(CqlSession session) throws Exception;
  }

  static String environment(String name, String otherwise) {
    String value = System.getenv(name);
    return value == null || value.isEmpty() ? otherwise : value;
  }

  static void check(boolean holds, String otherwise) {
    if (!holds) {
      throw new AssertionError(otherwise);
    }
  }

  static List<Column> columns() throws Exception {
    UUID uuid = UUID.fromString("123e4567-e89b-42d3-a456-426614174000");
    UUID timeUuid = UUID.fromString("50554d6e-29bb-11e5-b345-feff819cdc9f");
    return List.of(
        new Column("c_ascii", "ascii", "'plain'", "plain"),
        new Column("c_bigint", "bigint", "-9223372036854775808", Long.MIN_VALUE),
        new Column("c_blob", "blob", "0x00ff10", ByteBuffer.wrap(new byte[] {0, -1, 16})),
        new Column("c_boolean", "boolean", "true", true),
        new Column("c_date", "date", "'2026-02-28'", LocalDate.of(2026, 2, 28)),
        new Column("c_decimal", "decimal", "-12345.678900", new BigDecimal("-12345.678900")),
        new Column("c_double", "double", "0.1", 0.1),
        new Column("c_float", "float", "0.5", 0.5f),
        new Column("c_inet", "inet", "'2001:db8::1'", InetAddress.getByName("2001:db8::1")),
        new Column("c_int", "int", "-2147483648", Integer.MIN_VALUE),
        new Column("c_smallint", "smallint", "-32768", Short.MIN_VALUE),
        new Column("c_text", "text", "'drei Blätter, 三つ葉'", "drei Blätter, 三つ葉"),
        new Column("c_time", "time", "'23:59:59.999999999'", LocalTime.of(23, 59, 59, 999_999_999)),
        new Column("c_timestamp", "timestamp", "'2026-02-28T12:34:56.789Z'", Instant.parse("2026-02-28T12:34:56.789Z")),
        new Column("c_timeuuid", "timeuuid", timeUuid.toString(), timeUuid),
        new Column("c_tinyint", "tinyint", "-128", Byte.MIN_VALUE),
        new Column("c_uuid", "uuid", uuid.toString(), uuid),
        new Column("c_varchar", "varchar", "'it''s'", "it's"),
        new Column("c_varint", "varint", "-170141183460469231731687303715884105729",
            new BigInteger("-170141183460469231731687303715884105729")),
        new Column("l_int", "list<int>", "[3, 1, 3]", List.of(3, 1, 3)),
        new Column("s_text", "set<text>", "{'b', 'a'}", Set.of("a", "b")),
        new Column("m_text_bigint", "map<text, bigint>", "{'x': 1, 'y': -1}", Map.of("x", 1L, "y", -1L)),
        new Column("f_list", "frozen<list<uuid>>", "[" + uuid + "]", List.of(uuid)),
        new Column("f_set", "frozen<set<int>>", "{2, 1}", Set.of(1, 2)),
        new Column("f_map", "frozen<map<int, text>>", "{1: 'one'}", Map.of(1, "one")));
  }

  static CqlSession connect() {
    DriverConfigLoader loader = DriverConfigLoader.programmaticBuilder()
        .withDuration(DefaultDriverOption.REQUEST_TIMEOUT, Duration.ofSeconds(10))
        .withString(DefaultDriverOption.REQUEST_CONSISTENCY, DefaultConsistencyLevel.LOCAL_QUORUM.name())
        .withBoolean(DefaultDriverOption.REQUEST_DEFAULT_IDEMPOTENCE, true)
        .withDuration(DefaultDriverOption.RECONNECTION_BASE_DELAY, Duration.ofMillis(250))
        .withDuration(DefaultDriverOption.RECONNECTION_MAX_DELAY, Duration.ofSeconds(1))
        .withString(DefaultDriverOption.LOAD_BALANCING_LOCAL_DATACENTER, environment("CQL_DATA_CENTER", "datacenter1"))
        .build();
    return CqlSession.builder()
        .addContactPoints(Arrays.stream(HOSTS).map(host -> new InetSocketAddress(host, PORT)).collect(Collectors.toList()))
        .withConfigLoader(loader)
        .build();
  }

  static void schema(CqlSession session) throws Exception {
    String columns = columns().stream().map(each -> each.name() + " " + each.type()).collect(Collectors.joining(", "));
    for (String statement : List.of(
        "DROP KEYSPACE IF EXISTS driver_java",
        "CREATE KEYSPACE driver_java WITH replication = {'class': 'NetworkTopologyStrategy', 'replication_factor': "
            + environment("CQL_REPLICATION", "3") + "}",
        "CREATE TABLE driver_java.types (id int PRIMARY KEY, " + columns + ")",
        "CREATE TABLE driver_java.wide (p text, q int, r int, s int, fixed text static, v text, PRIMARY KEY ((p, q), r, s))"
            + " WITH CLUSTERING ORDER BY (r DESC, s ASC)",
        "CREATE TABLE driver_java.load (id bigint PRIMARY KEY, v text)",
        "CREATE TABLE driver_java.second (p text, q int, v text, PRIMARY KEY ((p, q)))")) {
      session.execute(statement);
    }
    TableMetadata wide = session.refreshSchema().getKeyspace(KEYSPACE).orElseThrow().getTable("wide").orElseThrow();
    check(wide.getPartitionKey().size() == 2, "partition key " + wide.getPartitionKey());
    check(List.copyOf(wide.getClusteringColumns().values()).equals(List.of(ClusteringOrder.DESC, ClusteringOrder.ASC)),
        "clustering " + wide.getClusteringColumns());
    check(wide.getColumn("fixed").orElseThrow().isStatic(), "fixed is not static");
    var nodes = session.getMetadata().getNodes().values();
    check(nodes.size() == HOSTS.length, "nodes " + nodes);
    check(nodes.stream().map(node -> node.getRack()).distinct().count() == HOSTS.length, "racks of " + nodes);
    check(session.getMetadata().getTokenMap().isPresent(), "no token map");
  }

  static void types(CqlSession session) throws Exception {
    List<Column> columns = columns();
    String names = columns.stream().map(Column::name).collect(Collectors.joining(", "));
    String literals = columns.stream().map(Column::literal).collect(Collectors.joining(", "));
    session.execute("INSERT INTO driver_java.types (id, " + names + ") VALUES (1, " + literals + ")");
    String markers = String.join(", ", Collections.nCopies(columns.size(), "?"));
    PreparedStatement insert =
        session.prepare("INSERT INTO driver_java.types (id, " + names + ") VALUES (?, " + markers + ")");
    List<Object> values = new ArrayList<>(List.of(2));
    columns.forEach(each -> values.add(each.value()));
    session.execute(insert.bind(values.toArray()));
    for (int id : new int[] {1, 2}) {
      Row row = session.execute("SELECT " + names + " FROM driver_java.types WHERE id = " + id).one();
      for (Column each : columns) {
        Object seen = row.getObject(each.name());
        check(each.value().equals(seen), each.name() + " of row " + id + ": " + seen + " is not " + each.value());
      }
    }
    Object[] nothing = new Object[columns.size() + 1];
    nothing[0] = 2;
    session.execute(insert.bind(nothing));
    Row row = session.execute("SELECT " + names + " FROM driver_java.types WHERE id = 2").one();
    for (Column each : columns) {
      check(row.isNull(each.name()), each.name() + " is not null");
    }
  }

  static void markers(CqlSession session) {
    PreparedStatement insert =
        session.prepare("INSERT INTO driver_java.wide (p, q, r, s, v) VALUES (:p, :q, :r, :s, :v)");
    var bound = insert.bind().setString("p", "named").setInt("q", 1).setInt("r", 1).setInt("s", 1);
    String select = "SELECT v FROM driver_java.wide WHERE p = 'named' AND q = 1";
    session.execute(bound.setString("v", "a"));
    session.execute(bound.unset("v"));
    check("a".equals(session.execute(select).one().getString("v")), "unset must leave what is there");
    session.execute(bound.setToNull("v"));
    check(session.execute(select).one().isNull("v"), "null must delete");
  }

  static void paging(CqlSession session) throws Exception {
    PreparedStatement insert =
        session.prepare("INSERT INTO driver_java.wide (p, q, r, s, v) VALUES ('pages', 1, ?, ?, ?)");
    List<CompletionStage<AsyncResultSet>> pending = new ArrayList<>();
    for (int number = 0; number < 500; number++) {
      pending.add(session.executeAsync(insert.bind(number / 25, number % 25, "x")));
    }
    for (CompletionStage<AsyncResultSet> each : pending) {
      each.toCompletableFuture().get();
    }
    SimpleStatement select =
        SimpleStatement.newInstance("SELECT r, s FROM driver_java.wide WHERE p = 'pages' AND q = 1").setPageSize(37);
    int count = 0;
    for (Row row : session.execute(select)) {
      check(row.getInt(0) == 19 - count / 25 && row.getInt(1) == count % 25, "row " + count + " is out of order");
      count++;
    }
    check(count == 500, count + " rows");
    ResultSet first = session.execute(select);
    int head = first.getAvailableWithoutFetching();
    PagingState state = first.getExecutionInfo().getSafePagingState();
    try (CqlSession other = connect()) {
      int rest = other.execute(select.setPagingState(state, other)).all().size();
      check(head + rest == 500, head + " rows on the first page and " + rest + " on another connection");
    }
  }

  static void conditions(CqlSession session) {
    String create = "INSERT INTO driver_java.second (p, q, v) VALUES ('lwt', 1, 'one') IF NOT EXISTS";
    check(session.execute(create).wasApplied(), "the first creation");
    ResultSet rejected = session.execute(create);
    check(!rejected.wasApplied() && "one".equals(rejected.one().getString("v")), "the second creation");
    PreparedStatement update = session.prepare("UPDATE driver_java.second SET v = ? WHERE p = 'lwt' AND q = 1 IF v = ?");
    check(session.execute(update.bind("two", "one")).wasApplied(), "an update that fits");
    rejected = session.execute(update.bind("three", "one"));
    check(!rejected.wasApplied() && "two".equals(rejected.one().getString("v")), "an update that does not fit");
  }

  static void batches(CqlSession session) {
    PreparedStatement insert =
        session.prepare("INSERT INTO driver_java.wide (p, q, r, s, v) VALUES ('batch', 7, ?, 0, ?)");
    BatchStatement batch = BatchStatement.newInstance(DefaultBatchType.UNLOGGED);
    for (int r = 0; r < 10; r++) {
      batch = batch.add(insert.bind(r, Integer.toString(r)));
    }
    batch = batch.add(SimpleStatement.newInstance("INSERT INTO driver_java.second (p, q, v) VALUES ('batch', 7, 'with it')"));
    session.execute(batch);
    int rows = session.execute("SELECT r FROM driver_java.wide WHERE p = 'batch' AND q = 7").all().size();
    check(rows == 10, rows + " rows");
    check(session.execute("SELECT v FROM driver_java.second WHERE p = 'batch' AND q = 7").one() != null, "the other table");
  }

  static void outage(CqlSession session) throws Exception {
    PreparedStatement insert = session.prepare("INSERT INTO driver_java.load (id, v) VALUES (?, ?)");
    List<Long> acknowledged = Collections.synchronizedList(new ArrayList<>());
    List<Long> times = Collections.synchronizedList(new ArrayList<>());
    List<Throwable> errors = Collections.synchronizedList(new ArrayList<>());
    AtomicBoolean going = new AtomicBoolean(true);
    List<Thread> writers = new ArrayList<>();
    for (int number = 0; number < 8; number++) {
      long offset = number;
      Thread writer = new Thread(() -> {
        for (long turn = 0; going.get(); turn++) {
          long key = turn * 8 + offset;
          try {
            session.execute(insert.bind(key, "value"));
            acknowledged.add(key);
            times.add(System.nanoTime());
          } catch (RuntimeException error) {
            errors.add(error);
          }
        }
      });
      writer.start();
      writers.add(writer);
    }
    Thread.sleep(1_000);
    for (String command : List.of("ZONE_STOP", "ZONE_START")) {
      if (System.getenv(command) != null) {
        int status = new ProcessBuilder("sh", "-c", System.getenv(command)).redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD).start().waitFor();
        check(status == 0, command + " ended with " + status);
      }
      Thread.sleep(OUTAGE_MILLISECONDS);
    }
    going.set(false);
    for (Thread writer : writers) {
      writer.join();
    }
    Collections.sort(times);
    long gap = 0;
    for (int n = 1; n < times.size(); n++) {
      gap = Math.max(gap, times.get(n) - times.get(n - 1));
    }
    PreparedStatement select = session.prepare("SELECT id FROM driver_java.load WHERE id = ?");
    List<Long> missing = new ArrayList<>();
    for (Long key : acknowledged) {
      if (session.execute(select.bind(key)).one() == null) {
        missing.add(key);
      }
    }
    System.out.printf("   %d writes acknowledged, %d errors, longest gap %d ms%n", acknowledged.size(), errors.size(), gap / 1_000_000);
    check(errors.isEmpty(), errors.size() + " errors, the first: " + errors.stream().findFirst().orElse(null));
    check(missing.isEmpty(), missing.size() + " acknowledged writes are missing");
  }

  public static void main(String[] arguments) {
    record Named(String name, Step step) {}
    List<Named> steps = List.of(new Named("schema", Driver::schema), new Named("types", Driver::types),
        new Named("markers", Driver::markers), new Named("paging", Driver::paging),
        new Named("conditions", Driver::conditions), new Named("batches", Driver::batches),
        new Named("entities", Mapped::entities), new Named("conditions_of_entities", Mapped::conditionsOfEntities),
        new Named("pages_of_entities", Mapped::pagesOfEntities), new Named("counters_of_entities", Mapped::counters),
        new Named("outage", Driver::outage));
    int failed = 0;
    try (CqlSession session = connect()) {
      for (Named each : steps) {
        try {
          each.step().run(session);
          System.out.println("ok " + each.name());
        } catch (Exception | AssertionError error) {
          failed++;
          System.out.println("FAIL " + each.name() + ": " + error);
          if (each.name().equals("schema")) {
            break;
          }
        }
      }
    }
    System.exit(failed == 0 ? 0 : 1);
  }
}

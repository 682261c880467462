"""The Python driver against a running cluster; see ../README.md for the story and the environment."""

import datetime
import decimal
import ipaddress
import os
import subprocess
import sys
import threading
import time
import uuid

from cassandra import ConsistencyLevel
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import DCAwareRoundRobinPolicy, TokenAwarePolicy
from cassandra.query import UNSET_VALUE, BatchStatement, BatchType, SimpleStatement
from cassandra.util import Date, OrderedMapSerializedKey, SortedSet, Time

HOSTS = os.environ.get("CQL_HOSTS", "127.0.0.1").split(",")
PORT = int(os.environ.get("CQL_PORT", "9042"))
REPLICATION = os.environ.get("CQL_REPLICATION", "3")
OUTAGE_SECONDS = 3.0

KEYSPACE = "driver_python"

# Column, type, a literal, the value that the driver gives and takes.
SCALARS = [
    ("c_ascii", "ascii", "'plain'", "plain"),
    ("c_bigint", "bigint", "-9223372036854775808", -(2**63)),
    ("c_blob", "blob", "0x00ff10", b"\x00\xff\x10"),
    ("c_boolean", "boolean", "true", True),
    ("c_date", "date", "'2026-02-28'", Date(datetime.date(2026, 2, 28))),
    ("c_decimal", "decimal", "-12345.678900", decimal.Decimal("-12345.678900")),
    ("c_double", "double", "0.1", 0.1),
    ("c_float", "float", "0.5", 0.5),
    ("c_inet", "inet", "'2001:db8::1'", "2001:db8::1"),
    ("c_int", "int", "-2147483648", -(2**31)),
    ("c_smallint", "smallint", "-32768", -32768),
    ("c_text", "text", "'drei Blätter, 三つ葉'", "drei Blätter, 三つ葉"),
    ("c_time", "time", "'23:59:59.999999999'", Time(86399999999999)),
    ("c_timestamp", "timestamp", "'2026-02-28T12:34:56.789Z'", datetime.datetime(2026, 2, 28, 12, 34, 56, 789000)),
    ("c_timeuuid", "timeuuid", "50554d6e-29bb-11e5-b345-feff819cdc9f", uuid.UUID("50554d6e-29bb-11e5-b345-feff819cdc9f")),
    ("c_tinyint", "tinyint", "-128", -128),
    ("c_uuid", "uuid", "123e4567-e89b-42d3-a456-426614174000", uuid.UUID("123e4567-e89b-42d3-a456-426614174000")),
    ("c_varchar", "varchar", "'it''s'", "it's"),
    ("c_varint", "varint", "-170141183460469231731687303715884105729", -(2**127) - 1),
]

COLLECTIONS = [
    ("l_int", "list<int>", "[3, 1, 3]", [3, 1, 3]),
    ("s_text", "set<text>", "{'b', 'a'}", {"a", "b"}),
    ("m_text_bigint", "map<text, bigint>", "{'x': 1, 'y': -1}", {"x": 1, "y": -1}),
    ("f_list", "frozen<list<uuid>>", "[123e4567-e89b-42d3-a456-426614174000]", [uuid.UUID("123e4567-e89b-42d3-a456-426614174000")]),
    ("f_set", "frozen<set<int>>", "{2, 1}", {1, 2}),
    ("f_map", "frozen<map<int, text>>", "{1: 'one'}", {1: "one"}),
    ("l_nested", "list<frozen<map<text, int>>>", "[{'a': 1}, {'b': 2}]", [{"a": 1}, {"b": 2}]),
]


def plain(value):
    """Driver's own containers as Python's."""
    if isinstance(value, SortedSet):
        return {plain(item) for item in value}
    if isinstance(value, OrderedMapSerializedKey):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def connect():
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy()),
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL,
        request_timeout=10,
    )
    cluster = Cluster(HOSTS, port=PORT, execution_profiles={EXEC_PROFILE_DEFAULT: profile}, connect_timeout=10)
    return cluster, cluster.connect()


def schema(cluster, session):
    session.execute(f"DROP KEYSPACE IF EXISTS {KEYSPACE}")
    session.execute(
        f"CREATE KEYSPACE {KEYSPACE} WITH replication = "
        f"{{'class': 'NetworkTopologyStrategy', 'replication_factor': {REPLICATION}}}"
    )
    session.set_keyspace(KEYSPACE)
    columns = ", ".join(f"{name} {kind}" for name, kind, _, _ in SCALARS + COLLECTIONS)
    session.execute(f"CREATE TABLE types (id int PRIMARY KEY, {columns})")
    session.execute(
        "CREATE TABLE wide (p text, q int, r int, s int, fixed text static, v text, PRIMARY KEY ((p, q), r, s)) "
        "WITH CLUSTERING ORDER BY (r DESC, s ASC)"
    )
    session.execute("CREATE TABLE load (id bigint PRIMARY KEY, v text)")
    session.execute("CREATE TABLE second (p text, q int, v text, PRIMARY KEY ((p, q)))")
    cluster.refresh_schema_metadata()
    wide = cluster.metadata.keyspaces[KEYSPACE].tables["wide"]
    assert [column.name for column in wide.partition_key] == ["p", "q"], wide.partition_key
    assert [column.name for column in wide.clustering_key] == ["r", "s"], wide.clustering_key
    assert wide.columns["r"].is_reversed and not wide.columns["s"].is_reversed
    assert wide.columns["fixed"].is_static
    types = cluster.metadata.keyspaces[KEYSPACE].tables["types"]
    for name, kind, _, _ in SCALARS + COLLECTIONS:
        seen = types.columns[name].cql_type
        assert seen == kind.replace("varchar", "text"), f"{name}: {seen} is not {kind}"
    hosts = {host.address for host in cluster.metadata.all_hosts()}
    assert hosts == set(HOSTS), hosts
    assert len({host.rack for host in cluster.metadata.all_hosts()}) == len(HOSTS)


def types(_cluster, session):
    everything = SCALARS + COLLECTIONS
    names = ", ".join(name for name, _, _, _ in everything)
    literals = ", ".join(literal for _, _, literal, _ in everything)
    session.execute(f"INSERT INTO types (id, {names}) VALUES (1, {literals})")
    markers = ", ".join("?" for _ in everything)
    insert = session.prepare(f"INSERT INTO types (id, {names}) VALUES (?, {markers})")
    session.execute(insert, [2] + [value for _, _, _, value in everything])
    select = session.prepare(f"SELECT {names} FROM types WHERE id = ?")
    for row_id in (1, 2):
        row = session.execute(select, [row_id]).one()
        for (name, _, _, value), seen in zip(everything, row):
            seen = plain(seen)
            assert seen == value, f"{name} of row {row_id}: {seen!r} is not {value!r}"
    # Nothing is null, then everything is.
    session.execute(insert, [2] + [None for _ in everything])
    row = session.execute(select, [2]).one()
    assert all(seen is None or seen == [] for seen in row), row
    # Element operations.
    session.execute("UPDATE types SET l_int = l_int + [9], s_text = s_text - {'a'}, m_text_bigint['z'] = 5 WHERE id = 1")
    session.execute("UPDATE types SET l_int[0] = 7 WHERE id = 1")
    session.execute("DELETE m_text_bigint['x'] FROM types WHERE id = 1")
    row = session.execute("SELECT l_int, s_text, m_text_bigint FROM types WHERE id = 1").one()
    assert plain(row.l_int) == [7, 1, 3, 9], row.l_int
    assert plain(row.s_text) == {"b"}, row.s_text
    assert plain(row.m_text_bigint) == {"y": -1, "z": 5}, row.m_text_bigint


def markers(_cluster, session):
    named = session.prepare("INSERT INTO wide (p, q, r, s, v) VALUES (:p, :q, :r, :s, :v)")
    session.execute(named, {"p": "named", "q": 1, "r": 1, "s": 1, "v": "a"})
    session.execute(named, {"p": "named", "q": 1, "r": 1, "s": 1, "v": UNSET_VALUE})
    row = session.execute("SELECT v FROM wide WHERE p = %s AND q = %s", ("named", 1)).one()
    assert row.v == "a", "unset must leave what is there"
    session.execute(named, {"p": "named", "q": 1, "r": 1, "s": 1, "v": None})
    row = session.execute("SELECT v FROM wide WHERE p = %s AND q = %s", ("named", 1)).one()
    assert row.v is None, "null must delete"


def paging(_cluster, session):
    insert = session.prepare("INSERT INTO wide (p, q, r, s, v) VALUES ('pages', 1, ?, ?, ?)")
    for future in [session.execute_async(insert, (r, s, f"{r}/{s}")) for r in range(20) for s in range(25)]:
        future.result()
    statement = SimpleStatement("SELECT r, s, v FROM wide WHERE p = 'pages' AND q = 1", fetch_size=37)
    seen = [(row.r, row.s) for row in session.execute(statement)]
    assert seen == [(r, s) for r in reversed(range(20)) for s in range(25)], f"{len(seen)} rows, or in another order"
    # A page's state is good on another connection, even of another session.
    first = session.execute(statement)
    state, head = first.paging_state, len(first.current_rows)
    other_cluster, other = connect()
    rest = list(other.execute(SimpleStatement(f"SELECT r, s, v FROM {KEYSPACE}.wide WHERE p = 'pages' AND q = 1", fetch_size=37), paging_state=state))
    other_cluster.shutdown()
    assert head + len(rest) == 500, f"{head} + {len(rest)}"
    whole = SimpleStatement("SELECT p, q, r FROM wide", fetch_size=50)
    assert len([row for row in session.execute(whole) if row.p == "pages"]) == 500
    assert session.execute("SELECT count(*) FROM wide WHERE p = 'pages' AND q = 1").one()[0] == 500
    newest = session.execute("SELECT r, s FROM wide WHERE p = 'pages' AND q = 1 AND r >= 18 LIMIT 3").all()
    assert [(row.r, row.s) for row in newest] == [(19, 0), (19, 1), (19, 2)], newest


def conditions(_cluster, session):
    create = "INSERT INTO second (p, q, v) VALUES ('lwt', 1, 'one') IF NOT EXISTS"
    assert session.execute(create).one().applied
    rejected = session.execute(create).one()
    assert not rejected.applied and rejected.v == "one", rejected
    update = session.prepare("UPDATE second SET v = ? WHERE p = 'lwt' AND q = 1 IF v = ?")
    assert session.execute(update, ("two", "one")).one().applied
    rejected = session.execute(update, ("three", "one")).one()
    assert not rejected.applied and rejected.v == "two", rejected
    assert not session.execute("DELETE FROM second WHERE p = 'none' AND q = 0 IF EXISTS").one().applied
    serial = SimpleStatement("SELECT v FROM second WHERE p = 'lwt' AND q = 1", consistency_level=ConsistencyLevel.SERIAL)
    assert session.execute(serial).one().v == "two"


def batches(_cluster, session):
    insert = session.prepare("INSERT INTO wide (p, q, r, s, v) VALUES ('batch', 7, ?, 0, ?)")
    batch = BatchStatement(BatchType.UNLOGGED)
    for r in range(10):
        batch.add(insert, (r, str(r)))
    batch.add(SimpleStatement("INSERT INTO second (p, q, v) VALUES ('batch', 7, 'with it')"))
    batch.add(SimpleStatement("UPDATE wide SET fixed = 'static' WHERE p = 'batch' AND q = 7"))
    session.execute(batch)
    rows = session.execute("SELECT r, v, fixed FROM wide WHERE p = 'batch' AND q = 7").all()
    assert [(row.r, row.v, row.fixed) for row in rows] == [(r, str(r), "static") for r in reversed(range(10))], rows
    assert session.execute("SELECT v FROM second WHERE p = 'batch' AND q = 7").one().v == "with it"


def time_to_live(_cluster, session):
    session.execute("INSERT INTO second (p, q, v) VALUES ('ttl', 1, 'x') USING TTL 1000 AND TIMESTAMP 1234567890")
    row = session.execute("SELECT ttl(v), writetime(v) FROM second WHERE p = 'ttl' AND q = 1").one()
    assert 0 < row[0] <= 1000 and row[1] == 1234567890, row


def outage(_cluster, session):
    """Writers go on while a zone is away; every acknowledged write must be there afterwards."""
    insert = session.prepare("INSERT INTO load (id, v) VALUES (?, ?)")
    insert.is_idempotent = True
    stop_at = threading.Event()
    acknowledged, errors, times = [], [], []

    def writer(number):
        turn = 0
        while not stop_at.is_set():
            key = turn * 8 + number
            try:
                session.execute(insert, (key, f"value {key}"))
                acknowledged.append(key)
                times.append(time.monotonic())
            except Exception as error:  # whatever it is, the driver gave up on it
                errors.append(repr(error))
            turn += 1

    writers = [threading.Thread(target=writer, args=(number,)) for number in range(8)]
    for thread in writers:
        thread.start()
    time.sleep(1)
    for command in ("ZONE_STOP", "ZONE_START"):
        if os.environ.get(command):
            subprocess.run(os.environ[command], shell=True, check=True, stdout=subprocess.DEVNULL)
        time.sleep(OUTAGE_SECONDS)
    stop_at.set()
    for thread in writers:
        thread.join()
    times.sort()
    gap = max(later - earlier for earlier, later in zip(times, times[1:]))
    select = session.prepare("SELECT id FROM load WHERE id = ?")
    missing = []
    for start in range(0, len(acknowledged), 100):
        futures = [(key, session.execute_async(select, (key,))) for key in acknowledged[start : start + 100]]
        missing += [key for key, future in futures if future.result().one() is None]
    print(f"   {len(acknowledged)} writes acknowledged, {len(errors)} errors, longest gap {gap * 1000:.0f} ms")
    assert not errors, f"{len(errors)} errors, the first: {errors[0]}"
    assert not missing, f"{len(missing)} acknowledged writes are missing, e.g. {missing[:5]}"


def main():
    assert str(ipaddress.ip_address(HOSTS[0]))
    cluster, session = connect()
    failed = 0
    for step in (schema, types, markers, paging, conditions, batches, time_to_live, outage):
        try:
            step(cluster, session)
            print(f"ok {step.__name__}", flush=True)
        except Exception as error:
            failed += 1
            print(f"FAIL {step.__name__}: {type(error).__name__}: {error}", flush=True)
            if step is schema:
                break
    cluster.shutdown()
    sys.exit(1 if failed else 0)


main()

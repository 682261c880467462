"""What applications do on top of a driver: the mapper cqlengine, a scan of a whole table by token ranges (as Spark connectors
and exports do it), and cqlsh COPY both ways. See ../README.md for the environment. Needs `cqlsh` in PATH for the last."""

import csv
import datetime
import os
import subprocess
import sys
import tempfile
import uuid
import warnings
from concurrent.futures import ThreadPoolExecutor

warnings.simplefilter("ignore")
os.environ["CQLENG_ALLOW_SCHEMA_MANAGEMENT"] = "1"

from cassandra import ConsistencyLevel
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.cqlengine import columns, connection, functions, management, query
from cassandra.cqlengine.models import Model
from cassandra.cqlengine.usertype import UserType
from cassandra.policies import RoundRobinPolicy

HOSTS = os.environ.get("CQL_HOSTS", "127.0.0.1").split(",")
PORT = int(os.environ.get("CQL_PORT", "9042"))
REPLICATION = os.environ.get("CQL_REPLICATION", "3")
KEYSPACE = "applications"
RING_MIN, RING_MAX = -(2**63), 2**63 - 1


class Address(UserType):
    street = columns.Text()
    number = columns.Integer()


class Person(Model):
    __keyspace__ = KEYSPACE
    family = columns.Text(partition_key=True)
    born = columns.DateTime(primary_key=True, clustering_order="DESC")
    id = columns.UUID(primary_key=True, default=uuid.uuid4)
    motto = columns.Text(static=True)
    name = columns.Text()
    tags = columns.Set(columns.Text)
    visits = columns.List(columns.Integer)
    scores = columns.Map(columns.Text, columns.Integer)
    home = columns.UserDefinedType(Address)


class Hits(Model):
    __keyspace__ = KEYSPACE
    page = columns.Text(primary_key=True)
    count = columns.Counter()


def mapper(_session):
    management.sync_type(KEYSPACE, Address)
    for model in (Person, Hits):
        management.sync_table(model)
        # Again: nothing to do, nothing to complain of.
        management.sync_table(model)
    day = datetime.datetime(1815, 12, 10)
    ada = Person.create(
        family="lovelace", born=day, motto="analysis", name="Ada", tags={"b", "a"}, visits=[1, 2],
        scores={"x": 1}, home=Address(street="St James's Square", number=12),
    )
    for offset in range(1, 6):
        Person.create(family="lovelace", born=day + datetime.timedelta(days=offset), name=f"child {offset}")
    found = Person.objects(family="lovelace")
    assert found.count() == 6
    assert [person.name for person in found][0] == "child 5", "the newest comes first"
    assert [person.name for person in found.order_by("born").limit(2)] == ["Ada", "child 1"]
    assert all(person.motto == "analysis" for person in found)
    again = Person.get(family="lovelace", born=day, id=ada.id)
    assert (again.tags, again.visits, again.scores) == ({"a", "b"}, [1, 2], {"x": 1})
    assert (again.home.street, again.home.number) == ("St James's Square", 12)
    again.update(name="Augusta", tags={"c"}, visits=[0, 1, 2, 3], scores={"x": 2, "y": 3})
    Person.objects(family="lovelace", born=day, id=ada.id).update(tags__add={"d"}, scores__update={"z": 4}, visits__prepend=[9])
    again = Person.get(family="lovelace", born=day, id=ada.id)
    assert (again.name, again.tags, again.visits) == ("Augusta", {"c", "d"}, [9, 0, 1, 2, 3])
    assert again.scores == {"x": 2, "y": 3, "z": 4}
    try:
        Person.if_not_exists().create(family="lovelace", born=day, id=ada.id, name="Impostor")
        raise AssertionError("created twice")
    except query.LWTException as refused:
        assert refused.existing["name"] == "Augusta"
    try:
        again.iff(name="nobody").update(name="x")
        raise AssertionError("updated under a wrong condition")
    except query.LWTException:
        pass
    again = Person.get(family="lovelace", born=day, id=ada.id)
    again.iff(name="Augusta").update(name="Ada")
    with query.BatchQuery() as batch:
        Person.batch(batch).create(family="byron", born=day, name="George")
        Person.objects(family="lovelace", born=day, id=ada.id).batch(batch).update(name="Ada B.")
    assert {person.name for person in Person.objects.filter(family__in=["lovelace", "byron"])} >= {"George", "Ada B."}
    late = Person.objects(family="lovelace", born__gt=day + datetime.timedelta(days=2), born__lte=day + datetime.timedelta(days=4))
    assert [person.name for person in late] == ["child 4", "child 3"]
    assert len(list(Person.objects.filter(pk__token__gt=functions.Token("byron")).limit(100))) in (0, 6)
    assert Person.objects(name="George").allow_filtering().first().family == "byron"
    Hits.objects(page="/").update(count__add=3)
    hits = Hits.get(page="/")
    hits.count += 2
    hits.save()
    assert Hits.get(page="/").count == 5
    Person.get(family="lovelace", born=day, id=ada.id).delete()
    Person.objects(family="byron").delete()
    assert Person.objects(family="lovelace").count() == 5 and Person.objects(family="byron").count() == 0


def token_scan(session):
    session.execute(f"CREATE TABLE {KEYSPACE}.wide (k int, c int, v text, PRIMARY KEY (k, c))")
    insert = session.prepare(f"INSERT INTO {KEYSPACE}.wide (k, c, v) VALUES (?, ?, ?)")
    written = {(k, c) for k in range(300) for c in range(k % 7)}
    for future in [session.execute_async(insert, (k, c, f"{k}/{c}")) for k, c in sorted(written)]:
        future.result()
    scan = session.prepare(f"SELECT k, c, v, token(k) AS t FROM {KEYSPACE}.wide WHERE token(k) > ? AND token(k) <= ?")
    scan.fetch_size = 50
    splits = 16
    edges = [RING_MIN + (RING_MAX - RING_MIN) * part // splits for part in range(splits + 1)]
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda part: list(session.execute(scan, part)), zip(edges, edges[1:])))
    rows = [row for part in parts for row in part]
    assert len(rows) == len(written), "every row once"
    assert {(row.k, row.c) for row in rows} == written
    tokens = [row.t for row in rows]
    assert tokens == sorted(tokens), "in the order of the ring"
    whole = list(session.execute(session.prepare(f"SELECT k, c FROM {KEYSPACE}.wide")))
    assert [(row.k, row.c) for row in whole] == [(row.k, row.c) for row in rows]


def cqlsh(statement):
    command = ["cqlsh", "--request-timeout", "30", HOSTS[0], str(PORT), "-e", statement]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def copy(session):
    columns_of_copies = "k int, c timeuuid, t text, l list<int>, m map<text, frozen<set<int>>>, b blob, d decimal, ts timestamp, n double"
    for table in ("source", "copy"):
        session.execute(f"CREATE TABLE {KEYSPACE}.{table} ({columns_of_copies}, PRIMARY KEY (k, c))")
    for k in range(200):
        session.execute(
            f"INSERT INTO {KEYSPACE}.source (k, c, t, l, m, b, d, ts, n) VALUES (%s, now(), %s, [1, %s], {{'a''b': {{2, 1}}}}, 0xcafe, %s, '2024-02-29 12:34:56.789Z', 0.1)",
            (k, f"quote \" comma , 'single' é {k}", k, k),
        )
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "source.csv")
        cqlsh(f"COPY {KEYSPACE}.source TO '{path}' WITH HEADER = true")
        with open(path, newline="") as file:
            lines = len(list(csv.reader(file)))
        assert lines == 201, f"{lines} lines in the file"
        cqlsh(f"COPY {KEYSPACE}.copy FROM '{path}' WITH HEADER = true")
    both = [sorted(session.execute(f"SELECT * FROM {KEYSPACE}.{table}"), key=lambda row: row.k) for table in ("source", "copy")]
    assert len(both[1]) == 200, f"{len(both[1])} rows came back"
    different = [(one, other) for one, other in zip(*both) if tuple(one) != tuple(other)]
    assert not different, f"{len(different)} rows differ, as {different[0]}"


def main():
    profile = ExecutionProfile(load_balancing_policy=RoundRobinPolicy(), request_timeout=60)
    cluster = Cluster(HOSTS, port=PORT, execution_profiles={EXEC_PROFILE_DEFAULT: profile})
    session = cluster.connect()
    session.execute(f"DROP KEYSPACE IF EXISTS {KEYSPACE}")
    replication = f"{{'class': 'NetworkTopologyStrategy', 'replication_factor': {REPLICATION}}}"
    session.execute(f"CREATE KEYSPACE {KEYSPACE} WITH replication = {replication}")
    # The mapper changes how all sessions of its cluster give rows. By itself it reads at LOCAL_ONE: what was just written may be missing.
    level = ConsistencyLevel.LOCAL_QUORUM
    connection.setup(HOSTS, KEYSPACE, consistency=level, port=PORT, protocol_version=cluster.protocol_version)
    failed = False
    for step in (mapper, token_scan, copy):
        try:
            step(session)
            print(f"ok {step.__name__}", flush=True)
        except Exception as error:  # noqa: BLE001: whatever it is, the next step shall run
            failed = True
            print(f"FAIL {step.__name__}: {type(error).__name__} {error}", flush=True)
    session.execute(f"DROP KEYSPACE {KEYSPACE}")
    connection.get_cluster().shutdown()
    cluster.shutdown()
    return failed


if __name__ == "__main__":
    sys.exit(main())

// The Node driver against a running cluster; see ../README.md for the story and the environment.
import assert from 'node:assert/strict';
import { exec } from 'node:child_process';
import { setImmediate as nextEvent, setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import cassandra from 'cassandra-driver';

const { types, policies } = cassandra;
const hosts = (process.env.CQL_HOSTS ?? '127.0.0.1').split(',');
const port = Number(process.env.CQL_PORT ?? 9042);
const replication = process.env.CQL_REPLICATION ?? '3';
const keyspace = 'driver_node';
const outageMilliseconds = 3000;
const errorsEnough = 100; // one fails the step; more would only fill the memory

// Column, type, literal, value for the driver, and how it is compared: as text.
const uuid = '123e4567-e89b-42d3-a456-426614174000';
const scalars = [
  ['c_ascii', 'ascii', "'plain'", 'plain'],
  ['c_bigint', 'bigint', '-9223372036854775808', types.Long.fromString('-9223372036854775808')],
  ['c_blob', 'blob', '0x00ff10', Buffer.from([0, 255, 16])],
  ['c_boolean', 'boolean', 'true', true],
  ['c_date', 'date', "'2026-02-28'", types.LocalDate.fromString('2026-02-28')],
  ['c_decimal', 'decimal', '-12345.678900', types.BigDecimal.fromString('-12345.678900')],
  ['c_double', 'double', '0.1', 0.1],
  ['c_float', 'float', '0.5', 0.5],
  ['c_inet', 'inet', "'2001:db8::1'", types.InetAddress.fromString('2001:db8::1')],
  ['c_int', 'int', '-2147483648', -2147483648],
  ['c_smallint', 'smallint', '-32768', -32768],
  ['c_text', 'text', "'drei Blätter, 三つ葉'", 'drei Blätter, 三つ葉'],
  ['c_time', 'time', "'23:59:59.999999999'", types.LocalTime.fromString('23:59:59.999999999')],
  ['c_timestamp', 'timestamp', "'2026-02-28T12:34:56.789Z'", new Date('2026-02-28T12:34:56.789Z')],
  ['c_timeuuid', 'timeuuid', '50554d6e-29bb-11e5-b345-feff819cdc9f', types.TimeUuid.fromString('50554d6e-29bb-11e5-b345-feff819cdc9f')],
  ['c_tinyint', 'tinyint', '-128', -128],
  ['c_uuid', 'uuid', uuid, types.Uuid.fromString(uuid)],
  ['c_varchar', 'varchar', "'it''s'", "it's"],
  ['c_varint', 'varint', '-170141183460469231731687303715884105729', types.Integer.fromString('-170141183460469231731687303715884105729')],
];
const collections = [
  ['l_int', 'list<int>', '[3, 1, 3]', [3, 1, 3]],
  ['s_text', 'set<text>', "{'b', 'a'}", ['a', 'b']],
  ['m_text_bigint', 'map<text, bigint>', "{'x': 1}", { x: types.Long.fromNumber(1) }],
  ['f_list', 'frozen<list<uuid>>', `[${uuid}]`, [types.Uuid.fromString(uuid)]],
  ['f_set', 'frozen<set<int>>', '{2, 1}', [1, 2]],
  ['f_map', 'frozen<map<text, text>>', "{'1': 'one'}", { 1: 'one' }],
];
const everything = [...scalars, ...collections];
const text = (value) =>
  Buffer.isBuffer(value) ? value.toString('hex') : JSON.stringify(value, (_, inner) => inner ?? null);

function connect() {
  return new cassandra.Client({
    contactPoints: hosts.map((host) => `${host}:${port}`),
    // This driver takes no port from system.peers: it goes to all hosts on this one.
    protocolOptions: { port },
    localDataCenter: process.env.CQL_DATA_CENTER ?? 'datacenter1',
    queryOptions: { consistency: types.consistencies.localQuorum, isIdempotent: true, prepare: true },
    policies: { reconnection: new policies.reconnection.ConstantReconnectionPolicy(250) },
    socketOptions: { readTimeout: 10000 },
  });
}

async function schema(client) {
  await client.execute(`DROP KEYSPACE IF EXISTS ${keyspace}`, [], { prepare: false });
  await client.execute(
    `CREATE KEYSPACE ${keyspace} WITH replication = {'class': 'NetworkTopologyStrategy', 'replication_factor': ${replication}}`,
    [], { prepare: false });
  const columns = everything.map(([name, type]) => `${name} ${type}`).join(', ');
  for (const table of [
    `types (id int PRIMARY KEY, ${columns})`,
    `wide (p text, q int, r int, s int, fixed text static, v text, PRIMARY KEY ((p, q), r, s)) WITH CLUSTERING ORDER BY (r DESC, s ASC)`,
    'load (id bigint PRIMARY KEY, v text)',
    'second (p text, q int, v text, PRIMARY KEY ((p, q)))',
  ]) {
    await client.execute(`CREATE TABLE ${keyspace}.${table}`, [], { prepare: false });
  }
  const wide = await client.metadata.getTable(keyspace, 'wide');
  assert.deepEqual(wide.partitionKeys.map((column) => column.name), ['p', 'q']);
  assert.deepEqual(wide.clusteringKeys.map((column) => column.name), ['r', 's']);
  assert.deepEqual(wide.clusteringOrder, ['DESC', 'ASC']);
  assert.equal(client.hosts.length, hosts.length);
  assert.equal(new Set(client.hosts.values().map((host) => host.rack)).size, hosts.length);
}

async function allTypes(client) {
  const names = everything.map(([name]) => name).join(', ');
  const literals = everything.map(([, , literal]) => literal).join(', ');
  await client.execute(`INSERT INTO ${keyspace}.types (id, ${names}) VALUES (1, ${literals})`, [], { prepare: false });
  const markers = everything.map(() => '?').join(', ');
  const insert = `INSERT INTO ${keyspace}.types (id, ${names}) VALUES (?, ${markers})`;
  await client.execute(insert, [2, ...everything.map(([, , , value]) => value)]);
  for (const id of [1, 2]) {
    const row = (await client.execute(`SELECT ${names} FROM ${keyspace}.types WHERE id = ?`, [id])).first();
    for (const [name, , , value] of everything) {
      assert.equal(text(row[name]), text(value), `${name} of row ${id}`);
    }
  }
  await client.execute(insert, [2, ...everything.map(() => null)]);
  const row = (await client.execute(`SELECT ${names} FROM ${keyspace}.types WHERE id = 2`)).first();
  for (const [name] of everything) assert.ok(row[name] === null, `${name} is not null`);
}

async function markers(client) {
  const insert = `INSERT INTO ${keyspace}.wide (p, q, r, s, v) VALUES (:p, :q, :r, :s, :v)`;
  const select = `SELECT v FROM ${keyspace}.wide WHERE p = 'named' AND q = 1`;
  const key = { p: 'named', q: 1, r: 1, s: 1 };
  await client.execute(insert, { ...key, v: 'a' });
  await client.execute(insert, { ...key, v: types.unset });
  assert.equal((await client.execute(select)).first().v, 'a', 'unset must leave what is there');
  await client.execute(insert, { ...key, v: null });
  assert.equal((await client.execute(select)).first().v, null, 'null must delete');
}

async function paging(client) {
  const insert = `INSERT INTO ${keyspace}.wide (p, q, r, s, v) VALUES ('pages', 1, ?, ?, ?)`;
  const rows = Array.from({ length: 500 }, (_, n) => [Math.floor(n / 25), n % 25, `${n}`]);
  await cassandra.concurrent.executeConcurrent(client, insert, rows);
  const select = `SELECT r, s FROM ${keyspace}.wide WHERE p = 'pages' AND q = 1`;
  const seen = [];
  for await (const row of client.stream(select, [], { prepare: true, fetchSize: 37 })) seen.push(row.r * 25 + row.s);
  const expected = Array.from({ length: 500 }, (_, n) => (19 - Math.floor(n / 25)) * 25 + (n % 25));
  assert.deepEqual(seen, expected);
  const first = await client.execute(select, [], { prepare: true, fetchSize: 37 });
  const other = connect();
  const rest = await other.execute(select, [], { prepare: true, fetchSize: 5000, pageState: first.pageState });
  await other.shutdown();
  assert.equal(first.rows.length + rest.rows.length, 500);
}

async function conditions(client) {
  const create = `INSERT INTO ${keyspace}.second (p, q, v) VALUES ('lwt', 1, 'one') IF NOT EXISTS`;
  assert.equal((await client.execute(create)).wasApplied(), true);
  const rejected = await client.execute(create);
  assert.equal(rejected.wasApplied(), false);
  assert.equal(rejected.first().v, 'one');
  const update = `UPDATE ${keyspace}.second SET v = ? WHERE p = 'lwt' AND q = 1 IF v = ?`;
  assert.equal((await client.execute(update, ['two', 'one'])).wasApplied(), true);
  const again = await client.execute(update, ['three', 'one']);
  assert.equal(again.wasApplied(), false);
  assert.equal(again.first().v, 'two');
}

async function batches(client) {
  const queries = Array.from({ length: 10 }, (_, r) => ({
    query: `INSERT INTO ${keyspace}.wide (p, q, r, s, v) VALUES ('batch', 7, ?, 0, ?)`, params: [r, `${r}`],
  }));
  queries.push({ query: `INSERT INTO ${keyspace}.second (p, q, v) VALUES ('batch', 7, ?)`, params: ['with it'] });
  await client.batch(queries, { prepare: true, logged: false });
  assert.equal((await client.execute(`SELECT r FROM ${keyspace}.wide WHERE p = 'batch' AND q = 7`)).rowLength, 10);
  assert.equal((await client.execute(`SELECT v FROM ${keyspace}.second WHERE p = 'batch' AND q = 7`)).first().v, 'with it');
}

async function outage(client) {
  const insert = `INSERT INTO ${keyspace}.load (id, v) VALUES (?, ?)`;
  const acknowledged = [];
  const times = [];
  const errors = [];
  let going = true;
  const writers = Array.from({ length: 8 }, async (_, number) => {
    for (let turn = 0; going && errors.length < errorsEnough; turn += 1) {
      const key = turn * 8 + number;
      try {
        await client.execute(insert, [key, `value ${key}`]);
        acknowledged.push(key);
        times.push(performance.now());
      } catch (error) {
        errors.push(error);
        // A refusal that needs no I/O must not keep the driver from its own events.
        await nextEvent();
      }
    }
  });
  await sleep(1000);
  for (const command of ['ZONE_STOP', 'ZONE_START']) {
    if (process.env[command]) await promisify(exec)(process.env[command]);
    await sleep(outageMilliseconds);
  }
  going = false;
  await Promise.all(writers);
  const gap = times.slice(1).reduce((longest, time, n) => Math.max(longest, time - times[n]), 0);
  const missing = [];
  const select = `SELECT id FROM ${keyspace}.load WHERE id = ?`;
  const check = async (key) => {
    if ((await client.execute(select, [key])).rowLength !== 1) missing.push(key);
  };
  for (let start = 0; start < acknowledged.length; start += 100) {
    await Promise.all(acknowledged.slice(start, start + 100).map(check));
  }
  console.log(`   ${acknowledged.length} writes acknowledged, ${errors.length} errors, longest gap ${gap.toFixed(0)} ms`);
  const inner = (error) => JSON.stringify(error.innerErrors ?? {}, (_, value) => value?.message ?? value);
  assert.equal(errors.length, 0, `${errors.length} errors, the first: ${errors[0]} ${errors[0] && inner(errors[0])}`);
  assert.deepEqual(missing.slice(0, 5), [], `${missing.length} acknowledged writes are missing`);
}

const client = connect();
await client.connect();
let failed = 0;
for (const step of [schema, allTypes, markers, paging, conditions, batches, outage]) {
  try {
    await step(client);
    console.log(`ok ${step.name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${step.name}: ${error.message}`);
    if (step === schema) break;
  }
}
await client.shutdown();
process.exitCode = failed ? 1 : 0;

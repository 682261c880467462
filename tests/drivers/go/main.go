// The Go driver (gocql) against a running cluster; see ../README.md for the story and the environment.
package main

import (
	"bytes"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gocql/gocql"
	"gopkg.in/inf.v0"
)

const keyspace = "driver_go"
const outage = 3 * time.Second

var hosts = strings.Split(environment("CQL_HOSTS", "127.0.0.1"), ",")

func environment(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func connect(space string) (*gocql.Session, error) {
	cluster := gocql.NewCluster(hosts...)
	cluster.Port, _ = strconv.Atoi(environment("CQL_PORT", "9042"))
	cluster.Keyspace = space
	cluster.Consistency = gocql.LocalQuorum
	cluster.SerialConsistency = gocql.LocalSerial
	cluster.Timeout = 10 * time.Second
	cluster.ConnectTimeout = 5 * time.Second
	cluster.DefaultIdempotence = true
	cluster.RetryPolicy = &gocql.ExponentialBackoffRetryPolicy{NumRetries: 5, Min: 50 * time.Millisecond, Max: time.Second}
	cluster.PoolConfig.HostSelectionPolicy = gocql.TokenAwareHostPolicy(gocql.RoundRobinHostPolicy())
	cluster.ReconnectInterval = time.Second
	return cluster.CreateSession()
}

type column struct {
	name, kind, literal string
	value               any
}

func bigInteger(text string) *big.Int {
	value, _ := new(big.Int).SetString(text, 10)
	return value
}

func identifier(text string) gocql.UUID {
	value, _ := gocql.ParseUUID(text)
	return value
}

var uuidText = "123e4567-e89b-42d3-a456-426614174000"

var everything = []column{
	{"c_ascii", "ascii", "'plain'", "plain"},
	{"c_bigint", "bigint", "-9223372036854775808", int64(-9223372036854775808)},
	{"c_blob", "blob", "0x00ff10", []byte{0, 255, 16}},
	{"c_boolean", "boolean", "true", true},
	{"c_date", "date", "'2026-02-28'", time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC)},
	{"c_decimal", "decimal", "-12345.678900", inf.NewDec(-12345678900, 6)},
	{"c_double", "double", "0.1", float64(0.1)},
	{"c_float", "float", "0.5", float32(0.5)},
	{"c_inet", "inet", "'2001:db8::1'", net.ParseIP("2001:db8::1")},
	{"c_int", "int", "-2147483648", int(-2147483648)},
	{"c_smallint", "smallint", "-32768", int16(-32768)},
	{"c_text", "text", "'drei Blätter, 三つ葉'", "drei Blätter, 三つ葉"},
	{"c_time", "time", "'23:59:59.999999999'", time.Duration(86399999999999)},
	{"c_timestamp", "timestamp", "'2026-02-28T12:34:56.789Z'", time.Date(2026, 2, 28, 12, 34, 56, 789000000, time.UTC)},
	{"c_timeuuid", "timeuuid", "50554d6e-29bb-11e5-b345-feff819cdc9f", identifier("50554d6e-29bb-11e5-b345-feff819cdc9f")},
	{"c_tinyint", "tinyint", "-128", int8(-128)},
	{"c_uuid", "uuid", uuidText, identifier(uuidText)},
	{"c_varchar", "varchar", "'it''s'", "it's"},
	{"c_varint", "varint", "-170141183460469231731687303715884105729", bigInteger("-170141183460469231731687303715884105729")},
	{"l_int", "list<int>", "[3, 1, 3]", []int{3, 1, 3}},
	{"s_text", "set<text>", "{'b', 'a'}", []string{"a", "b"}},
	{"m_text_bigint", "map<text, bigint>", "{'x': 1, 'y': -1}", map[string]int64{"x": 1, "y": -1}},
	{"f_list", "frozen<list<uuid>>", "[" + uuidText + "]", []gocql.UUID{identifier(uuidText)}},
	{"f_set", "frozen<set<int>>", "{2, 1}", []int{1, 2}},
	{"f_map", "frozen<map<int, text>>", "{1: 'one'}", map[int]string{1: "one"}},
}

func same(expected, seen any) bool {
	switch value := expected.(type) {
	case time.Time:
		return value.Equal(seen.(time.Time))
	case *inf.Dec:
		return value.Cmp(seen.(*inf.Dec)) == 0 && value.Scale() == seen.(*inf.Dec).Scale()
	case *big.Int:
		return value.Cmp(seen.(*big.Int)) == 0
	case net.IP:
		return value.Equal(net.ParseIP(fmt.Sprint(seen)))
	case []byte:
		return bytes.Equal(value, seen.([]byte))
	default:
		return reflect.DeepEqual(expected, seen)
	}
}

func names() string {
	var list []string
	for _, each := range everything {
		list = append(list, each.name)
	}
	return strings.Join(list, ", ")
}

func schema(session *gocql.Session) error {
	var columns []string
	for _, each := range everything {
		columns = append(columns, each.name+" "+each.kind)
	}
	for _, statement := range []string{
		"DROP KEYSPACE IF EXISTS " + keyspace,
		"CREATE KEYSPACE " + keyspace + " WITH replication = {'class': 'NetworkTopologyStrategy', 'replication_factor': " +
			environment("CQL_REPLICATION", "3") + "}",
		"CREATE TABLE driver_go.types (id int PRIMARY KEY, " + strings.Join(columns, ", ") + ")",
		"CREATE TABLE driver_go.wide (p text, q int, r int, s int, fixed text static, v text, PRIMARY KEY ((p, q), r, s)) " +
			"WITH CLUSTERING ORDER BY (r DESC, s ASC)",
		"CREATE TABLE driver_go.load (id bigint PRIMARY KEY, v text)",
		"CREATE TABLE driver_go.second (p text, q int, v text, PRIMARY KEY ((p, q)))",
	} {
		if err := session.Query(statement).Exec(); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	metadata, err := session.KeyspaceMetadata(keyspace)
	if err != nil {
		return err
	}
	wide := metadata.Tables["wide"]
	if wide == nil || len(wide.PartitionKey) != 2 || len(wide.ClusteringColumns) != 2 {
		return fmt.Errorf("table wide is read back as %+v", wide)
	}
	if wide.ClusteringColumns[0].Name != "r" || wide.ClusteringColumns[0].Order != gocql.DESC {
		return fmt.Errorf("clustering column r is read back as %+v", wide.ClusteringColumns[0])
	}
	return nil
}

func types(session *gocql.Session) error {
	var literals, markers []string
	values := []any{2}
	nothing := []any{2}
	for _, each := range everything {
		literals = append(literals, each.literal)
		markers = append(markers, "?")
		values = append(values, each.value)
		nothing = append(nothing, nil)
	}
	if err := session.Query("INSERT INTO driver_go.types (id, " + names() + ") VALUES (1, " + strings.Join(literals, ", ") + ")").Exec(); err != nil {
		return err
	}
	insert := "INSERT INTO driver_go.types (id, " + names() + ") VALUES (?, " + strings.Join(markers, ", ") + ")"
	if err := session.Query(insert, values...).Exec(); err != nil {
		return err
	}
	for _, id := range []int{1, 2} {
		row := map[string]any{}
		if err := session.Query("SELECT "+names()+" FROM driver_go.types WHERE id = ?", id).MapScan(row); err != nil {
			return err
		}
		for _, each := range everything {
			if !same(each.value, row[each.name]) {
				return fmt.Errorf("%s of row %d: %v (%T) is not %v", each.name, id, row[each.name], row[each.name], each.value)
			}
		}
	}
	if err := session.Query(insert, nothing...).Exec(); err != nil {
		return err
	}
	var text *string
	var list []int
	if err := session.Query("SELECT c_text, l_int FROM driver_go.types WHERE id = 2").Scan(&text, &list); err != nil {
		return err
	}
	if text != nil || len(list) != 0 {
		return fmt.Errorf("nulls are read as %v and %v", text, list)
	}
	return nil
}

func paging(session *gocql.Session) error {
	for number := 0; number < 500; number++ {
		if err := session.Query("INSERT INTO driver_go.wide (p, q, r, s, v) VALUES ('pages', 1, ?, ?, 'x')", number/25, number%25).Exec(); err != nil {
			return err
		}
	}
	const query = "SELECT r, s FROM driver_go.wide WHERE p = 'pages' AND q = 1"
	rows := session.Query(query).PageSize(37).Iter()
	var r, s, count int
	for rows.Scan(&r, &s) {
		if r != 19-count/25 || s != count%25 {
			return fmt.Errorf("row %d is (%d, %d)", count, r, s)
		}
		count++
	}
	if err := rows.Close(); err != nil || count != 500 {
		return fmt.Errorf("%d rows, %v", count, err)
	}
	first := session.Query(query).PageSize(37).PageState(nil).Iter()
	state, head := first.PageState(), first.NumRows()
	other, err := connect(keyspace)
	if err != nil {
		return err
	}
	defer other.Close()
	rest := other.Query(query).PageSize(5000).PageState(state).Iter()
	if head+rest.NumRows() != 500 {
		return fmt.Errorf("%d rows on the first page and %d on another connection", head, rest.NumRows())
	}
	return rest.Close()
}

func conditions(session *gocql.Session) error {
	create := func() (bool, map[string]any, error) {
		row := map[string]any{}
		applied, err := session.Query("INSERT INTO driver_go.second (p, q, v) VALUES ('lwt', 1, 'one') IF NOT EXISTS").MapScanCAS(row)
		return applied, row, err
	}
	if applied, _, err := create(); err != nil || !applied {
		return fmt.Errorf("the first creation: %v %v", applied, err)
	}
	if applied, row, err := create(); err != nil || applied || row["v"] != "one" {
		return fmt.Errorf("the second creation: %v %v %v", applied, row, err)
	}
	var seen string
	update := "UPDATE driver_go.second SET v = ? WHERE p = 'lwt' AND q = 1 IF v = ?"
	if applied, err := session.Query(update, "two", "one").ScanCAS(&seen); err != nil || !applied {
		return fmt.Errorf("an update that fits: %v %v", applied, err)
	}
	if applied, err := session.Query(update, "three", "one").ScanCAS(&seen); err != nil || applied || seen != "two" {
		return fmt.Errorf("an update that does not fit: %v %q %v", applied, seen, err)
	}
	return nil
}

func batches(session *gocql.Session) error {
	batch := session.NewBatch(gocql.UnloggedBatch)
	for r := 0; r < 10; r++ {
		batch.Query("INSERT INTO driver_go.wide (p, q, r, s, v) VALUES ('batch', 7, ?, 0, ?)", r, strconv.Itoa(r))
	}
	batch.Query("INSERT INTO driver_go.second (p, q, v) VALUES ('batch', 7, 'with it')")
	if err := session.ExecuteBatch(batch); err != nil {
		return err
	}
	rows := session.Query("SELECT r FROM driver_go.wide WHERE p = 'batch' AND q = 7").Iter()
	if rows.NumRows() != 10 {
		return fmt.Errorf("%d rows", rows.NumRows())
	}
	if err := rows.Close(); err != nil {
		return err
	}
	var v string
	return session.Query("SELECT v FROM driver_go.second WHERE p = 'batch' AND q = 7").Scan(&v)
}

func markers(session *gocql.Session) error {
	insert := "INSERT INTO driver_go.wide (p, q, r, s, v) VALUES ('named', 1, 1, 1, ?)"
	var v *string
	read := func() error {
		return session.Query("SELECT v FROM driver_go.wide WHERE p = 'named' AND q = 1").Scan(&v)
	}
	for _, step := range []struct {
		value    any
		expected string
	}{{"a", "a"}, {gocql.UnsetValue, "a"}, {nil, ""}} {
		if err := session.Query(insert, step.value).Exec(); err != nil {
			return err
		}
		if err := read(); err != nil {
			return err
		}
		if (v == nil && step.expected != "") || (v != nil && *v != step.expected) {
			return fmt.Errorf("after %v: %v", step.value, v)
		}
	}
	return nil
}

func outageStep(session *gocql.Session) error {
	var lock sync.Mutex
	var acknowledged []int64
	var times []time.Time
	var errors []error
	done := make(chan struct{})
	var writers sync.WaitGroup
	for number := int64(0); number < 8; number++ {
		writers.Add(1)
		go func() {
			defer writers.Done()
			for turn := int64(0); ; turn++ {
				select {
				case <-done:
					return
				default:
				}
				key := turn*8 + number
				err := session.Query("INSERT INTO driver_go.load (id, v) VALUES (?, ?)", key, "value").Exec()
				lock.Lock()
				if err == nil {
					acknowledged = append(acknowledged, key)
					times = append(times, time.Now())
				} else {
					errors = append(errors, err)
				}
				lock.Unlock()
			}
		}()
	}
	time.Sleep(time.Second)
	for _, command := range []string{"ZONE_STOP", "ZONE_START"} {
		if text := os.Getenv(command); text != "" {
			if out, err := exec.Command("sh", "-c", text).CombinedOutput(); err != nil {
				return fmt.Errorf("%s: %w: %s", text, err, out)
			}
		}
		time.Sleep(outage)
	}
	close(done)
	writers.Wait()
	sort.Slice(times, func(a, b int) bool { return times[a].Before(times[b]) })
	var gap time.Duration
	for n := 1; n < len(times); n++ {
		gap = max(gap, times[n].Sub(times[n-1]))
	}
	var missing []int64
	for _, key := range acknowledged {
		var id int64
		if err := session.Query("SELECT id FROM driver_go.load WHERE id = ?", key).Scan(&id); err != nil {
			missing = append(missing, key)
		}
	}
	fmt.Printf("   %d writes acknowledged, %d errors, longest gap %d ms\n", len(acknowledged), len(errors), gap.Milliseconds())
	if len(errors) > 0 {
		return fmt.Errorf("%d errors, the first: %w", len(errors), errors[0])
	}
	if len(missing) > 0 {
		return fmt.Errorf("%d acknowledged writes are missing, the first: %d", len(missing), missing[0])
	}
	return nil
}

func main() {
	session, err := connect("")
	if err != nil {
		fmt.Println("FAIL connect:", err)
		os.Exit(1)
	}
	defer session.Close()
	failed := 0
	for _, step := range []struct {
		name string
		run  func(*gocql.Session) error
	}{{"schema", schema}, {"types", types}, {"markers", markers}, {"paging", paging}, {"conditions", conditions}, {"batches", batches}, {"outage", outageStep}} {
		if err := step.run(session); err != nil {
			failed++
			fmt.Printf("FAIL %s: %v\n", step.name, err)
			if step.name == "schema" {
				break
			}
		} else {
			fmt.Println("ok", step.name)
		}
	}
	if failed > 0 {
		os.Exit(1)
	}
}

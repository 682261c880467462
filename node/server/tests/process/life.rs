//! An ordinary life: start, write, stop, kill, start again, lose a zone.

use crate::client::Client;
use crate::server::{Server, run};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn what_was_written_survives_kills_and_stops() {
    let folder = folder();
    let server = Server::dev(folder.path(), &["--zones", "1"]);
    let mut client = Client::connect(server.first());
    client.make_table(1);
    (0..100).for_each(|k| drop(client.query(&format!("INSERT INTO k.t (k, v) VALUES ({k}, 'first')"))));
    server.kill();
    let server = Server::dev(folder.path(), &[]);
    let mut client = Client::connect(server.first());
    assert_eq!(client.count("SELECT k FROM k.t"), 100);
    (100..150).for_each(|k| drop(client.query(&format!("INSERT INTO k.t (k, v) VALUES ({k}, 'second')"))));
    assert!(server.terminate().success(), "a good end is a success");
    let data = folder.path().join("data").display().to_string();
    let check = run(&["check", &data]);
    let text = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(check.status.success() && text.contains("sound"), "{text}");
    let server = Server::dev(folder.path(), &[]);
    assert_eq!(Client::connect(server.first()).count("SELECT k FROM k.t"), 150);
}

#[test]
fn what_is_asked_while_a_node_starts_waits_and_is_answered() {
    let folder = folder();
    let server = Server::dev(folder.path(), &["--zones", "1"]);
    let address = server.first();
    Client::connect(address).make_table(1);
    server.kill();
    for _ in 0..5 {
        let early = std::thread::spawn(move || {
            while std::net::TcpStream::connect(address).is_err() {
                std::thread::yield_now();
            }
            Client::connect(address).try_query("SELECT k FROM k.t").map(|_| ())
        });
        let port = address.port().to_string();
        let server = Server::dev(folder.path(), &["--port", &port, "--admin-address", "127.0.0.1:0"]);
        assert_eq!(early.join().expect("the client goes on"), Ok(()));
        server.kill();
    }
}

#[test]
fn a_zone_can_go_and_come_back() {
    let folder = folder();
    let server = Server::dev(folder.path(), &[]);
    let mut client = Client::connect(server.first());
    client.make_table(3);
    client.query("INSERT INTO k.t (k, v) VALUES (1, 'before')");
    assert_eq!(server.ask(&["zone", "stop", "c"]), "zone c is stopped\n");
    assert!(std::net::TcpStream::connect(server.cql[2]).is_err(), "its sockets are closed");
    client.query_patiently("INSERT INTO k.t (k, v) VALUES (2, 'without c')");
    let status = server.ask(&["status"]);
    assert!(status.contains("zone c\n  node 3") && status.contains("stopped"), "{status}");
    assert_eq!(server.ask(&["zone", "start", "c"]), "zone c is started\n");
    let mut third = Client::connect(server.cql[2]);
    assert_eq!(third.count("SELECT k FROM k.t"), 2);
    assert_eq!(server.ask(&["zone", "isolate", "a"]), "zone a is isolated from the other zones\n");
    third.query_patiently("INSERT INTO k.t (k, v) VALUES (3, 'without a')");
    assert!(server.ask(&["status"]).contains("zone a, isolated"));
    assert_eq!(server.ask(&["zone", "heal", "a"]), "zone a is connected to the other zones\n");
    client.query_patiently("SELECT k FROM k.t");
    assert_eq!(client.count("SELECT k FROM k.t"), 3);
    let output = run(&["zone", "stop", "x", "--admin", &server.admin.to_string()]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("there is no zone 'x'") && text.contains("a, b, c"), "{text}");
}

#[test]
fn the_admin_endpoint_tells_how_it_is() {
    let folder = folder();
    let server = Server::dev(folder.path(), &["--zones", "1"]);
    let mut client = Client::connect(server.first());
    client.make_table(1);
    assert!(client.try_query("SELECT nothing FROM k.t").is_err());
    assert_eq!(server.get("/health"), (200, "ok\n".into()));
    assert_eq!(server.get("/ready"), (200, "ready\n".into()));
    let (code, metrics) = server.get("/metrics");
    assert_eq!(code, 200);
    for line in [
        "trefoil_node_up{node=\"1\",zone=\"a\"} 1",
        "trefoil_requests_total{node=\"1\",zone=\"a\",kind=\"query\",consistency=\"LOCAL_QUORUM\",outcome=\"ok\"} 2",
        "trefoil_requests_total{node=\"1\",zone=\"a\",kind=\"query\",consistency=\"LOCAL_QUORUM\",outcome=\"invalid\"} 1",
        "trefoil_request_duration_seconds_count{node=\"1\",zone=\"a\",kind=\"query\"} 3",
        "trefoil_request_duration_seconds_bucket{le=\"+Inf\",node=\"1\",zone=\"a\",kind=\"query\"} 3",
        "trefoil_connections{node=\"1\",zone=\"a\"} 1",
        "trefoil_raft_leaderships{node=\"1\",zone=\"a\"} 13",
        "# EOF",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    let (_, status) = server.get("/status");
    let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!(status["zones"][0]["nodes"][0]["ready"], true);
    assert_eq!(status["zones"][0]["nodes"][0]["replicas"].as_array().map(Vec::len), Some(13));
}

#[test]
fn an_ephemeral_cluster_leaves_nothing() {
    let folder = folder();
    let temporary = folder.path().join("temporary");
    std::fs::create_dir(&temporary).expect("a folder");
    let ready = folder.path().join("ready");
    let arguments = ["dev", "--port", "0", "--zones", "1", "--ephemeral", "--ready-file", &ready.display().to_string()];
    let mut command = crate::server::trefoil(&arguments);
    command.env("TMPDIR", &temporary);
    let server = Server::start(command, &ready);
    Client::connect(server.first()).make_table(1);
    assert_eq!(std::fs::read_dir(&temporary).expect("it is there").count(), 1);
    assert!(server.terminate().success());
    assert_eq!(std::fs::read_dir(&temporary).expect("it is there").count(), 0);
}

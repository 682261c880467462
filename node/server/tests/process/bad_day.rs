//! What a bad day looks like: every refusal says what is wrong and what to do, and what can go on goes on.

use crate::client::Client;
use crate::server::{Server, refusal, run, trefoil};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;
use trefoil_cql::protocol::CqlError;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn free_port(address: &str) -> u16 {
    let socket = TcpListener::bind((address, 0)).expect("a free port");
    socket.local_addr().expect("it is bound").port()
}

/// A file for `trefoil start`: nodes 1, 2, ... of zones a, b, ...; this process runs the first.
fn config(folder: &Path, head: &str, peers: &[u16]) -> PathBuf {
    let mut text =
        format!("run = [1]\ndata_dir = {:?}\nadmin_address = \"127.0.0.1:0\"\n{head}\n", folder.join("data"));
    for (place, peer) in peers.iter().enumerate() {
        let zone = char::from(b'a' + place as u8);
        let cql = if place == 0 { free_port("127.0.0.1") } else { 1 };
        write!(
            text,
            "[[node]]\nid = {}\nzone = \"{zone}\"\ncql_address = \"127.0.0.1:{cql}\"\npeer_address = \"127.0.0.1:{peer}\"\n",
            place + 1
        )
        .expect("a string takes everything");
    }
    let path = folder.join("node.toml");
    std::fs::write(&path, text).expect("it can be written");
    path
}

#[test]
fn a_port_that_is_taken() {
    let folder = folder();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let data = folder.path().join("data").display().to_string();
    let text = refusal(&["dev", "--dir", &data, "--port", &port]);
    assert!(text.contains(&format!("cannot listen on 127.0.0.1:{port}")), "{text}");
    assert!(text.contains("another program uses it; stop that one, or choose another port"), "{text}");
    let admin = format!("127.0.0.1:{port}");
    let text = refusal(&["dev", "--dir", &data, "--port", "0", "--admin", &admin]);
    assert!(text.contains("the admin endpoint cannot listen") && text.contains("--admin-address"), "{text}");
}

#[test]
fn a_folder_in_use() {
    let folder = folder();
    let server = Server::dev(folder.path(), &["--zones", "1"]);
    let data = folder.path().join("data").display().to_string();
    let text = refusal(&["dev", "--dir", &data, "--port", "0"]);
    assert!(text.contains("is in use by another process (process "), "{text}");
    let text = refusal(&["check", &data]);
    assert!(text.contains("is in use by another process"), "{text}");
    // The one that has it does not mind.
    Client::connect(server.first()).make_table(1);
}

#[test]
fn a_folder_of_another_shape_or_cluster() {
    let folder = folder();
    Server::dev(folder.path(), &["--zones", "1"]).kill();
    let data = folder.path().join("data");
    let text = refusal(&["dev", "--dir", &data.display().to_string(), "--zones", "3", "--port", "0"]);
    assert!(text.contains("was made with 1 zones") && text.contains("choose another folder with --dir"), "{text}");
    let config = config(folder.path(), "zones = [\"a\"]\ncluster_name = \"another\"", &[7]);
    let text = refusal(&["start", "--config", &config.display().to_string()]);
    assert!(text.contains("belongs to cluster") && text.contains("choose another folder"), "{text}");
    // Even when the file that says so is gone: the stores know.
    std::fs::remove_file(data.join("cluster.json")).expect("it is there");
    let text = refusal(&["start", "--config", &config.display().to_string()]);
    assert!(text.contains("belongs to cluster"), "{text}");
}

#[test]
fn a_key_that_does_not_exist() {
    let folder = folder();
    let config = config(folder.path(), "zones = [\"a\"]\nadmin_adress = \"127.0.0.1:1\"", &[7]);
    let text = refusal(&["start", "--config", &config.display().to_string()]);
    assert!(text.contains("unknown key 'admin_adress'; did you mean 'admin_address'?"), "{text}");
    let output = trefoil(&["check", "."]).env("TREFOIL_LOG_FORMATT", "json").output().expect("it runs");
    let text = String::from_utf8(output.stderr).expect("text");
    assert!(text.contains("unknown key 'TREFOIL_LOG_FORMATT'; did you mean 'log_format'?"), "{text}");
}

#[test]
fn a_store_that_is_full() {
    let folder = folder();
    // Given stores that hold little: rows have no room for what is flushed to make room in the log,
    let zones = ["--zones", "1", "--tuning-request-timeout", "1s"];
    let small = [&zones[..], &["--store-log-map-bytes", "1MiB", "--store-rows-map-bytes", "1MiB"]].concat();
    let server = Server::dev(folder.path(), &small);
    let mut client = Client::connect(server.first());
    client.make_table(1);
    // when they are full, writes are refused and say why,
    let value = "x".repeat(20_000);
    let (mut key, mut written) = (0, Vec::new());
    loop {
        key += 1;
        match client.try_query(&format!("INSERT INTO k.t (k, v) VALUES ({key}, '{value}')")) {
            Ok(_) => written.push(key),
            Err(error) if error.to_string().contains("disk is full: writes are refused") => {
                // What is left of the log's room may have let a smaller one in meanwhile.
                if server.ask(&["status"]).contains("DISK FULL: writes are refused") {
                    break;
                }
            }
            // The one that found it full could not know.
            Err(error) => assert!(matches!(error, CqlError::WriteTimeout { .. }), "{error}"),
        }
        assert!(key < 1_000, "two MiB cannot hold that");
    }
    // reads go on, at every consistency,
    assert!(client.count("SELECT k FROM k.t") >= written.len());
    // and with more space, everything acknowledged is there, and writes go on.
    server.kill();
    let server = Server::dev(folder.path(), &zones);
    let mut client = Client::connect(server.first());
    written.iter().for_each(|key| assert_eq!(client.count(&format!("SELECT k FROM k.t WHERE k = {key}")), 1, "{key}"));
    client.query(&format!("INSERT INTO k.t (k, v) VALUES (0, '{value}')"));
}

#[test]
fn a_peer_of_another_version() {
    let folder = folder();
    let peer = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let peer_port = peer.local_addr().expect("it is bound").port();
    let config = config(folder.path(), "zones = [\"a\", \"b\"]", &[free_port("127.0.0.1"), peer_port]);
    let mut node = trefoil(&["start", "--found", "--config", &config.display().to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let (mut line, _) = peer.accept().expect("the node calls");
    let mut greeting = [0; 40];
    line.read_exact(&mut greeting).expect("it greets");
    assert_eq!(greeting[..4], *b"TRFL");
    let newer = u16::from_le_bytes([greeting[4], greeting[5]]) + 1;
    // A version that may have any form behind these six bytes.
    line.write_all(&[&b"TRFL"[..], &newer.to_le_bytes()].concat()).expect("it listens");
    let log = BufReader::new(node.stderr.take().expect("it is piped"));
    let refused = log.lines().map_while(Result::ok).any(|line| {
        line.contains(&format!("the peer speaks version {newer} "))
            && line.contains("run the same version of trefoil on all nodes")
    });
    assert!(refused, "the log says nothing of it");
    node.kill().expect("it still runs");
    node.wait().expect("it ends");
}

#[test]
fn a_log_that_rotted() {
    let folder = folder();
    let server = Server::dev(folder.path(), &["--zones", "1"]);
    let mut client = Client::connect(server.first());
    client.make_table(1);
    client.query("INSERT INTO k.t (k, v) VALUES (1, 'a value to be found and damaged')");
    server.kill();
    let data = folder.path().join("data");
    let file = data.join("node-1/log/data.mdb");
    let mut bytes = std::fs::read(&file).expect("it is there");
    let needle = b"a value to be found and damaged";
    let mut places = bytes.windows(needle.len()).enumerate();
    let found: Vec<usize> = places.by_ref().filter(|(_, window)| *window == needle).map(|(place, _)| place).collect();
    assert!(!found.is_empty(), "the entry is in the log");
    found.iter().for_each(|place| bytes[*place] ^= 1);
    std::fs::write(&file, bytes).expect("it can be written");
    let output = run(&["check", &data.display().to_string()]);
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(!output.status.success(), "damage is a failure");
    assert!(text.contains("DAMAGED") && text.contains("is damaged: its checksum does not match"), "{text}");
}

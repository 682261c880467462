//! What breaks: one thing at a time, chosen by a seeded generator, healed before the next.
//!
//! The fault budget: at every moment two zones of three are up, connected and running, so that a gap in service longer than an
//! election, or a write lost, is the server's. One exception: now and then `kill` takes all three at once, after which everything
//! acknowledged must be there. Every fault and healing is written to the run's log with its time.

use super::cluster::{Cluster, START_DEADLINE, ZONES};
use super::process::Signal;
use super::workload::Recorder;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use std::fmt::Write;
use std::io;
use std::time::{Duration, Instant};

/// Which faults happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Nemesis {
    /// None at all.
    None,
    /// SIGKILL and a new start.
    Kill,
    /// SIGSTOP and SIGCONT.
    Pause,
    /// A node cut off from one or both of the others, in one direction or both.
    Partition,
    /// A zone of `dev` stopped and started.
    Zone,
}

impl Nemesis {
    /// Whether it needs network namespaces.
    #[must_use]
    pub fn needs_network(self) -> bool {
        self == Nemesis::Partition
    }
}

/// What the nemesis has done.
#[derive(Clone, Debug, Default)]
pub struct Deeds {
    /// Faults begun (a kill of three counts three times).
    pub faults: u64,
    /// One line each, with the time in the history's clock.
    pub log: String,
}

impl Deeds {
    fn note(&mut self, recorder: &Recorder, deed: &str) {
        let _ = writeln!(self.log, "{:>14} {deed}", recorder.now());
    }
}

/// Break and heal until the time is up; everything is healed at the end.
///
/// # Errors
/// When a fault cannot be made or a process does not come back.
pub async fn run(
    nemesis: Nemesis,
    cluster: &mut Cluster,
    recorder: &Recorder,
    mut rng: ChaCha8Rng,
    until: Instant,
) -> io::Result<Deeds> {
    let mut deeds = Deeds::default();
    loop {
        let calm = Duration::from_millis(rng.random_range(500..2_500));
        if nemesis == Nemesis::None || Instant::now() + calm >= until {
            tokio::time::sleep_until(until.into()).await;
            return Ok(deeds);
        }
        tokio::time::sleep(calm).await;
        let victim = rng.random_range(0..ZONES.len());
        match nemesis {
            Nemesis::None => {}
            Nemesis::Kill => kill(cluster, recorder, &mut deeds, &mut rng, victim).await?,
            Nemesis::Pause => pause(cluster, recorder, &mut deeds, &mut rng, victim).await?,
            Nemesis::Partition => partition(cluster, recorder, &mut deeds, &mut rng, victim).await?,
            Nemesis::Zone => zone(cluster, recorder, &mut deeds, &mut rng, victim).await?,
        }
    }
}

async fn kill(
    cluster: &mut Cluster,
    recorder: &Recorder,
    deeds: &mut Deeds,
    rng: &mut ChaCha8Rng,
    victim: usize,
) -> io::Result<()> {
    let Cluster::Processes { nodes, .. } = cluster else { return Err(wrong_cluster()) };
    let everyone = rng.random_range(0..6) == 0;
    let victims: Vec<usize> = if everyone { (0..nodes.len()).collect() } else { vec![victim] };
    for victim in &victims {
        deeds.note(recorder, &format!("kill {}", nodes[*victim].name()));
        nodes[*victim].kill()?;
        deeds.faults += 1;
    }
    tokio::time::sleep(Duration::from_millis(rng.random_range(0..1_500))).await;
    for victim in &victims {
        nodes[*victim].start()?;
    }
    for victim in &victims {
        nodes[*victim].answers(START_DEADLINE).await?;
        deeds.note(recorder, &format!("{} answers again", nodes[*victim].name()));
    }
    Ok(())
}

async fn pause(
    cluster: &mut Cluster,
    recorder: &Recorder,
    deeds: &mut Deeds,
    rng: &mut ChaCha8Rng,
    victim: usize,
) -> io::Result<()> {
    let Cluster::Processes { nodes, .. } = cluster else { return Err(wrong_cluster()) };
    deeds.note(recorder, &format!("pause {}", nodes[victim].name()));
    nodes[victim].signal(Signal::Stop)?;
    deeds.faults += 1;
    // From well below to well above an election timeout: leases run out during some and not during others.
    tokio::time::sleep(Duration::from_millis(rng.random_range(50..4_000))).await;
    nodes[victim].signal(Signal::Continue)?;
    deeds.note(recorder, &format!("{} goes on", nodes[victim].name()));
    Ok(())
}

async fn partition(
    cluster: &mut Cluster,
    recorder: &Recorder,
    deeds: &mut Deeds,
    rng: &mut ChaCha8Rng,
    victim: usize,
) -> io::Result<()> {
    let Cluster::Processes { network: Some(network), .. } = cluster else { return Err(wrong_cluster()) };
    let others: Vec<usize> = (0..ZONES.len()).filter(|other| *other != victim).collect();
    // Cut off from both, or from one only, so that the third still hears either.
    let cut: Vec<usize> =
        if rng.random_range(0..3) > 0 { others } else { vec![others[rng.random_range(0..others.len())]] };
    let (outward, inward) = [(true, true), (true, true), (true, false), (false, true)][rng.random_range(0..4)];
    let arrow = match (outward, inward) {
        (true, true) => "-x-",
        (true, false) => "-x>",
        _ => "<x-",
    };
    for other in &cut {
        deeds.note(recorder, &format!("cut {} {arrow} {}", ZONES[victim], ZONES[*other]));
        if outward {
            network.cut(victim, *other)?;
        }
        if inward {
            network.cut(*other, victim)?;
        }
    }
    deeds.faults += 1;
    tokio::time::sleep(Duration::from_millis(rng.random_range(300..5_000))).await;
    network.heal()?;
    deeds.note(recorder, "network whole");
    Ok(())
}

async fn zone(
    cluster: &mut Cluster,
    recorder: &Recorder,
    deeds: &mut Deeds,
    rng: &mut ChaCha8Rng,
    victim: usize,
) -> io::Result<()> {
    let name = ZONES[victim];
    let (down, up) = if rng.random() { ("stop", "start") } else { ("isolate", "heal") };
    deeds.note(recorder, &format!("zone {down} {name}"));
    cluster.zone(down, name)?;
    deeds.faults += 1;
    tokio::time::sleep(Duration::from_millis(rng.random_range(500..5_000))).await;
    cluster.zone(up, name)?;
    deeds.note(recorder, &format!("zone {up} {name}"));
    Ok(())
}

fn wrong_cluster() -> io::Error {
    io::Error::other("this nemesis cannot act on this kind of cluster")
}

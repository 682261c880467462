//! Shrinking: from a plan that breaks a promise to a small plan that breaks the same one. Parts are left out of the plan
//! (clients, lanes, steps, faults, by delta debugging), then what is left is made simple (fewer nodes, clean links, true
//! clocks). The plan is changed, never the seed, so what stays means the same as before.

use crate::faults::Fault;
use crate::guard;
use crate::oracle::Violation;
use crate::plan::Plan;
use crate::plan::schedule;
use crate::simulation::Keep;

/// A shrunk plan.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// Small, and still broken.
    pub plan: Plan,
    /// How.
    pub violation: Violation,
    /// Runs that it took.
    pub runs: usize,
}

/// What must stay as it is while everything else shrinks.
struct Target {
    promise: &'static str,
    /// Panics are the same when they come from the same place.
    place: Option<String>,
}

struct Shrinker {
    target: Target,
    best: Plan,
    violation: Violation,
    runs: usize,
    runs_max: usize,
}

fn target(violation: &Violation) -> Target {
    let place = (violation.promise == "NO-PANIC").then(|| violation.text.lines().next().unwrap_or("").to_owned());
    Target { promise: violation.promise, place }
}

/// Make a plan that breaks a promise as small as `runs_max` runs allow.
///
/// # Errors
/// When the plan breaks nothing.
pub fn shrink(plan: &Plan, runs_max: usize) -> Result<Shrunk, NothingBroken> {
    let violation = guard::run(plan, Keep::default()).violation.ok_or(NothingBroken)?;
    let mut shrinker = Shrinker { target: target(&violation), best: plan.clone(), violation, runs: 1, runs_max };
    loop {
        let before = (shrinker.best.steps(), shrinker.best.faults.len(), shrinker.best.clone());
        shrinker.clients();
        shrinker.faults();
        shrinker.lanes();
        shrinker.steps();
        shrinker.simplify();
        if shrinker.best == before.2 || shrinker.runs >= shrinker.runs_max {
            break;
        }
    }
    Ok(Shrunk { plan: shrinker.best, violation: shrinker.violation, runs: shrinker.runs })
}

/// There is nothing to shrink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the plan breaks no promise")]
pub struct NothingBroken;

impl Shrinker {
    /// Whether this plan still breaks the same promise; then it is the best so far.
    fn try_plan(&mut self, plan: Plan) -> bool {
        if self.runs >= self.runs_max || plan == self.best {
            return false;
        }
        self.runs += 1;
        let Some(violation) = guard::run(&plan, Keep::default()).violation else { return false };
        let found = target(&violation);
        if found.promise != self.target.promise || found.place != self.target.place {
            return false;
        }
        self.best = plan;
        self.violation = violation;
        true
    }

    /// Delta debugging over a list inside the plan: leave out halves, then quarters, down to single items.
    fn list<T: Clone>(&mut self, get: impl Fn(&mut Plan) -> Option<&mut Vec<T>>) {
        let length = |plan: &Plan| {
            let mut plan = plan.clone();
            get(&mut plan).map_or(0, |list| list.len())
        };
        let mut chunk = length(&self.best).div_ceil(2);
        while chunk > 0 {
            let mut start = 0;
            while start < length(&self.best) {
                let mut plan = self.best.clone();
                let Some(list) = get(&mut plan) else { return };
                let end = (start + chunk).min(list.len());
                list.drain(start..end);
                if !self.try_plan(plan) {
                    start += chunk;
                }
                if self.runs >= self.runs_max {
                    return;
                }
            }
            chunk = if chunk == 1 { 0 } else { chunk.div_ceil(2) };
        }
    }

    fn clients(&mut self) {
        self.list(|plan| Some(&mut plan.clients));
    }

    fn faults(&mut self) {
        self.list(|plan| Some(&mut plan.faults));
    }

    fn lanes(&mut self) {
        for client in 0..self.best.clients.len() {
            self.list(|plan| plan.clients.get_mut(client).map(|client| &mut client.lanes));
        }
    }

    fn steps(&mut self) {
        for client in 0..self.best.clients.len() {
            for lane in 0..self.best.clients[client].lanes.len() {
                self.list(|plan| plan.clients.get_mut(client).and_then(|client| client.lanes.get_mut(lane)));
            }
        }
    }

    /// One simplification after the other; each stays if the promise stays broken.
    fn simplify(&mut self) {
        let changes: [fn(&mut Plan); 12] = [
            |plan| plan.machine.buggify = false,
            |plan| plan.machine.encode_messages = false,
            |plan| (plan.network.loss_ppm, plan.network.duplicate_ppm) = (0, 0),
            |plan| (plan.network.tail_ppm, plan.network.jitter_per_mille) = (0, 0),
            |plan| (plan.disk.tail_ppm, plan.disk.jitter_per_mille) = (0, 0),
            |plan| plan.network.ordered = true,
            |plan| plan.clocks.iter_mut().for_each(|clock| (clock.wall_offset_us, clock.wall_drift_ppm) = (0, 0)),
            |plan| plan.clocks.iter_mut().for_each(|clock| clock.monotonic_drift_ppm = 0),
            |plan| plan.cluster.shards = 2,
            |plan| {
                let steps = plan.clients.iter_mut().flat_map(|client| &mut client.lanes).flatten();
                steps.for_each(|step| step.pause_ms /= 2);
            },
            |plan| plan.faults_end_ms = schedule::end_ms(&plan.faults, &plan.cluster),
            one_node_a_zone,
        ];
        for change in changes {
            let mut plan = self.best.clone();
            change(&mut plan);
            self.try_plan(plan);
        }
    }
}

/// Three nodes instead of six or nine: faults of the others happen to those that are left.
fn one_node_a_zone(plan: &mut Plan) {
    let per_zone = plan.cluster.nodes_per_zone.max(1);
    if per_zone == 1 {
        return;
    }
    plan.cluster.nodes_per_zone = 1;
    let nodes = plan.cluster.nodes();
    plan.clocks.truncate(nodes);
    let fold = |bits: u32| {
        let places = (0..16).filter(|place| bits & (1 << place) != 0);
        places.fold(bits & !0xffff, |folded, place| folded | 1 << (place / u32::from(per_zone)))
    };
    for fault in &mut plan.faults {
        match &mut fault.fault {
            Fault::Crash { node, .. }
            | Fault::Restart { node, .. }
            | Fault::Pause { node, .. }
            | Fault::Wipe { node, .. }
            | Fault::WallStep { node, .. }
            | Fault::WallStrobe { node, .. }
            | Fault::WallFreeze { node, .. }
            | Fault::Drift { node, .. }
            | Fault::DiskStall { node, .. }
            | Fault::DiskSlow { node, .. }
            | Fault::DiskFull { node, .. }
            | Fault::DiskBroken { node, .. }
            | Fault::RotRows { node, .. }
            | Fault::RotLog { node, .. } => *node /= per_zone,
            Fault::Cut { from, to, .. } | Fault::Clog { from, to, .. } => {
                (*from, *to) = (fold(*from), fold(*to));
                // A node is not cut off from itself.
                *to &= !*from;
            }
            Fault::ZonePower { .. }
            | Fault::ZoneIsolation { .. }
            | Fault::ZoneFlapping { .. }
            | Fault::Storm { .. } => {}
        }
    }
}

//! Cutting a read at shard borders: what a SELECT wants next may concern several shards, which are read one after the other in
//! ring order, until enough rows have come. Where one shard stops, the whole stops.

use crate::command::{PartitionKey, Partitions, Position, ReadCommand, ReadResult};
use crate::config::Layout;
use crate::ids::ShardId;
use trefoil_cql::token::Token;

/// A read of possibly several shards, under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scan {
    whole: ReadCommand,
    /// The part being read.
    shard: ShardId,
    rows: ReadResult,
    started: bool,
}

/// How a scan goes on after a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Read the next part.
    Continue,
    /// This is the result of the whole.
    Done(ReadResult),
}

impl Scan {
    /// Begin. `None`: there is nothing to read.
    pub(crate) fn new(layout: &Layout, whole: ReadCommand) -> Option<Scan> {
        let mut scan = Scan { whole, shard: ShardId(0), rows: ReadResult::default(), started: false };
        scan.shard = match (&scan.whole.resume, &scan.whole.partitions) {
            (Some(resume), _) => layout.shard_of(resume.partition.token),
            (None, Partitions::Keys(keys)) => layout.shard_of(keys.first()?.token),
            (None, Partitions::Range { start, end }) if start <= end => layout.shard_of(*start),
            (None, Partitions::Range { .. }) => return None,
        };
        // A position behind the last key of its shard: begin at the next shard that is wanted.
        if scan.is_empty_here(layout) && !scan.advance(layout) {
            return None;
        }
        Some(scan)
    }

    fn is_empty_here(&self, layout: &Layout) -> bool {
        match &self.whole.partitions {
            Partitions::Keys(keys) => !keys.iter().any(|key| layout.shard_of(key.token) == self.shard),
            Partitions::Range { .. } => false,
        }
    }

    /// The shard to read now.
    pub(crate) fn shard(&self) -> ShardId {
        self.shard
    }

    /// What to read there.
    pub(crate) fn part(&self, layout: &Layout) -> ReadCommand {
        let (first, last) = layout.token_range(self.shard);
        let partitions = match &self.whole.partitions {
            Partitions::Keys(keys) => {
                let here = |key: &&PartitionKey| (first..=last).contains(&key.token);
                Partitions::Keys(keys.iter().filter(here).cloned().collect())
            }
            Partitions::Range { start, end } => Partitions::Range { start: first.max(*start), end: last.min(*end) },
        };
        let resume = self.whole.resume.clone().filter(|_| !self.started);
        let returned = u32::try_from(self.rows.rows.len()).unwrap_or(u32::MAX);
        ReadCommand { partitions, resume, row_limit: self.whole.row_limit - returned, ..self.whole.clone() }
    }

    /// Whether the whole is one part: then the part is the whole command.
    pub(crate) fn whole_if_single(&self, layout: &Layout) -> Option<&ReadCommand> {
        match &self.whole.partitions {
            Partitions::Keys(keys) => {
                keys.len() == 1 || keys.iter().all(|key| layout.shard_of(key.token) == self.shard)
            }
            Partitions::Range { start, end } => layout.shard_of(*start) == layout.shard_of(*end),
        }
        .then_some(&self.whole)
    }

    /// A part was read.
    pub(crate) fn absorb(&mut self, layout: &Layout, result: ReadResult) -> Step {
        if !self.started {
            self.rows.now_seconds = result.now_seconds;
        }
        self.started = true;
        if self.rows.rows.is_empty() {
            self.rows.rows = result.rows;
        } else {
            self.rows.rows.extend(result.rows);
        }
        if result.resume.is_some() {
            self.rows.resume = result.resume;
            return Step::Done(std::mem::take(&mut self.rows));
        }
        if !self.advance(layout) {
            return Step::Done(std::mem::take(&mut self.rows));
        }
        if self.rows.rows.len() >= self.whole.row_limit as usize {
            // Enough, exactly at the end of a shard: the rest begins after its last partition.
            self.rows.resume = self.rows.rows.last().map(|row| Position {
                partition: row.partition.clone(),
                row: None,
                returned_in_partition: 0,
            });
            return Step::Done(std::mem::take(&mut self.rows));
        }
        Step::Continue
    }

    /// Go to the next shard that is wanted; `false` if there is none.
    fn advance(&mut self, layout: &Layout) -> bool {
        let (_, last) = layout.token_range(self.shard);
        let next = match &self.whole.partitions {
            Partitions::Keys(keys) => keys.iter().map(|key| key.token).find(|&token| token > last),
            Partitions::Range { end, .. } => (*end > last).then(|| Token(last.0 + 1)),
        };
        if let Some(token) = next {
            self.shard = layout.shard_of(token);
            self.started = true;
        }
        next.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::ReadRow;
    use crate::ids::StorageId;
    use bytes::Bytes;

    fn layout(shards: u32) -> Layout {
        Layout {
            cluster_id: [0; 16],
            cluster_name: String::new(),
            data_center: String::new(),
            zones: vec![],
            nodes: vec![],
            shards,
        }
    }

    fn key(token: i64) -> PartitionKey {
        PartitionKey { token: Token(token), key: Bytes::copy_from_slice(&token.to_be_bytes()) }
    }

    fn command(partitions: Partitions, row_limit: u32, resume: Option<Position>) -> ReadCommand {
        ReadCommand { resume, ..ReadCommand::of(StorageId(1), partitions, row_limit) }
    }

    /// Reads one row for each of `tokens`, as a shard would.
    fn read_part(tokens: &[i64], part: &ReadCommand) -> ReadResult {
        let after = part.resume.as_ref().map(|resume| resume.partition.token);
        let wanted = |token: &&i64| match &part.partitions {
            Partitions::Keys(keys) => keys.iter().any(|key| key.token.0 == **token),
            Partitions::Range { start, end } => (start.0..=end.0).contains(*token),
        };
        let mut rows: Vec<ReadRow> = (tokens.iter().filter(wanted))
            .filter(|&&token| after.is_none_or(|after| token > after.0))
            .map(|&token| ReadRow { partition: key(token), clustering: None, cells: vec![] })
            .collect();
        let more = rows.len() > part.row_limit as usize;
        rows.truncate(part.row_limit as usize);
        let last = rows.last().map(|row| row.partition.clone());
        let resume = last.filter(|_| more).map(|partition| Position { partition, row: None, returned_in_partition: 1 });
        ReadResult { rows, resume, now_seconds: 7 }
    }

    fn read_all(layout: &Layout, tokens: &[i64], partitions: &Partitions, page: u32) -> Vec<i64> {
        let (mut found, mut resume) = (Vec::new(), None);
        loop {
            let Some(mut scan) = Scan::new(layout, command(partitions.clone(), page, resume.take())) else { break };
            let result = loop {
                let part = scan.part(layout);
                if let Step::Done(result) = scan.absorb(layout, read_part(tokens, &part)) {
                    break result;
                }
            };
            assert!(result.rows.len() <= page as usize);
            found.extend(result.rows.iter().map(|row| row.partition.token.0));
            resume = result.resume;
            if resume.is_none() {
                break;
            }
        }
        found
    }

    #[test]
    fn pages_over_shards_show_every_row_once() {
        let tokens: Vec<i64> = (-50..50).map(|n| n * (i64::MAX / 51)).collect();
        for shards in [1, 2, 3, 7, 12] {
            let layout = layout(shards);
            let all = Partitions::Range { start: Token(i64::MIN), end: Token(i64::MAX) };
            let some = Partitions::Keys(tokens.iter().step_by(7).map(|&token| key(token)).collect());
            for page in [1, 2, 5, 10, 100, 1000] {
                assert_eq!(read_all(&layout, &tokens, &all, page), tokens, "{shards} shards, {page} rows a page");
                let expected: Vec<i64> = tokens.iter().copied().step_by(7).collect();
                assert_eq!(read_all(&layout, &tokens, &some, page), expected, "{shards} shards, {page} rows a page");
            }
        }
    }

    #[test]
    fn nothing_wanted_is_nothing_read() {
        let layout = layout(3);
        assert_eq!(Scan::new(&layout, command(Partitions::Keys(vec![]), 10, None)), None);
        let none = Partitions::Range { start: Token(5), end: Token(4) };
        assert_eq!(Scan::new(&layout, command(none, 10, None)), None);
    }
}

//! A SELECT being executed: which command comes next, what has been read, and the answer.

use super::super::answer::{Answer, AnswerOptions, ResultRows};
use super::aggregate::Accumulator;
use super::expression::{Evaluation, RowView, Sink};
use super::grouping::{GroupKey, prefix};
use super::output::RowsInMemory;
use super::paging::{PagingState, table_tag};
use super::plan::ReadPlan;
use crate::command::{PartitionKey, Partitions, Position, ReadCommand, ReadResult, ReadRow, RowId};
use crate::limits::{PAGE_BYTES, READ_CHUNK_ROWS, RESULT_BYTES};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use trefoil_cql::protocol::response::CqlError;
use trefoil_cql::token::Token;

/// A SELECT under way. Ask `next_command`, have it read, give the result to `absorb`; when there is no next command, `encode`.
///
/// A command may concern several shards: keys are in ring order, ranges are one interval of tokens. The coordinator cuts it
/// at shard borders and puts the results together in ring order, up to `row_limit`; when a part comes back with a position to
/// go on, that is the position of the whole, and the parts behind it are not wanted. Every command is made so that reading
/// the parts one after the other, or all at once, gives the same.
#[derive(Clone, Debug)]
pub struct SelectExecution {
    plan: ReadPlan,
    mode: Mode,
    done: bool,
    /// Where the next command goes on.
    resume: Option<Position>,
    /// Rows of the answer, unless they are combined.
    rows: Vec<ReadRow>,
    groups: Vec<Group>,
    /// Bytes in `rows`.
    bytes: usize,
    /// Where the next page goes on, if there is one.
    next_page: Option<Position>,
    groups_in_partition: u32,
    now_seconds: i64,
}

/// How several keys are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// All that is wanted, in ring order.
    Ring,
    /// All keys in one command, in the hope that everything fits into one answer; it is sorted afterwards.
    Together,
    /// One key after the other, in the order of the result.
    OneByOne(usize),
}

/// Rows that are combined.
#[derive(Clone, Debug)]
struct Group {
    key: Option<GroupKey>,
    /// Where the values come from that are not aggregates.
    first: ReadRow,
    /// The last row of it so far.
    last: Position,
    accumulators: Vec<Accumulator>,
}

impl SelectExecution {
    /// Begin.
    #[must_use]
    pub fn new(plan: ReadPlan) -> SelectExecution {
        let select = &plan.select;
        let combines_all = select.is_aggregate() && select.grouping.is_none();
        let mut mode = if plan.keys.is_empty() || combines_all || select.ordering.merged_columns.is_some() {
            Mode::Ring
        } else if select.grouping.is_some() {
            Mode::OneByOne(0)
        } else {
            Mode::Together
        };
        let mut resume = plan.state.as_ref().map(|state| state.position.clone());
        let mut done = false;
        if let (Some(position), true) = (&resume, mode != Mode::Ring) {
            let index = plan.keys.iter().position(|key| *key == position.partition).unwrap_or(plan.keys.len());
            let is_finished = position.row.is_none();
            mode = Mode::OneByOne(index + usize::from(is_finished));
            if is_finished {
                resume = None;
            }
            done = index + usize::from(is_finished) >= plan.keys.len();
        }
        let groups_in_partition = plan.state.as_ref().map_or(0, |state| state.groups_in_partition);
        SelectExecution {
            mode,
            done,
            resume,
            rows: Vec::new(),
            groups: Vec::new(),
            bytes: 0,
            next_page: None,
            groups_in_partition,
            now_seconds: 0,
            plan,
        }
    }

    /// What to read next; `None`: all is read.
    pub fn next_command(&mut self) -> Option<ReadCommand> {
        if self.done {
            return None;
        }
        if self.plan.is_point {
            // Nothing can come after it, so the template is not needed again.
            let template = &mut self.plan.template;
            return Some(ReadCommand {
                partitions: std::mem::replace(&mut template.partitions, Partitions::Keys(Vec::new())),
                clustering: std::mem::take(&mut template.clustering),
                columns: template.columns.take(),
                filters: std::mem::take(&mut template.filters),
                dropped: std::mem::take(&mut template.dropped),
                resume: self.resume.take(),
                ..*template
            });
        }
        let partitions = match self.mode {
            Mode::Ring if self.plan.keys.is_empty() => self.plan.template.partitions.clone(),
            Mode::Ring | Mode::Together => {
                let mut keys = self.plan.keys.clone();
                keys.sort_unstable();
                Partitions::Keys(keys)
            }
            Mode::OneByOne(index) => Partitions::Keys(vec![self.plan.keys[index].clone()]),
        };
        let row_limit = if self.gathers_everything() {
            READ_CHUNK_ROWS
        } else {
            self.wanted().saturating_sub(self.rows.len() as u32).clamp(1, READ_CHUNK_ROWS)
        };
        Some(ReadCommand { partitions, row_limit, resume: self.resume.take(), ..self.plan.template.clone() })
    }

    /// Rows of the answer at most.
    fn wanted(&self) -> u32 {
        let page = self.plan.page_size.unwrap_or(u32::MAX);
        self.plan.limit.unwrap_or(u32::MAX).min(page)
    }

    /// Whether the number of rows read says nothing about the number of rows in the answer.
    fn gathers_everything(&self) -> bool {
        self.plan.select.is_aggregate() || self.plan.select.ordering.merged_columns.is_some()
    }

    /// What the last command gave.
    ///
    /// # Errors
    /// When a value cannot be computed, e.g. a function fails, or when everything is too much for one answer.
    pub fn absorb(&mut self, result: ReadResult) -> Result<(), CqlError> {
        let ReadResult { mut rows, resume, now_seconds } = result;
        self.now_seconds = now_seconds;
        let restrictions = &self.plan.select.restrictions;
        if restrictions.restricts_clustering || restrictions.restricts_regular {
            // A partition with nothing but static values has no row that could fulfil these.
            rows.retain(|row| row.clustering.is_some());
        }
        if self.plan.select.is_aggregate() {
            return self.combine(&rows, resume);
        }
        if self.plan.is_point {
            self.rows = rows;
            self.done = true;
            return Ok(());
        }
        self.bytes += rows.iter().map(row_bytes).sum::<usize>();
        if self.bytes > RESULT_BYTES {
            return Err(CqlError::Invalid(format!("The result is larger than {RESULT_BYTES} bytes: use paging")));
        }
        if self.rows.is_empty() {
            self.rows = rows;
        } else {
            self.rows.append(&mut rows);
        }
        if self.mode == Mode::Together {
            if resume.is_some() {
                // Too much for one answer: what has been read is of the wrong keys.
                self.rows.clear();
                self.bytes = 0;
                self.mode = Mode::OneByOne(0);
            } else {
                self.sort_by_keys();
                self.done = true;
            }
            return Ok(());
        }
        let is_page_full = !self.gathers_everything()
            && (self.rows.len() as u32 >= self.wanted() || (self.plan.page_size.is_some() && self.bytes >= PAGE_BYTES));
        if is_page_full {
            self.done = true;
            let is_limit_reached = self.plan.limit.is_some_and(|limit| self.rows.len() as u32 >= limit);
            self.next_page = resume.or_else(|| self.after_this_key()).filter(|_| !is_limit_reached);
        } else {
            self.go_on(resume);
        }
        if self.done && self.plan.select.ordering.merged_columns.is_some() {
            self.sort_by_clustering()?;
        }
        Ok(())
    }

    /// Goes on in the same place, or with the next key, or is done.
    fn go_on(&mut self, resume: Option<Position>) {
        self.resume = resume;
        if self.resume.is_none() {
            match self.mode {
                Mode::OneByOne(index) if index + 1 < self.plan.keys.len() => self.mode = Mode::OneByOne(index + 1),
                _ => self.done = true,
            }
        }
    }

    /// Where to go on after the key that has just been read completely.
    fn after_this_key(&self) -> Option<Position> {
        match self.mode {
            Mode::OneByOne(index) if index + 1 < self.plan.keys.len() => {
                let partition = self.plan.keys[index].clone();
                Some(Position { partition, row: None, returned_in_partition: 0 })
            }
            _ => None,
        }
    }

    /// From ring order to the order of the keys.
    fn sort_by_keys(&mut self) {
        let order = key_order(&self.plan.keys);
        self.rows.sort_by_key(|row| order.get(&row.partition).copied());
    }

    /// ORDER BY over several partitions: their rows are mixed.
    fn sort_by_clustering(&mut self) -> Result<(), CqlError> {
        self.sort_by_keys();
        let rows = std::mem::take(&mut self.rows);
        self.rows = self.merged(rows, |row| row)?;
        Ok(())
    }

    /// The same with groups, by their first rows.
    fn sort_groups(&mut self) -> Result<(), CqlError> {
        if self.plan.select.ordering.merged_columns.is_some() && self.plan.select.grouping.is_some() {
            let order = key_order(&self.plan.keys);
            self.groups.sort_by_key(|group| order.get(&group.first.partition).copied());
            let groups = std::mem::take(&mut self.groups);
            self.groups = self.merged(groups, |group| &group.first)?;
        }
        Ok(())
    }

    /// Sorted by the clustering columns that ORDER BY names, up to LIMIT.
    fn merged<T>(&self, items: Vec<T>, row: impl Fn(&T) -> &ReadRow) -> Result<Vec<T>, CqlError> {
        let select = &self.plan.select;
        let columns = select.ordering.merged_columns.unwrap_or(0);
        let mut keyed = Vec::with_capacity(items.len());
        for item in items {
            let key = match &row(&item).clustering {
                Some(key) => Some(prefix(key, columns, &select.clustering_types)?),
                None => None,
            };
            keyed.push((key, item));
        }
        keyed.sort_by(|(a, _), (b, _)| if select.ordering.reversed { b.cmp(a) } else { a.cmp(b) });
        if let Some(limit) = self.plan.limit {
            keyed.truncate(limit as usize);
        }
        Ok(keyed.into_iter().map(|(_, item)| item).collect())
    }

    /// Aggregates and groups.
    fn combine(&mut self, rows: &[ReadRow], resume: Option<Position>) -> Result<(), CqlError> {
        let select = Arc::clone(&self.plan.select);
        if select.counts_rows() && !self.groups.is_empty() {
            // Nothing of these rows is looked at.
            let group = self.groups.last_mut();
            let accumulators = group.into_iter().flat_map(|group| &mut group.accumulators);
            accumulators.for_each(|accumulator| accumulator.add_rows(rows.len() as u64));
            self.go_on(resume);
            return Ok(());
        }
        let (mut view, mut group_view) = (RowView::default(), RowView::default());
        for row in rows {
            let key = match &select.grouping {
                Some(grouping) => {
                    let evaluation = Evaluation { bound: &self.plan.group_bound, ..self.evaluation(&[]) };
                    Some(grouping.key(row, &mut group_view, &evaluation)?)
                }
                None => None,
            };
            let is_new = self.groups.last().is_none_or(|group| group.key != key);
            if is_new && !self.start_group(key, row) {
                continue;
            }
            if self.done {
                return Ok(());
            }
            let evaluation = self.evaluation(&[]);
            view.enter(row, select.needs, &evaluation)?;
            let mut arguments = Vec::with_capacity(select.selection.aggregates.len());
            for aggregate in &select.selection.aggregates {
                arguments.push(match &aggregate.argument {
                    Some(argument) => Some(argument.evaluate(&view, row, &evaluation)?),
                    None => None,
                });
            }
            let Some(group) = self.groups.last_mut() else { continue };
            group.last = position_of(row);
            for (accumulator, argument) in group.accumulators.iter_mut().zip(arguments) {
                match argument {
                    Some(argument) => accumulator.add(argument)?,
                    None => accumulator.add_rows(1),
                }
            }
        }
        self.go_on(resume);
        if self.done {
            self.sort_groups()?;
        }
        Ok(())
    }

    /// A row that does not belong to the last group. Gives whether it is wanted at all.
    fn start_group(&mut self, key: Option<GroupKey>, row: &ReadRow) -> bool {
        let last_partition = self.groups.last().map(|group| &group.last.partition);
        let resumed_partition = self.plan.state.as_ref().map(|state| &state.position.partition);
        let is_same = last_partition.or(resumed_partition) == Some(&row.partition);
        let count = if is_same { self.groups_in_partition } else { 0 };
        if self.plan.groups_per_partition.is_some_and(|limit| count >= limit) {
            return false;
        }
        let is_merged = self.plan.select.ordering.merged_columns.is_some();
        if self.plan.select.grouping.is_some() && !is_merged && self.groups.len() as u32 >= self.wanted() {
            self.done = true;
            let is_limit_reached = self.plan.limit.is_some_and(|limit| self.groups.len() as u32 >= limit);
            self.next_page = self.groups.last().map(|group| group.last.clone()).filter(|_| !is_limit_reached);
            return true;
        }
        self.groups_in_partition = count + 1;
        let accumulators = self.plan.select.selection.aggregates.iter().map(Accumulator::new).collect();
        self.groups.push(Group { key, first: row.clone(), last: position_of(row), accumulators });
        true
    }

    fn evaluation<'a>(&'a self, aggregates: &'a [Accumulator]) -> Evaluation<'a> {
        Evaluation {
            partition_columns: usize::from(self.plan.select.table.partition_columns),
            clustering_types: &self.plan.select.clustering_types,
            bound: &self.plan.bound,
            now_seconds: self.now_seconds,
            aggregates,
        }
    }

    fn write(&self, sink: &mut impl Sink) -> Result<(), CqlError> {
        let select = &self.plan.select;
        let mut view = RowView::default();
        if !select.is_aggregate() {
            let evaluation = self.evaluation(&[]);
            for row in &self.rows {
                view.enter(row, select.needs, &evaluation)?;
                for output in &select.selection.outputs {
                    output.write(&view, row, &evaluation, sink)?;
                }
                sink.end_row();
            }
            return Ok(());
        }
        for group in &self.groups {
            let evaluation = self.evaluation(&group.accumulators);
            view.enter(&group.first, select.needs, &evaluation)?;
            for output in &select.selection.outputs {
                output.write(&view, &group.first, &evaluation, sink)?;
            }
            sink.end_row();
        }
        if self.groups.is_empty() && select.grouping.is_none() {
            // Aggregates of nothing.
            let accumulators: Vec<Accumulator> = select.selection.aggregates.iter().map(Accumulator::new).collect();
            let evaluation = self.evaluation(&accumulators);
            let nothing = no_row();
            for output in &select.selection.outputs {
                output.write(&view, &nothing, &evaluation, sink)?;
            }
            sink.end_row();
        }
        Ok(())
    }

    fn paging_state(&self) -> Option<Bytes> {
        let position = self.next_page.clone()?;
        let rows = if self.plan.select.is_aggregate() { self.groups.len() } else { self.rows.len() };
        let state = PagingState {
            table: table_tag(&self.plan.select.table.id),
            position,
            rows_left: self.plan.limit.map(|limit| limit.saturating_sub(rows as u32)),
            groups_in_partition: self.groups_in_partition,
        };
        Some(state.encode())
    }

    /// The whole response.
    ///
    /// # Errors
    /// When a value cannot be computed.
    pub fn encode(self, options: &AnswerOptions<'_>) -> Result<Bytes, CqlError> {
        let rows = self.rows.len().max(self.groups.len());
        let estimate =
            self.bytes + self.rows.first().map_or(0, row_bytes) + rows * 4 * self.plan.select.selection.outputs.len();
        let paging_state = self.paging_state();
        let warned = self.plan.select.warning().map(|warning| options.warned(warning));
        let options = AnswerOptions { attachments: warned.as_ref().unwrap_or(options.attachments), ..*options };
        let mut writer = self.plan.select.columns.writer(&options, paging_state.as_deref(), estimate);
        self.write(&mut writer)?;
        Ok(writer.finish())
    }

    /// The same in memory.
    pub(in crate::statement) fn into_answer(self) -> Result<Answer, CqlError> {
        let mut rows = RowsInMemory::default();
        self.write(&mut rows)?;
        let paging_state = self.paging_state();
        let select = &self.plan.select;
        let (columns, warning) = (Arc::clone(&select.columns), select.warning());
        Ok(Answer::Rows(ResultRows { columns, rows: rows.rows, paging_state, warning }))
    }
}

/// The place of each key in the result.
fn key_order(keys: &[PartitionKey]) -> BTreeMap<&PartitionKey, usize> {
    keys.iter().enumerate().map(|(index, key)| (key, index)).collect()
}

fn row_bytes(row: &ReadRow) -> usize {
    let cells: usize = row.cells.iter().map(|cell| cell.value.len() + cell.path.len() + 8).sum();
    row.partition.key.len() + row.clustering.as_ref().map_or(0, Bytes::len) + cells
}

/// Behind this row. A row of static values is the only one of its partition.
fn position_of(row: &ReadRow) -> Position {
    let id = row.clustering.clone().map(RowId::Row);
    // Something was returned of it, so what is static there is no row of its own.
    Position { partition: row.partition.clone(), row: id, returned_in_partition: 1 }
}

fn no_row() -> ReadRow {
    let partition = PartitionKey { token: Token(0), key: Bytes::new() };
    ReadRow { partition, clustering: None, cells: Vec::new() }
}

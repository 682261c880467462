//! Where Cassandra contradicts itself: differences that are known by their cause, so that the ones left over are news. An explanation
//! is narrow: it names the kind of statement, what must have gone before it, and how the answers differ; where that
//! could also be a mistake of the other server, both are asked a simpler question that both must answer in the same way (`Proof`).
//! An explanation may never rest on the wording of the server under test alone.

use trefoil_sim::language::kind::Kind;
use trefoil_sim::language::program::{
    Assignment, Condition, Delete, Relation, Request, Select, Statement, Table, Target, Update,
};
use trefoil_sim::language::value::Term;
use trefoil_tests::conformance::answer::{PAGE_BREAK, same};

/// A cause of differences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Explanation {
    /// Cassandra fails with an exception of its own.
    Exception,
    /// Cassandra does not take back a paging state that it has just given.
    OwnPagingState,
    /// Where pages end within groups is nobody's promise: the rows are the same.
    PagesOfGroups,
    /// Cassandra's pages show other rows than the same read without pages, where filters, limits or groups meet static columns.
    PagesContradict,
    /// At which of several conditions on a row Cassandra looks first depends on a hash table, and so whether it refuses one that
    /// cannot be compared.
    ConditionsInHashOrder,
    /// A filter on a static collection finds elements that were deleted.
    DeletedElementFound,
    /// A write that tests static columns only, and looks at a list of a row, sees the list of the partition's first row.
    ListOfFirstRow,
}

impl Explanation {
    /// In a few words, for the end of a run.
    pub fn name(self) -> &'static str {
        match self {
            Explanation::Exception => "Cassandra fails with an exception of its own",
            Explanation::OwnPagingState => "Cassandra does not take back a paging state of its own",
            Explanation::PagesOfGroups => "pages end elsewhere within groups",
            Explanation::PagesContradict => "Cassandra's pages contradict the same read without pages",
            Explanation::ConditionsInHashOrder => "several conditions are looked at in the order of a hash table",
            Explanation::DeletedElementFound => "a filter on a static collection finds deleted elements",
            Explanation::ListOfFirstRow => "a condition on static columns reads the list of another row",
        }
    }
}

/// What else must be true.
#[derive(Clone, Debug, PartialEq)]
pub enum Proof {
    /// Nothing.
    None,
    /// Both servers answer this request in the same way.
    SameAnswer(Request),
    /// Both servers answer this request in the same way, and it is what the left one has answered in pages.
    WhatLeftAnswered(Request),
}

/// A difference, and what went before it.
pub struct Difference<'a> {
    /// The table.
    pub table: &'a Table,
    /// Requests before the one in question.
    pub before: &'a [&'a Request],
    /// The one in question.
    pub request: &'a Request,
    /// What the server under test answered.
    pub left: &'a [String],
    /// What Cassandra answered.
    pub right: &'a [String],
}

impl Difference<'_> {
    /// The cause, if it is known, provided that the proof succeeds.
    pub fn explain(&self) -> Option<(Explanation, Proof)> {
        if self.is_exception() {
            return Some((Explanation::Exception, Proof::None));
        }
        if self.right.iter().any(|line| line.contains("Invalid value for the paging state")) {
            return Some((Explanation::OwnPagingState, Proof::None));
        }
        if self.looks_in_hash_order() {
            return Some((Explanation::ConditionsInHashOrder, Proof::None));
        }
        let Statement::Select(select) = &self.request.statement else { return None };
        if !select.group_by.is_empty() && without_page_breaks(self.left) == without_page_breaks(self.right) {
            return Some((Explanation::PagesOfGroups, Proof::None));
        }
        if let Some(without_filter) = self.without_filter_on_deleted(select) {
            return Some((Explanation::DeletedElementFound, Proof::SameAnswer(without_filter)));
        }
        if self.request.page.is_some() && self.may_contradict(select) {
            let whole = Request { page: None, ..self.request.clone() };
            return Some((Explanation::PagesContradict, Proof::WhatLeftAnswered(whole)));
        }
        None
    }

    fn is_exception(&self) -> bool {
        self.right.first().is_some_and(|line| line.starts_with("error server"))
            || self.right.iter().any(|line| line.starts_with("error read_failure"))
    }

    /// Only these are known to contradict themselves.
    fn may_contradict(&self, select: &Select) -> bool {
        !self.table.statics.is_empty()
            && (select.allow_filtering
                || select.limit.is_some()
                || select.per_partition_limit.is_some()
                || !select.group_by.is_empty())
    }

    /// Several conditions, one of which cannot be compared; one server refuses that, for the other another fails before.
    fn looks_in_hash_order(&self) -> bool {
        let Some(Condition::All(relations)) = condition(&self.request.statement) else { return false };
        let refuses = |lines: &[String]| lines.iter().any(|line| is_of_comparison(line));
        relations.len() > 1
            && refuses(self.left) != refuses(self.right)
            && changes_nothing(self.left)
            && changes_nothing(self.right)
    }

    /// A read that asks for elements of a static collection out of which something was deleted: the same without that, and
    /// without limits. If both servers answer it in the same way, what they disagree on is the filter.
    fn without_filter_on_deleted(&self, select: &Select) -> Option<Request> {
        let is_suspect = |relation: &Relation| match relation {
            Relation::Contains(name, _) | Relation::ContainsKey(name, _) => {
                self.table.is_static(name) && self.before.iter().any(|request| deletes_of(&request.statement, name))
            }
            _ => false,
        };
        if !select.relations.iter().any(is_suspect) {
            return None;
        }
        let mut simpler = select.clone();
        simpler.relations.retain(|relation| !is_suspect(relation));
        (simpler.limit, simpler.per_partition_limit) = (None, None);
        let statement = Statement::Select(simpler);
        Some(Request { statement, page: None, ..self.request.clone() })
    }
}

/// What to read, before a request and after it, to see whether Cassandra looked at the right row: only for writes that test static columns
/// only and have to look at a list of a row. Whatever is answered to such a write, what it has done must be looked at.
pub fn may_read_another_row(table: &Table, request: &Request) -> Option<Request> {
    let Statement::Update(Update { assignments, .. }) = &request.statement else { return None };
    let Some(Condition::All(relations)) = condition(&request.statement) else { return None };
    let is_static = |relation: &Relation| match relation {
        Relation::Compare(name, ..) | Relation::In(name, _) | Relation::Element(name, ..) => table.is_static(name),
        _ => false,
    };
    let looks_at_list = |(name, assignment): &(String, Assignment)| {
        let is_list = table.column(name).is_some_and(|column| matches!(column.kind, Kind::List(_)));
        is_list && !table.is_static(name) && matches!(assignment, Assignment::Subtract(_) | Assignment::Element(..))
    };
    let is_one = relations.iter().all(is_static) && assignments.iter().any(looks_at_list);
    is_one.then(|| Request {
        statement: Statement::Select(Select::everything()),
        binds: false,
        page: None,
        now: request.now,
    })
}

fn condition(statement: &Statement) -> Option<&Condition> {
    match statement {
        Statement::Update(Update { condition, .. }) | Statement::Delete(Delete { condition, .. }) => condition.as_ref(),
        _ => None,
    }
}

/// Whether a statement deletes elements of a column.
fn deletes_of(statement: &Statement, name: &str) -> bool {
    let assigns = |(column, assignment): &(String, Assignment)| {
        column == name && matches!(assignment, Assignment::Subtract(_) | Assignment::Element(_, Term::Null))
    };
    match statement {
        Statement::Update(update) => update.assignments.iter().any(assigns),
        Statement::Delete(delete) => {
            delete.targets.iter().any(|target| matches!(target, Target::Element(column, _) if column == name))
        }
        Statement::Batch(batch) => batch.parts.iter().any(|part| deletes_of(part, name)),
        Statement::Insert(_) | Statement::Select(_) => false,
    }
}

/// Whether a write that was answered so has changed nothing.
pub fn changes_nothing(lines: &[String]) -> bool {
    let first = lines.first().map_or("", String::as_str);
    let is_rejected = first.starts_with("[applied]") && lines.get(1).is_some_and(|line| line.starts_with("false"));
    first.starts_with("error ") || is_rejected
}

/// Whether a condition was refused for its value.
fn is_of_comparison(line: &str) -> bool {
    line.starts_with("error invalid: Invalid comparison with ")
        || line.starts_with("error invalid: Invalid 'unset' value in condition")
}

/// An answer as if it had come in one page.
pub fn without_page_breaks(lines: &[String]) -> Vec<String> {
    lines.iter().filter(|line| *line != PAGE_BREAK).cloned().collect()
}

impl Proof {
    /// What has to be asked.
    pub fn request(&self) -> Option<&Request> {
        match self {
            Proof::None => None,
            Proof::SameAnswer(request) | Proof::WhatLeftAnswered(request) => Some(request),
        }
    }

    /// Whether these answers to it prove it; `answered` is what the left server said to the request that is to be explained.
    pub fn holds(&self, left: &[String], right: &[String], answered: &[String]) -> bool {
        match self {
            Proof::None => true,
            Proof::SameAnswer(_) => same(right, left, false),
            Proof::WhatLeftAnswered(_) => same(right, left, false) && left == without_page_breaks(answered),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trefoil_sim::language::kind::Native;
    use trefoil_sim::language::program::{Column, Operator, Using};
    use trefoil_sim::language::value::Value;

    const ROWS: [&str; 2] = ["p: int", "1"];

    /// `(p int, c int, s set<int> static, v int, l list<int>, PRIMARY KEY (p, c))`
    fn table() -> Table {
        let int = || Kind::Native(Native::Int);
        let column = |name: &str, kind: Kind| Column { name: name.to_owned(), kind };
        Table {
            name: "t".to_owned(),
            partition: vec![column("p", int())],
            clustering: vec![(column("c", int()), false)],
            statics: vec![column("s", Kind::Set(Box::new(int())))],
            regular: vec![column("v", int()), column("l", Kind::List(Box::new(int())))],
        }
    }

    fn request(statement: Statement, page: Option<u32>) -> Request {
        Request { statement, binds: false, page, now: None }
    }

    fn int(number: i64) -> Term {
        Term::Value(Value::number(Native::Int, number))
    }

    fn compare(name: &str) -> Relation {
        Relation::Compare(name.to_owned(), Operator::Equal, int(1))
    }

    fn update(name: &str, assignment: Assignment, conditions: Vec<Relation>) -> Request {
        let condition = (!conditions.is_empty()).then_some(Condition::All(conditions));
        let (assignments, relations) = (vec![(name.to_owned(), assignment)], vec![compare("p"), compare("c")]);
        request(Statement::Update(Update { using: Using::default(), assignments, relations, condition }), None)
    }

    fn select(relation: Relation, page: Option<u32>) -> Request {
        let relations = vec![relation];
        request(Statement::Select(Select { relations, allow_filtering: true, ..Select::everything() }), page)
    }

    fn explained(
        before: &[&Request],
        request: &Request,
        left: &[&str],
        right: &[&str],
    ) -> Option<(Explanation, Proof)> {
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<String>>();
        let (left, right) = (lines(left), lines(right));
        Difference { table: &table(), before, request, left: &left, right: &right }.explain()
    }

    fn cause(before: &[&Request], request: &Request, left: &[&str], right: &[&str]) -> Option<Explanation> {
        explained(before, request, left, right).map(|(explanation, _)| explanation)
    }

    #[test]
    fn only_cassandra_may_fail_by_an_exception() {
        let read = select(compare("v"), None);
        assert_eq!(cause(&[], &read, &ROWS, &["error server: null"]), Some(Explanation::Exception));
        assert_eq!(cause(&[], &read, &["error server: null"], &ROWS), None);
        assert_eq!(cause(&[], &read, &ROWS, &["error invalid: null"]), None);
        let state = "error protocol: Invalid value for the paging state";
        assert_eq!(cause(&[], &read, &ROWS, &["p: int", state]), Some(Explanation::OwnPagingState));
        assert_eq!(cause(&[], &read, &["p: int", state], &ROWS), None);
    }

    #[test]
    fn pages_of_groups_may_end_anywhere_but_show_the_same_rows() {
        let mut read = select(compare("v"), Some(1));
        let (one, other) = (["p: int", "1", PAGE_BREAK, "2"], ["p: int", "1", "2"]);
        assert_ne!(cause(&[], &read, &one, &other), Some(Explanation::PagesOfGroups), "there are no groups");
        let Statement::Select(select) = &mut read.statement else { unreachable!("it reads") };
        select.group_by = vec!["p".to_owned()];
        assert_eq!(cause(&[], &read, &one, &other), Some(Explanation::PagesOfGroups));
        assert_ne!(cause(&[], &read, &one, &["p: int", "1"]), Some(Explanation::PagesOfGroups));
    }

    #[test]
    fn pages_contradict_only_what_is_answered_without_them() {
        assert_eq!(cause(&[], &select(compare("v"), None), &ROWS, &["p: int"]), None, "there are no pages");
        let (explanation, proof) =
            explained(&[], &select(compare("v"), Some(1)), &ROWS, &["p: int"]).expect("it may be that");
        assert_eq!(explanation, Explanation::PagesContradict);
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<String>>();
        let (rows, none) = (lines(&ROWS), lines(&["p: int"]));
        assert!(proof.request().is_some_and(|whole| whole.page.is_none()));
        assert!(proof.holds(&rows, &rows, &rows));
        assert!(!proof.holds(&none, &none, &rows), "the left server's own pages contradict it");
        assert!(!proof.holds(&rows, &none, &rows), "they differ without pages, too");
    }

    #[test]
    fn a_condition_that_cannot_be_compared_needs_another_beside_it() {
        let refused = ["error invalid: Invalid comparison with null for operator \"<\""];
        let failed = ["[applied]: boolean", "false"];
        let several = update("v", Assignment::Set(int(1)), vec![compare("v"), compare("s")]);
        let hashed = Some(Explanation::ConditionsInHashOrder);
        assert_eq!(cause(&[], &several, &refused, &failed), hashed);
        assert_eq!(cause(&[], &several, &failed, &refused), hashed);
        assert_eq!(cause(&[], &several, &refused, &["[applied]: boolean", "true"]), None, "something was written");
        assert_eq!(cause(&[], &several, &["error invalid: other"], &failed), None);
        let one = update("v", Assignment::Set(int(1)), vec![compare("v")]);
        assert_eq!(cause(&[], &one, &refused, &failed), None);
    }

    #[test]
    fn what_was_never_deleted_cannot_be_found_deleted() {
        let contains = |name: &str| select(Relation::Contains(name.to_owned(), int(1)), None);
        let removes = |name: &str| update(name, Assignment::Subtract(Term::Value(Value::List(vec![]))), Vec::new());
        let none = ["p: int"];
        let (explanation, proof) = explained(&[&removes("s")], &contains("s"), &none, &ROWS).expect("it may be that");
        assert_eq!(explanation, Explanation::DeletedElementFound);
        let Some(Request { statement: Statement::Select(simpler), .. }) = proof.request() else {
            panic!("{proof:?} asks nothing")
        };
        assert_eq!(simpler.relations, []);
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<String>>();
        assert!(!proof.holds(&lines(&none), &lines(&ROWS), &lines(&none)), "they differ without the filter, too");
        let adds = update("s", Assignment::Add(Term::Value(Value::Set(vec![]))), Vec::new());
        assert_eq!(cause(&[&adds], &contains("s"), &none, &ROWS), None, "nothing was deleted");
        assert_eq!(cause(&[&removes("l")], &contains("s"), &none, &ROWS), None, "it was another column");
        assert_eq!(cause(&[&removes("l")], &contains("l"), &none, &ROWS), None, "it is not static");
    }

    #[test]
    fn only_conditions_on_static_columns_alone_read_another_row() {
        let asked = |name: &str, assignment: Assignment, conditions: &[&str]| {
            let conditions = conditions.iter().map(|name| compare(name)).collect();
            may_read_another_row(&table(), &update(name, assignment, conditions)).is_some()
        };
        let removal = || Assignment::Subtract(Term::Value(Value::List(vec![])));
        assert!(asked("l", removal(), &["s"]));
        assert!(asked("l", Assignment::Element(int(0), int(1)), &["s"]));
        assert!(!asked("l", removal(), &["s", "v"]));
        assert!(!asked("l", removal(), &[]));
        assert!(!asked("l", Assignment::Add(Term::Value(Value::List(vec![]))), &["s"]), "it looks at nothing");
        assert!(!asked("v", Assignment::Set(int(1)), &["s"]));
    }
}

//! Random syntax trees: everything that the parser could produce, from arbitrary bytes. Markers all have number 0, as
//! `parse_unnumbered` gives them.

mod access;
mod data;
mod definition;
mod select;
mod term;

use crate::ast::*;
use crate::keyword::Keyword;
use arbitrary::{Result, Unstructured};

/// Trees from bytes.
pub(super) struct Generator<'a, 'b> {
    bytes: &'a mut Unstructured<'b>,
    depth: usize,
    /// Whether the expression being made may contain columns.
    over_columns: bool,
}

/// How deep terms and types nest: less than the parser's bound.
const DEPTH: usize = 10;

type Generate<'a, 'b, T> = fn(&mut Generator<'a, 'b>) -> Result<T>;

impl<'a, 'b> Generator<'a, 'b> {
    pub(super) fn new(bytes: &'a mut Unstructured<'b>) -> Generator<'a, 'b> {
        Generator { bytes, depth: 0, over_columns: false }
    }

    // ----- choices -----

    fn below(&mut self, limit: usize) -> Result<usize> {
        self.bytes.int_in_range(0..=limit - 1)
    }

    fn flag(&mut self) -> Result<bool> {
        self.bytes.arbitrary()
    }

    fn choose<T: Clone>(&mut self, items: &[T]) -> Result<T> {
        self.bytes.choose(items).cloned()
    }

    /// Up to three; often none when there are no bytes left.
    fn any<T>(&mut self, item: Generate<'a, 'b, T>) -> Result<Vec<T>> {
        (0..self.below(4)?).map(|_| item(self)).collect()
    }

    fn some<T>(&mut self, item: Generate<'a, 'b, T>) -> Result<Vec<T>> {
        (0..1 + self.below(3)?).map(|_| item(self)).collect()
    }

    fn optional<T>(&mut self, item: Generate<'a, 'b, T>) -> Result<Option<T>> {
        if self.flag()? { item(self).map(Some) } else { Ok(None) }
    }

    fn pairs<A, B>(&mut self, one: Generate<'a, 'b, A>, other: Generate<'a, 'b, B>) -> Result<Vec<(A, B)>> {
        (0..1 + self.below(3)?).map(|_| Ok((one(self)?, other(self)?))).collect()
    }

    /// One of several alternatives; the last ones may nest and are left out when it is deep or there are no bytes.
    fn nested<T>(&mut self, flat: usize, all: usize, item: impl FnOnce(&mut Self, usize) -> Result<T>) -> Result<T> {
        let limit = if self.depth >= DEPTH || self.bytes.is_empty() { flat } else { all };
        self.depth += 1;
        let choice = self.below(limit)?;
        let result = item(self, choice);
        self.depth -= 1;
        result
    }

    // ----- words -----

    fn text(&mut self) -> Result<Box<str>> {
        Ok(self.choose(&["", "x", "it's", "''", "\"", "$$", "a -- b", "é\n", "?", "Mixed Case"])?.into())
    }

    fn name(&mut self) -> Result<Name> {
        let keyword = Keyword::ALL[self.below(Keyword::ALL.len())?].text();
        let names = ["a", "b", "c1", "key_2", "Mixed", "wei rd", "\"", "é", "1a", "expr", "p1d", "byte", "'", "EXISTS"];
        Ok(Name::new(if self.flag()? { keyword } else { self.choose(&names)? }))
    }

    fn column(&mut self) -> Result<Name> {
        if self.below(20)? == 0 { Ok(Name::new("")) } else { self.name() }
    }

    fn qualified(&mut self) -> Result<QualifiedName> {
        Ok(QualifiedName { keyspace: self.optional(Self::name)?, name: self.name()? })
    }

    // ----- statements -----

    pub(super) fn statement(&mut self) -> Result<Statement> {
        Ok(match self.below(45)? {
            0..6 => Statement::Select(self.select()?),
            6 => Statement::Insert(self.insert()?),
            7 => Statement::Update(self.update()?),
            8 => Statement::Delete(self.delete()?),
            9 => Statement::Batch(self.batch()?),
            10 => Statement::Use(Use { keyspace: self.name()? }),
            11 => Statement::Truncate(Truncate { table: self.qualified()? }),
            12 => Statement::CreateKeyspace(CreateKeyspace {
                if_not_exists: self.flag()?,
                keyspace: self.name()?,
                properties: self.properties()?,
            }),
            13 => Statement::AlterKeyspace(AlterKeyspace {
                if_exists: self.flag()?,
                keyspace: self.name()?,
                properties: self.properties()?,
            }),
            14 => Statement::DropKeyspace(DropKeyspace { if_exists: self.flag()?, keyspace: self.name()? }),
            15 | 16 => Statement::CreateTable(self.create_table()?),
            17 | 18 => Statement::AlterTable(self.alter_table()?),
            19 => Statement::DropTable(DropTable { if_exists: self.flag()?, table: self.qualified()? }),
            20 => Statement::CreateType(CreateType {
                if_not_exists: self.flag()?,
                name: self.qualified()?,
                fields: self.pairs(Self::name, Self::type_name)?,
            }),
            21 => Statement::AlterType(self.alter_type()?),
            22 => Statement::DropType(DropType { if_exists: self.flag()?, name: self.qualified()? }),
            23 => Statement::CreateIndex(self.create_index()?),
            24 => Statement::DropIndex(DropIndex { if_exists: self.flag()?, name: self.qualified()? }),
            25 => Statement::CreateView(self.create_view()?),
            26 => Statement::AlterView(AlterView {
                if_exists: self.flag()?,
                name: self.qualified()?,
                properties: self.properties()?,
            }),
            27 => Statement::DropView(DropView { if_exists: self.flag()?, name: self.qualified()? }),
            28 => Statement::CreateTrigger(CreateTrigger {
                if_not_exists: self.flag()?,
                name: self.name()?,
                table: self.qualified()?,
                using: self.text()?,
            }),
            29 => Statement::DropTrigger(DropTrigger {
                if_exists: self.flag()?,
                name: self.name()?,
                table: self.qualified()?,
            }),
            30 => Statement::CreateFunction(self.create_function()?),
            31 => Statement::DropFunction(DropFunction {
                if_exists: self.flag()?,
                name: self.qualified()?,
                arguments: self.optional(Self::argument_types)?,
            }),
            32 => Statement::CreateAggregate(self.create_aggregate()?),
            33 => Statement::DropAggregate(DropAggregate {
                if_exists: self.flag()?,
                name: self.qualified()?,
                arguments: self.optional(Self::argument_types)?,
            }),
            34 => {
                let style = self.style()?;
                let options = self.role_options(style)?;
                Statement::CreateRole(CreateRole { style, if_not_exists: self.flag()?, role: self.name()?, options })
            }
            35 => {
                let style = self.style()?;
                let options = self.role_options(style)?;
                Statement::AlterRole(AlterRole { style, if_exists: self.flag()?, role: self.name()?, options })
            }
            36 => Statement::DropRole(DropRole { style: self.style()?, if_exists: self.flag()?, role: self.name()? }),
            37 => Statement::AddIdentity(AddIdentity {
                if_not_exists: self.flag()?,
                identity: self.text()?,
                role: self.text()?,
            }),
            38 => Statement::DropIdentity(DropIdentity { if_exists: self.flag()?, identity: self.text()? }),
            39 => Statement::GrantRole(GrantRole { role: self.name()?, grantee: self.name()? }),
            40 => Statement::RevokeRole(RevokeRole { role: self.name()?, revokee: self.name()? }),
            41 => Statement::ListRoles(match self.below(2)? {
                0 => ListRoles::Users,
                _ => ListRoles::Roles { of: self.optional(Self::name)?, recursive: self.flag()? },
            }),
            42 => Statement::GrantPermissions(GrantPermissions {
                permissions: self.permissions()?,
                resource: self.resource()?,
                grantee: self.name()?,
            }),
            43 if self.flag()? => Statement::RevokePermissions(RevokePermissions {
                permissions: self.permissions()?,
                resource: self.resource()?,
                revokee: self.name()?,
            }),
            43 => Statement::ListPermissions(ListPermissions {
                permissions: self.permissions()?,
                resource: self.optional(Self::resource)?,
                of: self.optional(Self::name)?,
                recursive: self.flag()?,
            }),
            _ => Statement::Describe(self.describe()?),
        })
    }
}

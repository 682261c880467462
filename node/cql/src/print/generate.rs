//! Random syntax trees: everything that the parser could produce, from arbitrary bytes. Markers all have number 0, as
//! `parse_unnumbered` gives them.

use crate::ast::*;
use crate::keyword::Keyword;
use crate::types::NativeType;
use arbitrary::{Result, Unstructured};

/// Trees from bytes.
pub(super) struct Generator<'a, 'b> {
    bytes: &'a mut Unstructured<'b>,
    depth: usize,
}

/// How deep terms and types nest: less than the parser's bound.
const DEPTH: usize = 10;

type Generate<'a, 'b, T> = fn(&mut Generator<'a, 'b>) -> Result<T>;

/// Whether the text ends in `(a)`.
fn ends_in_parentheses(selectable: &Selectable) -> bool {
    match selectable {
        Selectable::Tuple(items) => items.len() == 1,
        Selectable::TypeHint(_, inner) => ends_in_parentheses(inner),
        _ => false,
    }
}

impl<'a, 'b> Generator<'a, 'b> {
    pub(super) fn new(bytes: &'a mut Unstructured<'b>) -> Generator<'a, 'b> {
        Generator { bytes, depth: 0 }
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

    // ----- types and terms -----

    fn native(&mut self) -> Result<NativeType> {
        self.choose(NativeType::ALL)
    }

    fn type_name(&mut self) -> Result<TypeName> {
        self.nested(3, 9, |it, choice| {
            Ok(match choice {
                0 => TypeName::Native(it.native()?),
                1 => TypeName::User(it.qualified()?),
                2 => TypeName::Custom(it.text()?),
                3 => TypeName::List(Box::new(it.type_name()?)),
                4 => TypeName::Set(Box::new(it.type_name()?)),
                5 => TypeName::Map(Box::new(it.type_name()?), Box::new(it.type_name()?)),
                6 => TypeName::Frozen(Box::new(it.type_name()?)),
                7 => TypeName::Tuple(it.some(Self::type_name)?),
                _ => TypeName::Vector(Box::new(it.type_name()?), it.bytes.arbitrary()?),
            })
        })
    }

    fn constant(&mut self) -> Result<Literal> {
        Ok(match self.below(7)? {
            0 => Literal::Boolean(self.flag()?),
            1 => Literal::integer(self.bytes.arbitrary()?),
            2 => {
                let floats = ["1.5", "-1.", "1e5", "-2.5E-10", "NaN", "Infinity", "-Infinity", "007.0"];
                Literal::Float(self.choose(&floats)?.into())
            }
            3 => Literal::String(self.text()?),
            4 => Literal::Uuid(uuid::Uuid::from_bytes(self.bytes.arbitrary()?)),
            5 => Literal::Hex(self.choose(&["", "0", "cafe", "CAFE01"])?.into()),
            _ => Literal::Duration(self.choose(&["1d", "-1h30m", "P1Y", "-PT5M", "P2W", "1\u{b5}s"])?.into()),
        })
    }

    fn marker(&mut self) -> Result<Marker> {
        Ok(Marker { index: 0, name: self.optional(Self::name)? })
    }

    fn integer_or_marker(&mut self) -> Result<Term> {
        Ok(match self.below(2)? {
            0 => Term::Literal(Literal::integer(self.bytes.arbitrary()?)),
            _ => Term::Marker(self.marker()?),
        })
    }

    fn operator(&mut self, multiplication: bool) -> Result<ArithmeticOperator> {
        use ArithmeticOperator::{Add, Divide, Modulo, Multiply, Subtract};
        if multiplication { self.choose(&[Multiply, Divide, Modulo]) } else { self.choose(&[Add, Subtract]) }
    }

    fn term(&mut self) -> Result<Term> {
        self.nested(1, 3, |it, choice| {
            if choice < 2 {
                return it.product();
            }
            let left = if it.flag()? { it.term()? } else { it.product()? };
            Ok(Term::Arithmetic(it.operator(false)?, Box::new(left), Box::new(it.product()?)))
        })
    }

    fn product(&mut self) -> Result<Term> {
        self.nested(1, 4, |it, choice| {
            Ok(match choice {
                0 | 1 => it.simple_term()?,
                2 => Term::Negation(Box::new(it.simple_term()?)),
                _ => {
                    let left = it.product()?;
                    let right = it.simple_term()?;
                    Term::Arithmetic(it.operator(true)?, Box::new(left), Box::new(right))
                }
            })
        })
    }

    fn simple_term(&mut self) -> Result<Term> {
        self.nested(3, 11, |it, choice| {
            Ok(match choice {
                0 => Term::Literal(it.constant()?),
                1 => Term::Literal(Literal::Null),
                2 => Term::Marker(it.marker()?),
                3 => Term::List(it.any(Self::term)?),
                4 => Term::Set(it.any(Self::term)?),
                5 => Term::Map(it.pairs(Self::term, Self::term)?),
                6 => Term::UserType(it.pairs(Self::name, Self::term)?),
                7 => Term::Tuple(it.some(Self::term)?),
                8 => Term::Function(it.qualified()?, it.any(Self::term)?),
                9 => Term::Cast(Box::new(it.simple_term()?), it.native()?),
                _ => Term::TypeHint(it.type_name()?, Box::new(it.simple_term()?)),
            })
        })
    }

    // ----- selections -----

    fn selectable(&mut self) -> Result<Selectable> {
        self.nested(1, 3, |it, choice| {
            if choice < 2 {
                return it.selectable_product();
            }
            let left = if it.flag()? { it.selectable()? } else { it.selectable_product()? };
            Ok(Selectable::Arithmetic(it.operator(false)?, Box::new(left), Box::new(it.selectable_product()?)))
        })
    }

    fn selectable_product(&mut self) -> Result<Selectable> {
        self.nested(1, 3, |it, choice| {
            if choice < 2 {
                return it.signed_selectable();
            }
            let left = it.selectable_product()?;
            Ok(Selectable::Arithmetic(it.operator(true)?, Box::new(left), Box::new(it.signed_selectable()?)))
        })
    }

    fn signed_selectable(&mut self) -> Result<Selectable> {
        self.nested(1, 4, |it, choice| match choice {
            3 => Ok(Selectable::Negation(Box::new(it.signed_selectable()?))),
            _ => {
                let receiver = it.simple_selectable()?;
                it.modified(receiver)
            }
        })
    }

    fn modified(&mut self, mut receiver: Selectable) -> Result<Selectable> {
        for _ in 0..self.below(6)?.saturating_sub(3) {
            let inner = Box::new(receiver);
            // `(a)[1]` would be a list with a type.
            let first = if ends_in_parentheses(&inner) { 2 } else { 0 };
            receiver = match first + self.below(4 - first)? {
                0 => Selectable::Field(inner, self.name()?),
                1 => Selectable::Element(inner, Box::new(self.term()?)),
                2 => Selectable::Slice(inner, Some(Box::new(self.term()?)), self.optional(Self::term)?.map(Box::new)),
                _ => Selectable::Slice(inner, None, Some(Box::new(self.term()?))),
            };
        }
        Ok(receiver)
    }

    fn simple_selectable(&mut self) -> Result<Selectable> {
        self.nested(5, 13, |it, choice| {
            Ok(match choice {
                0 => Selectable::Column(it.name()?),
                1 => Selectable::Literal(it.constant()?),
                2 => Selectable::Literal(Literal::Null),
                3 => Selectable::Marker(it.marker()?),
                4 => Selectable::CountRows,
                5 => {
                    let functions = [CellFunction::WriteTime, CellFunction::MaxWriteTime, CellFunction::Ttl];
                    let column = Selectable::Column(it.name()?);
                    Selectable::Cell(it.choose(&functions)?, Box::new(it.modified(column)?))
                }
                6 => Selectable::Function(it.qualified()?, it.any(Self::selectable)?),
                7 => Selectable::Cast(Box::new(it.selectable()?), it.native()?),
                8 => Selectable::TypeHint(it.type_name()?, Box::new(it.simple_selectable()?)),
                9 => Selectable::List(it.any(Self::selectable)?),
                10 => Selectable::Set(it.any(Self::selectable)?),
                11 => Selectable::Map(it.pairs(Self::selectable_key, Self::selectable)?),
                _ => Selectable::Tuple(it.some(Self::selectable)?),
            })
        })
    }

    /// Not `(a)`: in `{(a): b}` Cassandra's grammar sees a marker with a type, and so do we.
    fn selectable_key(&mut self) -> Result<Selectable> {
        Ok(match self.below(3)? {
            0 => Selectable::Column(self.name()?),
            1 => Selectable::Literal(self.constant()?),
            _ => Selectable::Function(self.qualified()?, self.any(Self::selectable)?),
        })
    }

    fn selector(&mut self) -> Result<Selector> {
        Ok(Selector { selectable: self.selectable()?, alias: self.optional(Self::name)? })
    }

    fn selection(&mut self) -> Result<Selection> {
        if self.flag()? { Ok(Selection::All) } else { self.some(Self::selector).map(Selection::Selectors) }
    }

    fn comparison(&mut self) -> Result<Comparison> {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        self.choose(&[Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual])
    }

    fn in_values(&mut self, item: Generate<'a, 'b, Term>) -> Result<InValues> {
        if self.flag()? { self.any(item).map(InValues::List) } else { self.marker().map(InValues::Marker) }
    }

    fn tuple_or_marker(&mut self) -> Result<Term> {
        if self.flag()? { self.some(Self::term).map(Term::Tuple) } else { self.marker().map(Term::Marker) }
    }

    fn compare_or_in(&mut self) -> Result<Predicate> {
        Ok(match self.below(2)? {
            0 => Predicate::Compare(self.comparison()?, self.term()?),
            _ => Predicate::In(self.in_values(Self::term)?),
        })
    }

    fn column_predicate(&mut self) -> Result<Predicate> {
        Ok(match self.below(9)? {
            0 | 1 => self.compare_or_in()?,
            2 => Predicate::NotIn(self.in_values(Self::term)?),
            3 => Predicate::Contains(self.term()?),
            4 => Predicate::ContainsKey(self.term()?),
            5 => Predicate::NotContains(self.term()?),
            6 => Predicate::NotContainsKey(self.term()?),
            7 => Predicate::Between(self.term()?, self.term()?),
            _ => self.choose(&[Predicate::IsNotNull, Predicate::Like(Term::Literal(Literal::String("%x".into())))])?,
        })
    }

    fn relation(&mut self) -> Result<Relation> {
        let (target, predicate) = match self.below(6)? {
            0 => return Ok(Relation::IndexExpression(self.qualified()?, self.term()?)),
            1 => {
                let target = RelationTarget::Element(self.column()?, self.term()?);
                (target, Predicate::Compare(self.comparison()?, self.term()?))
            }
            2 => {
                let predicate = match self.below(2)? {
                    0 => Predicate::Compare(self.comparison()?, self.term()?),
                    _ => Predicate::Between(self.term()?, self.term()?),
                };
                (RelationTarget::Token(self.some(Self::column)?), predicate)
            }
            3 => {
                let predicate = match self.below(4)? {
                    0 => Predicate::Compare(self.comparison()?, self.tuple_or_marker()?),
                    1 => Predicate::In(self.in_values(Self::tuple_or_marker)?),
                    2 => Predicate::NotIn(self.in_values(Self::tuple_or_marker)?),
                    _ => Predicate::Between(self.tuple_or_marker()?, self.tuple_or_marker()?),
                };
                (RelationTarget::Columns(self.some(Self::column)?), predicate)
            }
            _ => (RelationTarget::Column(self.column()?), self.column_predicate()?),
        };
        Ok(Relation::Restriction(target, predicate))
    }

    fn ordering(&mut self) -> Result<Ordering> {
        Ok(Ordering { column: self.column()?, nearest_to: self.optional(Self::term)?, descending: self.flag()? })
    }

    fn select(&mut self) -> Result<Select> {
        Ok(Select {
            json: self.flag()?,
            distinct: self.flag()?,
            selection: self.selection()?,
            table: self.qualified()?,
            relations: self.any(Self::relation)?,
            group_by: self.any(Self::selectable)?,
            order_by: self.any(Self::ordering)?,
            per_partition_limit: self.optional(Self::integer_or_marker)?,
            limit: self.optional(Self::integer_or_marker)?,
            allow_filtering: self.flag()?,
        })
    }

    // ----- modifications -----

    fn using(&mut self) -> Result<Using> {
        Ok(Using { timestamp: self.optional(Self::integer_or_marker)?, ttl: self.optional(Self::integer_or_marker)? })
    }

    fn insert(&mut self) -> Result<Insert> {
        let source = match self.below(3)? {
            0 => InsertSource::Json {
                document: match self.below(2)? {
                    0 => JsonDocument::Literal(self.text()?),
                    _ => JsonDocument::Marker(self.marker()?),
                },
                default: self.choose(&[JsonDefault::Null, JsonDefault::Unset])?,
            },
            _ => InsertSource::Values { columns: self.some(Self::column)?, values: self.some(Self::term)? },
        };
        Ok(Insert { table: self.qualified()?, source, if_not_exists: self.flag()?, using: self.using()? })
    }

    /// Distinct columns, as the parser demands.
    fn assignments(&mut self) -> Result<Vec<Assignment>> {
        let mut assignments: Vec<Assignment> = Vec::new();
        for _ in 0..1 + self.below(3)? {
            let column = self.column()?;
            let assignment = match self.below(6)? {
                0 => Assignment::Set(column, self.term()?),
                1 => Assignment::Add(column, self.term()?),
                2 => Assignment::Subtract(column, self.term()?),
                3 => Assignment::Prepend(column, self.term()?),
                4 => Assignment::SetElement(column, self.term()?, self.term()?),
                _ => Assignment::SetField(column, self.name()?, self.term()?),
            };
            if !assignments.iter().any(|earlier| earlier.column() == assignment.column()) {
                assignments.push(assignment);
            }
        }
        Ok(assignments)
    }

    fn condition(&mut self) -> Result<Condition> {
        Ok(match self.below(4)? {
            0 => Condition {
                target: ConditionTarget::Element(self.column()?, self.term()?),
                predicate: self.compare_or_in()?,
            },
            1 => Condition {
                target: ConditionTarget::Field(self.column()?, self.name()?),
                predicate: self.compare_or_in()?,
            },
            2 => {
                let predicate =
                    if self.flag()? { Predicate::Contains(self.term()?) } else { Predicate::ContainsKey(self.term()?) };
                Condition { target: ConditionTarget::Column(self.column()?), predicate }
            }
            _ => Condition { target: ConditionTarget::Column(self.column()?), predicate: self.compare_or_in()? },
        })
    }

    fn if_clause(&mut self) -> Result<If> {
        if self.flag()? { Ok(If::Exists) } else { self.some(Self::condition).map(If::Conditions) }
    }

    fn update(&mut self) -> Result<Update> {
        Ok(Update {
            table: self.qualified()?,
            using: self.using()?,
            assignments: self.assignments()?,
            relations: self.some(Self::relation)?,
            condition: self.optional(Self::if_clause)?,
        })
    }

    fn deletion(&mut self) -> Result<Deletion> {
        Ok(match self.below(3)? {
            0 => Deletion::Column(self.column()?),
            1 => Deletion::Element(self.column()?, self.term()?),
            _ => Deletion::Field(self.column()?, self.name()?),
        })
    }

    fn delete(&mut self) -> Result<Delete> {
        Ok(Delete {
            deletions: self.any(Self::deletion)?,
            table: self.qualified()?,
            using: Using { timestamp: self.optional(Self::integer_or_marker)?, ttl: None },
            relations: self.some(Self::relation)?,
            condition: self.optional(Self::if_clause)?,
        })
    }

    fn modification(&mut self) -> Result<Statement> {
        Ok(match self.below(3)? {
            0 => Statement::Insert(self.insert()?),
            1 => Statement::Update(self.update()?),
            _ => Statement::Delete(self.delete()?),
        })
    }

    fn batch(&mut self) -> Result<Batch> {
        let kinds = [BatchKind::Logged, BatchKind::Unlogged, BatchKind::Counter];
        Ok(Batch { kind: self.choose(&kinds)?, using: self.using()?, statements: self.any(Self::modification)? })
    }

    // ----- definitions -----

    fn constant_map(&mut self) -> Result<Vec<(Literal, Literal)>> {
        let mut map: Vec<(Literal, Literal)> = Vec::new();
        for _ in 0..self.below(3)? {
            let (key, value) = (self.constant()?, self.constant()?);
            if !map.iter().any(|(earlier, _)| earlier.raw_text() == key.raw_text()) {
                map.push((key, value));
            }
        }
        Ok(map)
    }

    fn property_map(&mut self) -> Result<Vec<(Literal, PropertyValue)>> {
        let constants = self.constant_map()?.into_iter();
        let mut map: Vec<_> = constants.map(|(key, value)| (key, PropertyValue::Literal(value))).collect();
        if let Some((_, value)) = map.first_mut()
            && self.flag()?
        {
            *value = PropertyValue::Map(self.property_map()?);
        }
        Ok(map)
    }

    fn property(&mut self) -> Result<Property> {
        let words: Vec<&str> = Keyword::ALL
            .iter()
            .filter(|keyword| keyword.class() != crate::keyword::Class::Reserved)
            .map(|keyword| keyword.text())
            .collect();
        let value = match self.below(3)? {
            0 => PropertyValue::Literal(self.constant()?),
            1 => PropertyValue::Word(Name::new(self.choose(&words)?)),
            _ => PropertyValue::Map(self.property_map()?),
        };
        Ok(Property { name: self.name()?, value })
    }

    /// At least one, with distinct names.
    fn properties(&mut self) -> Result<Vec<Property>> {
        let mut properties: Vec<Property> = Vec::new();
        for property in self.some(Self::property)? {
            if !properties.iter().any(|earlier| earlier.name == property.name) {
                properties.push(property);
            }
        }
        Ok(properties)
    }

    fn table_properties(&mut self) -> Result<Vec<TableProperty>> {
        let mut properties: Vec<TableProperty> = Vec::new();
        if self.flag()? {
            properties.extend(self.properties()?.into_iter().map(TableProperty::Option));
        }
        if self.flag()? {
            let flag: Generate<'a, 'b, bool> = Self::flag;
            properties.push(TableProperty::ClusteringOrder(self.pairs(Self::name, flag)?));
        }
        if self.flag()? {
            properties.push(TableProperty::CompactStorage);
        }
        Ok(properties)
    }

    fn primary_key(&mut self) -> Result<PrimaryKey> {
        Ok(PrimaryKey { partition: self.some(Self::name)?, clustering: self.any(Self::name)? })
    }

    fn mask(&mut self) -> Result<ColumnMask> {
        if self.flag()? {
            return Ok(ColumnMask::Default);
        }
        Ok(ColumnMask::Function(self.qualified()?, self.any(Self::term)?))
    }

    fn column_definition(&mut self) -> Result<ColumnDefinition> {
        Ok(ColumnDefinition {
            name: self.name()?,
            type_name: self.type_name()?,
            is_static: self.flag()?,
            mask: self.optional(Self::mask)?,
        })
    }

    fn create_table(&mut self) -> Result<CreateTable> {
        Ok(CreateTable {
            if_not_exists: self.flag()?,
            table: self.qualified()?,
            columns: self.some(Self::column_definition)?,
            primary_keys: self.any(Self::primary_key)?,
            properties: self.table_properties()?,
        })
    }

    fn alter_table(&mut self) -> Result<AlterTable> {
        let action = match self.below(7)? {
            0 => AlterTableAction::Add { if_not_exists: self.flag()?, columns: self.some(Self::column_definition)? },
            1 => AlterTableAction::Drop {
                if_exists: self.flag()?,
                columns: self.some(Self::name)?,
                timestamp: self.bytes.arbitrary()?,
            },
            2 => AlterTableAction::Rename { if_exists: self.flag()?, columns: self.pairs(Self::name, Self::name)? },
            3 => AlterTableAction::Type(self.column()?, self.type_name()?),
            4 => AlterTableAction::Mask {
                if_exists: self.flag()?,
                column: self.column()?,
                mask: self.optional(Self::mask)?,
            },
            5 => AlterTableAction::DropCompactStorage,
            _ => AlterTableAction::With(self.properties()?),
        };
        Ok(AlterTable { if_exists: self.flag()?, table: self.qualified()?, action })
    }

    fn alter_type(&mut self) -> Result<AlterType> {
        let action = match self.below(3)? {
            0 => {
                AlterTypeAction::Add { if_not_exists: self.flag()?, field: self.name()?, type_name: self.type_name()? }
            }
            1 => AlterTypeAction::Type(self.name()?, self.type_name()?),
            _ => AlterTypeAction::Rename { if_exists: self.flag()?, fields: self.pairs(Self::name, Self::name)? },
        };
        Ok(AlterType { if_exists: self.flag()?, name: self.qualified()?, action })
    }

    fn index_target(&mut self) -> Result<IndexTarget> {
        let column = self.column()?;
        Ok(match self.below(5)? {
            0 => IndexTarget::Simple(column),
            1 => IndexTarget::Values(column),
            2 => IndexTarget::Keys(column),
            3 => IndexTarget::Entries(column),
            _ => IndexTarget::Full(column),
        })
    }

    fn create_index(&mut self) -> Result<CreateIndex> {
        Ok(CreateIndex {
            custom: self.flag()?,
            if_not_exists: self.flag()?,
            name: self.optional(Self::qualified)?,
            table: self.qualified()?,
            targets: self.any(Self::index_target)?,
            using: self.optional(Self::text)?,
            properties: if self.flag()? { self.properties()? } else { Vec::new() },
        })
    }

    fn create_view(&mut self) -> Result<CreateView> {
        Ok(CreateView {
            if_not_exists: self.flag()?,
            name: self.qualified()?,
            selection: self.selection()?,
            table: self.qualified()?,
            relations: self.any(Self::relation)?,
            primary_key: self.primary_key()?,
            properties: self.table_properties()?,
        })
    }

    fn create_function(&mut self) -> Result<CreateFunction> {
        let arguments = self.pairs(Self::name, Self::type_name)?;
        Ok(CreateFunction {
            or_replace: self.flag()?,
            if_not_exists: self.flag()?,
            name: self.qualified()?,
            arguments: if self.flag()? { arguments } else { Vec::new() },
            called_on_null: self.flag()?,
            returns: self.type_name()?,
            language: Name::new(self.choose(&["java", "lua"])?),
            body: self.text()?,
        })
    }

    fn create_aggregate(&mut self) -> Result<CreateAggregate> {
        Ok(CreateAggregate {
            or_replace: self.flag()?,
            if_not_exists: self.flag()?,
            name: self.qualified()?,
            arguments: self.any(Self::type_name)?,
            state_function: self.name()?,
            state_type: self.type_name()?,
            final_function: self.optional(Self::name)?,
            initial: self.optional(Self::term)?,
        })
    }

    fn argument_types(&mut self) -> Result<Vec<TypeName>> {
        self.any(Self::type_name)
    }

    // ----- access -----

    fn role_options(&mut self, style: RoleStyle) -> Result<Vec<RoleOption>> {
        let mut options = Vec::new();
        if self.flag()? {
            let password = Password(self.text()?);
            let hashed = self.flag()?;
            options.push(if hashed { RoleOption::HashedPassword(password) } else { RoleOption::Password(password) });
        }
        if self.flag()? {
            options.push(RoleOption::Superuser(self.flag()?));
        }
        if style == RoleStyle::Role && self.flag()? {
            let names: Option<Vec<Box<str>>> = self.optional(|it| it.some(Self::text))?;
            options.push(RoleOption::Login(self.flag()?));
            options.push(RoleOption::Options(self.constant_map()?));
            options.push(RoleOption::Datacenters(names.clone()));
            options.push(RoleOption::Cidrs(names));
        }
        Ok(options)
    }

    fn style(&mut self) -> Result<RoleStyle> {
        self.choose(&[RoleStyle::Role, RoleStyle::User])
    }

    fn permissions(&mut self) -> Result<Permissions> {
        use Permission::*;
        let all = [Create, Alter, Drop, Select, Modify, Authorize, Describe, Execute, Unmask, SelectMasked];
        if self.flag()? {
            return Ok(Permissions::All);
        }
        Ok(Permissions::Some((0..1 + self.below(3)?).map(|_| self.choose(&all)).collect::<Result<_>>()?))
    }

    fn resource(&mut self) -> Result<Resource> {
        Ok(match self.below(12)? {
            0 => Resource::AllKeyspaces,
            1 => Resource::Keyspace(self.name()?),
            2 => Resource::AllTables(self.name()?),
            3 => Resource::Table(self.qualified()?),
            4 => Resource::AllRoles,
            5 => Resource::Role(self.name()?),
            6 => Resource::AllFunctions,
            7 => Resource::AllFunctionsIn(self.name()?),
            8 => Resource::Function(self.qualified()?, self.argument_types()?),
            9 => Resource::AllMbeans,
            10 => Resource::Mbean(self.text()?),
            _ => Resource::Mbeans(self.text()?),
        })
    }

    fn describe(&mut self) -> Result<Describe> {
        let target = match self.below(16)? {
            0 => DescribeTarget::Cluster,
            1 => DescribeTarget::Schema,
            2 => DescribeTarget::FullSchema,
            3 => DescribeTarget::Keyspaces,
            4 => DescribeTarget::Keyspace { only: self.flag()?, name: self.optional(Self::name)? },
            5 => DescribeTarget::Tables,
            6 => DescribeTarget::Table(self.qualified()?),
            7 => DescribeTarget::Index(self.qualified()?),
            8 => DescribeTarget::View(self.qualified()?),
            9 => DescribeTarget::Types,
            10 => DescribeTarget::Type(self.qualified()?),
            11 => DescribeTarget::Functions,
            12 => DescribeTarget::Function(self.qualified()?),
            13 => DescribeTarget::Aggregates,
            14 => DescribeTarget::Aggregate(self.qualified()?),
            _ => DescribeTarget::Any(self.qualified()?),
        };
        Ok(Describe { target, internals: self.flag()? })
    }

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

//! Definitions.

use super::{Generate, Generator};
use crate::ast::*;
use crate::keyword::{Class, Keyword};
use arbitrary::Result;

impl<'a, 'b> Generator<'a, 'b> {
    pub(super) fn constant_map(&mut self) -> Result<Vec<(Literal, Literal)>> {
        let mut map: Vec<(Literal, Literal)> = Vec::new();
        for _ in 0..self.below(3)? {
            let (key, value) = (self.constant()?, self.constant()?);
            if !map.iter().any(|(earlier, _)| earlier.raw_text() == key.raw_text()) {
                map.push((key, value));
            }
        }
        Ok(map)
    }

    pub(super) fn property_map(&mut self) -> Result<Vec<(Literal, PropertyValue)>> {
        let constants = self.constant_map()?.into_iter();
        let mut map: Vec<_> = constants.map(|(key, value)| (key, PropertyValue::Literal(value))).collect();
        if let Some((_, value)) = map.first_mut()
            && self.flag()?
        {
            *value = PropertyValue::Map(self.property_map()?);
        }
        Ok(map)
    }

    pub(super) fn property(&mut self) -> Result<Property> {
        let words: Vec<&str> = Keyword::ALL
            .iter()
            .filter(|keyword| keyword.class() != Class::Reserved)
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
    pub(super) fn properties(&mut self) -> Result<Vec<Property>> {
        let mut properties: Vec<Property> = Vec::new();
        for property in self.some(Self::property)? {
            if !properties.iter().any(|earlier| earlier.name == property.name) {
                properties.push(property);
            }
        }
        Ok(properties)
    }

    pub(super) fn table_properties(&mut self) -> Result<Vec<TableProperty>> {
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

    pub(super) fn primary_key(&mut self) -> Result<PrimaryKey> {
        Ok(PrimaryKey { partition: self.some(Self::name)?, clustering: self.any(Self::name)? })
    }

    pub(super) fn mask(&mut self) -> Result<ColumnMask> {
        if self.flag()? {
            return Ok(ColumnMask::Default);
        }
        Ok(ColumnMask::Function(self.qualified()?, self.any(Self::term)?))
    }

    pub(super) fn column_definition(&mut self) -> Result<ColumnDefinition> {
        Ok(ColumnDefinition {
            name: self.name()?,
            type_name: self.type_name()?,
            is_static: self.flag()?,
            mask: self.optional(Self::mask)?,
        })
    }

    pub(super) fn create_table(&mut self) -> Result<CreateTable> {
        Ok(CreateTable {
            if_not_exists: self.flag()?,
            table: self.qualified()?,
            columns: self.some(Self::column_definition)?,
            primary_keys: self.any(Self::primary_key)?,
            properties: self.table_properties()?,
        })
    }

    pub(super) fn alter_table(&mut self) -> Result<AlterTable> {
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

    pub(super) fn alter_type(&mut self) -> Result<AlterType> {
        let action = match self.below(3)? {
            0 => {
                AlterTypeAction::Add { if_not_exists: self.flag()?, field: self.name()?, type_name: self.type_name()? }
            }
            1 => AlterTypeAction::Type(self.name()?, self.type_name()?),
            _ => AlterTypeAction::Rename { if_exists: self.flag()?, fields: self.pairs(Self::name, Self::name)? },
        };
        Ok(AlterType { if_exists: self.flag()?, name: self.qualified()?, action })
    }

    pub(super) fn index_target(&mut self) -> Result<IndexTarget> {
        let column = self.column()?;
        Ok(match self.below(5)? {
            0 => IndexTarget::Simple(column),
            1 => IndexTarget::Values(column),
            2 => IndexTarget::Keys(column),
            3 => IndexTarget::Entries(column),
            _ => IndexTarget::Full(column),
        })
    }

    pub(super) fn create_index(&mut self) -> Result<CreateIndex> {
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

    pub(super) fn create_view(&mut self) -> Result<CreateView> {
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

    pub(super) fn create_function(&mut self) -> Result<CreateFunction> {
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

    pub(super) fn create_aggregate(&mut self) -> Result<CreateAggregate> {
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

    pub(super) fn argument_types(&mut self) -> Result<Vec<TypeName>> {
        self.any(Self::type_name)
    }
}

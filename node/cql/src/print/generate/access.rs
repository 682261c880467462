//! Roles, permissions and DESCRIBE.

use super::Generator;
use crate::ast::*;
use arbitrary::Result;

impl<'a, 'b> Generator<'a, 'b> {
    pub(super) fn role_options(&mut self, style: RoleStyle) -> Result<Vec<RoleOption>> {
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

    pub(super) fn style(&mut self) -> Result<RoleStyle> {
        self.choose(&[RoleStyle::Role, RoleStyle::User])
    }

    pub(super) fn permissions(&mut self) -> Result<Permissions> {
        use Permission::*;
        let all = [Create, Alter, Drop, Select, Modify, Authorize, Describe, Execute, Unmask, SelectMasked];
        if self.flag()? {
            return Ok(Permissions::All);
        }
        Ok(Permissions::Some((0..1 + self.below(3)?).map(|_| self.choose(&all)).collect::<Result<_>>()?))
    }

    pub(super) fn resource(&mut self) -> Result<Resource> {
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

    pub(super) fn describe(&mut self) -> Result<Describe> {
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
}

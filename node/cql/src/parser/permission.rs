//! GRANT, REVOKE and LIST of permissions.

use super::cursor::Parser;
use super::error::Parsing;
use crate::ast::{GrantPermissions, ListPermissions, Permission, Permissions, Resource, RevokePermissions, Statement};
use crate::keyword::Keyword;
use crate::lexer::TokenKind;

fn permission(keyword: Keyword) -> Option<Permission> {
    Some(match keyword {
        Keyword::Create => Permission::Create,
        Keyword::Alter => Permission::Alter,
        Keyword::Drop => Permission::Drop,
        Keyword::Select => Permission::Select,
        Keyword::Modify => Permission::Modify,
        Keyword::Authorize => Permission::Authorize,
        Keyword::Describe => Permission::Describe,
        Keyword::Execute => Permission::Execute,
        Keyword::Unmask => Permission::Unmask,
        Keyword::SelectMasked => Permission::SelectMasked,
        _ => return None,
    })
}

impl Parser<'_> {
    pub(super) fn grant(&mut self) -> Parsing<Statement> {
        self.advance();
        if !self.permissions_follow() {
            return Ok(Statement::GrantRole(self.grant_role()?));
        }
        let permissions = self.permissions()?;
        self.expect_keyword(Keyword::On)?;
        let resource = self.resource()?;
        self.expect_keyword(Keyword::To)?;
        Ok(Statement::GrantPermissions(GrantPermissions { permissions, resource, grantee: self.role_name()? }))
    }

    pub(super) fn revoke(&mut self) -> Parsing<Statement> {
        self.advance();
        if !self.permissions_follow() {
            return Ok(Statement::RevokeRole(self.revoke_role()?));
        }
        let permissions = self.permissions()?;
        self.expect_keyword(Keyword::On)?;
        let resource = self.resource()?;
        self.expect_keyword(Keyword::From)?;
        Ok(Statement::RevokePermissions(RevokePermissions { permissions, resource, revokee: self.role_name()? }))
    }

    /// Some permissions may be names of roles, too: what follows decides.
    fn permissions_follow(&self) -> bool {
        let is_role = matches!(self.keyword_at(1), Some(Keyword::To | Keyword::From));
        self.keyword_at(0).is_some_and(|keyword| permission(keyword).is_some() || keyword == Keyword::All) && !is_role
    }

    fn permissions(&mut self) -> Parsing<Permissions> {
        if self.eat_keyword(Keyword::All) {
            self.eat_keyword(Keyword::Permissions);
            return Ok(Permissions::All);
        }
        let some = self.comma_separated(|parser| match parser.keyword_at(0).and_then(permission) {
            Some(permission) => {
                parser.advance();
                parser.eat_keyword(Keyword::Permission);
                Ok(permission)
            }
            None => parser.no_alternative(),
        })?;
        Ok(Permissions::Some(some))
    }

    pub(super) fn list_permissions(&mut self) -> Parsing<ListPermissions> {
        let permissions = self.permissions()?;
        let resource = if self.eat_keyword(Keyword::On) { Some(self.resource()?) } else { None };
        let of = if self.eat_keyword(Keyword::Of) { Some(self.role_name()?) } else { None };
        Ok(ListPermissions { permissions, resource, of, recursive: !self.eat_keyword(Keyword::NoRecursive) })
    }

    fn resource(&mut self) -> Parsing<Resource> {
        let next = self.keyword_at(1);
        let named = self.name_at(1);
        match self.keyword_at(0) {
            Some(Keyword::All) => match next {
                Some(Keyword::Keyspaces) => self.resource_of_all(Resource::AllKeyspaces),
                Some(Keyword::Roles) => self.resource_of_all(Resource::AllRoles),
                Some(Keyword::Mbeans) => self.resource_of_all(Resource::AllMbeans),
                Some(Keyword::Tables | Keyword::ColumnFamilies) => {
                    self.advance();
                    self.advance();
                    self.expect_keywords(&[Keyword::In, Keyword::Keyspace])?;
                    Ok(Resource::AllTables(self.keyspace_name()?))
                }
                Some(Keyword::Functions) => {
                    self.advance();
                    self.advance();
                    if !self.eat_keyword(Keyword::In) {
                        return Ok(Resource::AllFunctions);
                    }
                    self.expect_keyword(Keyword::Keyspace)?;
                    Ok(Resource::AllFunctionsIn(self.keyspace_name()?))
                }
                _ => Ok(Resource::Table(self.table_name()?)),
            },
            Some(Keyword::Keyspace | Keyword::Schema) => {
                self.advance();
                Ok(Resource::Keyspace(self.keyspace_name()?))
            }
            Some(Keyword::Table | Keyword::ColumnFamily) => {
                self.advance();
                Ok(Resource::Table(self.table_name()?))
            }
            Some(Keyword::Role) if named || self.kind_at(1) == TokenKind::String => {
                self.advance();
                Ok(Resource::Role(self.role_name()?))
            }
            Some(Keyword::Function) if named || self.function_name_at(1) => {
                self.advance();
                let name = self.function_name()?;
                Ok(Resource::Function(name, self.argument_types()?))
            }
            Some(Keyword::Mbean) if self.kind_at(1) == TokenKind::String => {
                self.advance();
                Ok(Resource::Mbean(self.string()?))
            }
            Some(Keyword::Mbeans) if self.kind_at(1) == TokenKind::String => {
                self.advance();
                Ok(Resource::Mbeans(self.string()?))
            }
            _ => Ok(Resource::Table(self.table_name()?)),
        }
    }

    fn resource_of_all(&mut self, resource: Resource) -> Parsing<Resource> {
        self.advance();
        self.advance();
        Ok(resource)
    }
}

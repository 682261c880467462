//! Roles, users and identities: CREATE, ALTER, DROP; GRANT, REVOKE and LIST of roles.

use super::cursor::Parser;
use super::error::Parsing;
use crate::ast::{
    AddIdentity, AlterRole, CreateRole, DropIdentity, DropRole, GrantRole, ListRoles, Password, RevokeRole, RoleOption,
    RoleStyle,
};
use crate::keyword::Keyword;
use crate::lexer::TokenKind;

impl Parser<'_> {
    pub(super) fn create_role(&mut self, style: RoleStyle) -> Parsing<CreateRole> {
        let if_not_exists = self.if_not_exists()?;
        let (role, options) = self.role_and_options(style)?;
        Ok(CreateRole { style, if_not_exists, role, options })
    }

    pub(super) fn alter_role(&mut self, style: RoleStyle) -> Parsing<AlterRole> {
        let if_exists = self.if_exists()?;
        let (role, options) = self.role_and_options(style)?;
        Ok(AlterRole { style, if_exists, role, options })
    }

    pub(super) fn drop_role(&mut self, style: RoleStyle) -> Parsing<DropRole> {
        let if_exists = self.if_exists()?;
        let role = match style {
            RoleStyle::Role => self.role_name()?,
            RoleStyle::User => self.user_name()?,
        };
        Ok(DropRole { style, if_exists, role })
    }

    fn role_and_options(&mut self, style: RoleStyle) -> Parsing<(crate::ast::Name, Vec<RoleOption>)> {
        let (role, options) = match style {
            RoleStyle::Role => {
                let role = self.role_name()?;
                let options =
                    if self.eat_keyword(Keyword::With) { self.and_separated(Self::role_option)? } else { Vec::new() };
                (role, options)
            }
            RoleStyle::User => (self.user_name()?, self.user_options()?),
        };
        let has_password = options.iter().any(|option| matches!(option, RoleOption::Password(_)));
        let has_hash = options.iter().any(|option| matches!(option, RoleOption::HashedPassword(_)));
        if has_password && has_hash {
            let message = "Options 'password' and 'hashed password' are mutually exclusive";
            return Err(self.error_message(message));
        }
        Ok((role, options))
    }

    fn user_options(&mut self) -> Parsing<Vec<RoleOption>> {
        let mut options = Vec::new();
        if self.eat_keyword(Keyword::With) {
            let hashed = self.eat_keyword(Keyword::Hashed);
            self.expect_keyword(Keyword::Password)?;
            options.push(self.password(hashed)?);
        }
        if self.eat_keyword(Keyword::Superuser) {
            options.push(RoleOption::Superuser(true));
        } else if self.eat_keyword(Keyword::NoSuperuser) {
            options.push(RoleOption::Superuser(false));
        }
        Ok(options)
    }

    fn password(&mut self, hashed: bool) -> Parsing<RoleOption> {
        let password = Password(self.string()?);
        Ok(if hashed { RoleOption::HashedPassword(password) } else { RoleOption::Password(password) })
    }

    fn role_option(&mut self) -> Parsing<RoleOption> {
        let Some(keyword) = self.keyword_at(0) else { return self.no_alternative() };
        self.advance();
        match keyword {
            Keyword::Password => {
                self.expect(TokenKind::Equal)?;
                self.password(false)
            }
            Keyword::Hashed => {
                self.expect_keyword(Keyword::Password)?;
                self.expect(TokenKind::Equal)?;
                self.password(true)
            }
            Keyword::Superuser => Ok(RoleOption::Superuser(self.equals_boolean()?)),
            Keyword::Login => Ok(RoleOption::Login(self.equals_boolean()?)),
            Keyword::Options => {
                self.expect(TokenKind::Equal)?;
                Ok(RoleOption::Options(self.constant_map()?))
            }
            Keyword::Access if self.eat_keyword(Keyword::To) => {
                Ok(RoleOption::Datacenters(self.access_list(Keyword::Datacenters)?))
            }
            Keyword::Access => {
                self.expect_keyword(Keyword::From)?;
                Ok(RoleOption::Cidrs(self.access_list(Keyword::Cidrs)?))
            }
            _ => self.no_alternative(),
        }
    }

    fn equals_boolean(&mut self) -> Parsing<bool> {
        self.expect(TokenKind::Equal)?;
        if self.eat_keyword(Keyword::True) {
            Ok(true)
        } else if self.eat_keyword(Keyword::False) {
            Ok(false)
        } else {
            self.no_alternative()
        }
    }

    /// `ALL DATACENTERS` or `DATACENTERS {'a', 'b'}`
    fn access_list(&mut self, what: Keyword) -> Parsing<Option<Vec<Box<str>>>> {
        if self.eat_keyword(Keyword::All) {
            self.expect_keyword(what)?;
            return Ok(None);
        }
        self.expect_keyword(what)?;
        self.expect(TokenKind::LeftBrace)?;
        let names = self.comma_separated(Self::string)?;
        self.expect(TokenKind::RightBrace)?;
        Ok(Some(names))
    }

    pub(super) fn add_identity(&mut self) -> Parsing<AddIdentity> {
        self.advance();
        self.expect_keyword(Keyword::Identity)?;
        let if_not_exists = self.if_not_exists()?;
        let identity = self.word_or_string("identity")?;
        self.expect_keywords(&[Keyword::To, Keyword::Role])?;
        Ok(AddIdentity { if_not_exists, identity, role: self.word_or_string("identity")? })
    }

    pub(super) fn drop_identity(&mut self) -> Parsing<DropIdentity> {
        Ok(DropIdentity { if_exists: self.if_exists()?, identity: self.word_or_string("identity")? })
    }

    pub(super) fn grant_role(&mut self) -> Parsing<GrantRole> {
        let role = self.role_name()?;
        self.expect_keyword(Keyword::To)?;
        Ok(GrantRole { role, grantee: self.role_name()? })
    }

    pub(super) fn revoke_role(&mut self) -> Parsing<RevokeRole> {
        let role = self.role_name()?;
        self.expect_keyword(Keyword::From)?;
        Ok(RevokeRole { role, revokee: self.role_name()? })
    }

    pub(super) fn list_roles(&mut self) -> Parsing<ListRoles> {
        let of = if self.eat_keyword(Keyword::Of) { Some(self.role_name()?) } else { None };
        Ok(ListRoles::Roles { of, recursive: !self.eat_keyword(Keyword::NoRecursive) })
    }
}

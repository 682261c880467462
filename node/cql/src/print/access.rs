//! Roles and permissions. The text of passwords is in clear.

use super::name::FunctionName;
use super::{Pairs, Quoted, Separated, when};
use crate::ast::{
    AddIdentity, AlterRole, CreateRole, DropIdentity, DropRole, GrantPermissions, GrantRole, ListPermissions,
    ListRoles, Name, Permission, Permissions, Resource, RevokePermissions, RevokeRole, RoleOption, RoleStyle,
};
use std::fmt;

/// A role's name and options, in one of the two styles.
struct Role<'a> {
    style: RoleStyle,
    condition: &'static str,
    role: &'a Name,
    options: &'a [RoleOption],
}

impl fmt::Display for Role<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.style {
            RoleStyle::Role => {
                write!(out, "ROLE {}{}", self.condition, self.role)?;
                for (index, option) in self.options.iter().enumerate() {
                    write!(out, " {} {option}", if index == 0 { "WITH" } else { "AND" })?;
                }
                Ok(())
            }
            RoleStyle::User => {
                write!(out, "USER {}{}", self.condition, Quoted(self.role))?;
                self.options.iter().try_for_each(|option| match option {
                    RoleOption::Password(password) => write!(out, " WITH PASSWORD {}", Quoted(&password.0)),
                    RoleOption::HashedPassword(hash) => write!(out, " WITH HASHED PASSWORD {}", Quoted(&hash.0)),
                    RoleOption::Superuser(yes) => out.write_str(if *yes { " SUPERUSER" } else { " NOSUPERUSER" }),
                    _ => Ok(()),
                })
            }
        }
    }
}

impl fmt::Display for RoleOption {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RoleOption::Password(password) => write!(out, "PASSWORD = {}", Quoted(&password.0)),
            RoleOption::HashedPassword(hash) => write!(out, "HASHED PASSWORD = {}", Quoted(&hash.0)),
            RoleOption::Superuser(yes) => write!(out, "SUPERUSER = {yes}"),
            RoleOption::Login(yes) => write!(out, "LOGIN = {yes}"),
            RoleOption::Options(entries) => write!(out, "OPTIONS = {{{}}}", Pairs(entries, ": ", ", ")),
            RoleOption::Datacenters(names) => access(out, "TO", "DATACENTERS", names),
            RoleOption::Cidrs(names) => access(out, "FROM", "CIDRS", names),
        }
    }
}

fn access(out: &mut fmt::Formatter<'_>, direction: &str, what: &str, names: &Option<Vec<Box<str>>>) -> fmt::Result {
    let Some(names) = names else { return write!(out, "ACCESS {direction} ALL {what}") };
    let names: Vec<Quoted<'_>> = names.iter().map(|name| Quoted(name)).collect();
    write!(out, "ACCESS {direction} {what} {{{}}}", Separated(&names, ", "))
}

impl fmt::Display for CreateRole {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let condition = when(self.if_not_exists, "IF NOT EXISTS ");
        write!(out, "CREATE {}", Role { style: self.style, condition, role: &self.role, options: &self.options })
    }
}

impl fmt::Display for AlterRole {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let condition = when(self.if_exists, "IF EXISTS ");
        write!(out, "ALTER {}", Role { style: self.style, condition, role: &self.role, options: &self.options })
    }
}

impl fmt::Display for DropRole {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let condition = when(self.if_exists, "IF EXISTS ");
        write!(out, "DROP {}", Role { style: self.style, condition, role: &self.role, options: &[] })
    }
}

impl fmt::Display for AddIdentity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let condition = when(self.if_not_exists, "IF NOT EXISTS ");
        write!(out, "ADD IDENTITY {condition}{} TO ROLE {}", Quoted(&self.identity), Quoted(&self.role))
    }
}

impl fmt::Display for DropIdentity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "DROP IDENTITY {}{}", when(self.if_exists, "IF EXISTS "), Quoted(&self.identity))
    }
}

impl fmt::Display for GrantRole {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "GRANT {} TO {}", self.role, self.grantee)
    }
}

impl fmt::Display for RevokeRole {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "REVOKE {} FROM {}", self.role, self.revokee)
    }
}

/// ` OF role NORECURSIVE`, or parts of it.
fn of_role(out: &mut fmt::Formatter<'_>, of: &Option<Name>, recursive: bool) -> fmt::Result {
    if let Some(role) = of {
        write!(out, " OF {role}")?;
    }
    out.write_str(when(!recursive, " NORECURSIVE"))
}

impl fmt::Display for ListRoles {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListRoles::Roles { of, recursive } => {
                out.write_str("LIST ROLES")?;
                of_role(out, of, *recursive)
            }
            ListRoles::Users => out.write_str("LIST USERS"),
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.text())
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Permissions::All => out.write_str("ALL PERMISSIONS"),
            Permissions::Some(permissions) => Separated(permissions, ", ").fmt(out),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Resource::AllKeyspaces => out.write_str("ALL KEYSPACES"),
            Resource::Keyspace(name) => write!(out, "KEYSPACE {name}"),
            Resource::AllTables(keyspace) => write!(out, "ALL TABLES IN KEYSPACE {keyspace}"),
            Resource::Table(name) => write!(out, "TABLE {name}"),
            Resource::AllRoles => out.write_str("ALL ROLES"),
            Resource::Role(name) => write!(out, "ROLE {name}"),
            Resource::AllFunctions => out.write_str("ALL FUNCTIONS"),
            Resource::AllFunctionsIn(keyspace) => write!(out, "ALL FUNCTIONS IN KEYSPACE {keyspace}"),
            Resource::Function(name, arguments) => {
                write!(out, "FUNCTION {}({})", FunctionName(name), Separated(arguments, ", "))
            }
            Resource::AllMbeans => out.write_str("ALL MBEANS"),
            Resource::Mbean(name) => write!(out, "MBEAN {}", Quoted(name)),
            Resource::Mbeans(pattern) => write!(out, "MBEANS {}", Quoted(pattern)),
        }
    }
}

impl fmt::Display for GrantPermissions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "GRANT {} ON {} TO {}", self.permissions, self.resource, self.grantee)
    }
}

impl fmt::Display for RevokePermissions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "REVOKE {} ON {} FROM {}", self.permissions, self.resource, self.revokee)
    }
}

impl fmt::Display for ListPermissions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "LIST {}", self.permissions)?;
        if let Some(resource) = &self.resource {
            write!(out, " ON {resource}")?;
        }
        of_role(out, &self.of, self.recursive)
    }
}

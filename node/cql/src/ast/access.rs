//! Roles, users, identities and permissions.

use super::{Literal, Name, QualifiedName, TypeName};
use std::fmt;

/// Whether a statement said ROLE or USER: the old form has other defaults and no `=` before the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RoleStyle {
    /// `ROLE`
    Role,
    /// `USER`: it may log in unless said otherwise.
    User,
}

/// A password as given. Its Debug form hides it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Password(pub Box<str>);

impl fmt::Debug for Password {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Password(*****)")
    }
}

/// One option of CREATE or ALTER ROLE.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RoleOption {
    /// `PASSWORD = '...'`
    Password(Password),
    /// `HASHED PASSWORD = '...'`
    HashedPassword(Password),
    /// `SUPERUSER = true`
    Superuser(bool),
    /// `LOGIN = true`; never with USER
    Login(bool),
    /// `OPTIONS = {...}`; never with USER
    Options(Vec<(Literal, Literal)>),
    /// `ACCESS TO ALL DATACENTERS` (`None`) or `ACCESS TO DATACENTERS {...}`; never with USER
    Datacenters(Option<Vec<Box<str>>>),
    /// `ACCESS FROM ALL CIDRS` (`None`) or `ACCESS FROM CIDRS {...}`; never with USER
    Cidrs(Option<Vec<Box<str>>>),
}

/// `CREATE ROLE ...`, `CREATE USER ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateRole {
    /// Which word was used.
    pub style: RoleStyle,
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// The role.
    pub role: Name,
    /// What was said of it.
    pub options: Vec<RoleOption>,
}

/// `ALTER ROLE ...`, `ALTER USER ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlterRole {
    /// Which word was used.
    pub style: RoleStyle,
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The role.
    pub role: Name,
    /// What changes.
    pub options: Vec<RoleOption>,
}

/// `DROP ROLE ...`, `DROP USER ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DropRole {
    /// Which word was used.
    pub style: RoleStyle,
    /// `IF EXISTS`
    pub if_exists: bool,
    /// The role.
    pub role: Name,
}

/// `ADD IDENTITY ... TO ROLE ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AddIdentity {
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// What a certificate says.
    pub identity: Box<str>,
    /// The role.
    pub role: Box<str>,
}

/// `DROP IDENTITY ...`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DropIdentity {
    /// `IF EXISTS`
    pub if_exists: bool,
    /// What a certificate says.
    pub identity: Box<str>,
}

/// `GRANT role TO role`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GrantRole {
    /// What is granted.
    pub role: Name,
    /// To whom.
    pub grantee: Name,
}

/// `REVOKE role FROM role`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RevokeRole {
    /// What is revoked.
    pub role: Name,
    /// From whom.
    pub revokee: Name,
}

/// `LIST ROLES`, `LIST USERS`, `LIST SUPERUSERS`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ListRoles {
    /// `LIST ROLES [OF role] [NORECURSIVE]`
    Roles {
        /// `OF role`
        of: Option<Name>,
        /// Not `NORECURSIVE`.
        recursive: bool,
    },
    /// `LIST USERS`
    Users,
}

/// What may be permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // the variants are the words
pub enum Permission {
    Create,
    Alter,
    Drop,
    Select,
    Modify,
    Authorize,
    Describe,
    Execute,
    Unmask,
    SelectMasked,
}

impl Permission {
    /// As written.
    pub fn text(self) -> &'static str {
        match self {
            Permission::Create => "CREATE",
            Permission::Alter => "ALTER",
            Permission::Drop => "DROP",
            Permission::Select => "SELECT",
            Permission::Modify => "MODIFY",
            Permission::Authorize => "AUTHORIZE",
            Permission::Describe => "DESCRIBE",
            Permission::Execute => "EXECUTE",
            Permission::Unmask => "UNMASK",
            Permission::SelectMasked => "SELECT_MASKED",
        }
    }
}

/// Which permissions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Permissions {
    /// `ALL [PERMISSIONS]`
    All,
    /// Some; never empty.
    Some(Vec<Permission>),
}

/// What a permission is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// `ALL KEYSPACES`
    AllKeyspaces,
    /// `KEYSPACE name`
    Keyspace(Name),
    /// `ALL TABLES IN KEYSPACE name`
    AllTables(Name),
    /// `[TABLE] name`
    Table(QualifiedName),
    /// `ALL ROLES`
    AllRoles,
    /// `ROLE name`
    Role(Name),
    /// `ALL FUNCTIONS`
    AllFunctions,
    /// `ALL FUNCTIONS IN KEYSPACE name`
    AllFunctionsIn(Name),
    /// `FUNCTION name(types)`
    Function(QualifiedName, Vec<TypeName>),
    /// `ALL MBEANS`
    AllMbeans,
    /// `MBEAN 'name'`
    Mbean(Box<str>),
    /// `MBEANS 'pattern'`
    Mbeans(Box<str>),
}

/// `GRANT permissions ON resource TO role`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GrantPermissions {
    /// What is granted.
    pub permissions: Permissions,
    /// On what.
    pub resource: Resource,
    /// To whom.
    pub grantee: Name,
}

/// `REVOKE permissions ON resource FROM role`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RevokePermissions {
    /// What is revoked.
    pub permissions: Permissions,
    /// On what.
    pub resource: Resource,
    /// From whom.
    pub revokee: Name,
}

/// `LIST permissions [ON resource] [OF role] [NORECURSIVE]`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListPermissions {
    /// Which.
    pub permissions: Permissions,
    /// On what.
    pub resource: Option<Resource>,
    /// Whose.
    pub of: Option<Name>,
    /// Not `NORECURSIVE`.
    pub recursive: bool,
}

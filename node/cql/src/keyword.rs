//! The words of CQL, and which of them may also name things. The list is Cassandra 5.0's: a word that is reserved here and
//! not there would refuse statements that work elsewhere, so nothing is reserved that Cassandra does not reserve.

/// Where a keyword may stand as an ordinary name without quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Nowhere.
    Reserved,
    /// Everywhere.
    Free,
    /// As a name of a column, table or function, but not of a user type: the native types.
    NativeType,
    /// As a name of a column or table, but not of a function: words with a call syntax of their own.
    CallSyntax,
}

macro_rules! keywords {
    ($($variant:ident $text:literal $class:ident,)*) => {
        /// A keyword.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs)] // the variants are the words
        pub enum Keyword { $($variant,)* }

        impl Keyword {
            /// All keywords.
            pub const ALL: &'static [Keyword] = &[$(Keyword::$variant,)*];

            /// The word in lower case.
            pub fn text(self) -> &'static str {
                match self { $(Keyword::$variant => $text,)* }
            }

            /// Where the word may be a name.
            pub fn class(self) -> Class {
                match self { $(Keyword::$variant => Class::$class,)* }
            }

            #[allow(non_upper_case_globals)] // the constants are named after the variants
            fn from_lower(text: &[u8]) -> Option<Keyword> {
                // A match on byte strings becomes a comparison by length first: no hashing, no allocation.
                const fn bytes(text: &str) -> &[u8] { text.as_bytes() }
                $(
                    const $variant: &[u8] = bytes($text);
                )*
                match text { $($variant => Some(Keyword::$variant),)* _ => None }
            }
        }
    };
}

keywords! {
    Access "access" Free,
    Add "add" Reserved,
    Aggregate "aggregate" Free,
    Aggregates "aggregates" Free,
    All "all" Free,
    Allow "allow" Reserved,
    Alter "alter" Reserved,
    And "and" Reserved,
    Ann "ann" Free,
    Apply "apply" Reserved,
    As "as" Free,
    Asc "asc" Reserved,
    Ascii "ascii" NativeType,
    Authorize "authorize" Reserved,
    Batch "batch" Reserved,
    Begin "begin" Reserved,
    Between "between" Free,
    BigInt "bigint" NativeType,
    Blob "blob" NativeType,
    Boolean "boolean" NativeType,
    By "by" Reserved,
    Called "called" Free,
    Cast "cast" CallSyntax,
    Cidrs "cidrs" Free,
    Cluster "cluster" Free,
    Clustering "clustering" Free,
    ColumnFamilies "columnfamilies" Free,
    ColumnFamily "columnfamily" Reserved,
    Compact "compact" Free,
    Contains "contains" Free,
    Count "count" CallSyntax,
    Counter "counter" NativeType,
    Create "create" Reserved,
    Custom "custom" Free,
    Datacenters "datacenters" Free,
    Date "date" NativeType,
    Decimal "decimal" NativeType,
    Default "default" Free,
    Delete "delete" Reserved,
    Desc "desc" Reserved,
    Describe "describe" Reserved,
    Distinct "distinct" CallSyntax,
    Double "double" NativeType,
    Drop "drop" Reserved,
    Duration "duration" NativeType,
    Entries "entries" Reserved,
    Execute "execute" Reserved,
    Exists "exists" Free,
    False "false" Reserved,
    Filtering "filtering" Free,
    FinalFunc "finalfunc" Free,
    Float "float" NativeType,
    From "from" Reserved,
    Frozen "frozen" Free,
    Full "full" Reserved,
    Function "function" Free,
    Functions "functions" Free,
    Grant "grant" Reserved,
    Group "group" Free,
    Hashed "hashed" Free,
    Identity "identity" Free,
    If "if" Reserved,
    In "in" Reserved,
    Index "index" Reserved,
    Inet "inet" NativeType,
    Infinity "infinity" Reserved,
    InitCond "initcond" Free,
    Input "input" Free,
    Insert "insert" Reserved,
    Int "int" NativeType,
    Internals "internals" Free,
    Into "into" Reserved,
    Is "is" Reserved,
    Json "json" CallSyntax,
    Key "key" CallSyntax,
    Keys "keys" Free,
    Keyspace "keyspace" Reserved,
    Keyspaces "keyspaces" Free,
    Language "language" Free,
    Like "like" Free,
    Limit "limit" Reserved,
    List "list" Free,
    Login "login" Free,
    Map "map" Free,
    Masked "masked" Free,
    Materialized "materialized" Reserved,
    MaxWriteTime "maxwritetime" CallSyntax,
    Mbean "mbean" Free,
    Mbeans "mbeans" Free,
    Modify "modify" Reserved,
    Nan "nan" Reserved,
    NoLogin "nologin" Free,
    NoRecursive "norecursive" Reserved,
    NoSuperuser "nosuperuser" Free,
    Not "not" Reserved,
    Null "null" Reserved,
    Of "of" Reserved,
    On "on" Reserved,
    Only "only" Free,
    Options "options" Free,
    Or "or" Reserved,
    Order "order" Reserved,
    Partition "partition" Free,
    Password "password" Free,
    Per "per" Free,
    Permission "permission" Free,
    Permissions "permissions" Free,
    Primary "primary" Reserved,
    Rename "rename" Reserved,
    Replace "replace" Free,
    Returns "returns" Free,
    Revoke "revoke" Reserved,
    Role "role" Free,
    Roles "roles" Free,
    Schema "schema" Reserved,
    Select "select" Reserved,
    SelectMasked "select_masked" Free,
    Set "set" Reserved,
    SFunc "sfunc" Free,
    SmallInt "smallint" NativeType,
    Static "static" Free,
    Storage "storage" Free,
    SType "stype" Free,
    Superuser "superuser" Free,
    Table "table" Reserved,
    Tables "tables" Free,
    Text "text" NativeType,
    Time "time" NativeType,
    Timestamp "timestamp" NativeType,
    TimeUuid "timeuuid" NativeType,
    TinyInt "tinyint" NativeType,
    To "to" Reserved,
    Token "token" Reserved,
    Trigger "trigger" Free,
    True "true" Reserved,
    Truncate "truncate" Reserved,
    Ttl "ttl" CallSyntax,
    Tuple "tuple" Free,
    Type "type" Free,
    Types "types" Free,
    Unlogged "unlogged" Reserved,
    Unmask "unmask" Free,
    Unset "unset" Free,
    Update "update" Reserved,
    Use "use" Reserved,
    User "user" Free,
    Users "users" Free,
    Using "using" Reserved,
    Uuid "uuid" NativeType,
    Values "values" Free,
    Varchar "varchar" NativeType,
    Varint "varint" NativeType,
    Vector "vector" Free,
    View "view" Reserved,
    Where "where" Reserved,
    With "with" Reserved,
    WriteTime "writetime" CallSyntax,
}

/// The longest keyword has this many bytes.
const LONGEST: usize = 14;

impl Keyword {
    /// The keyword that `word` is, in any case.
    pub fn from_word(word: &str) -> Option<Keyword> {
        let mut lower = [0u8; LONGEST];
        let lower = lower.get_mut(..word.len())?;
        lower.copy_from_slice(word.as_bytes());
        lower.make_ascii_lowercase();
        Keyword::from_lower(lower)
    }
}

/// Whether Cassandra's own descriptions quote this (lower case) name because it is a keyword. Wider than what the grammar
/// reserves, so that text written here can be read by any version.
pub fn is_quoted(name: &str) -> bool {
    matches!(name, "default" | "mbean" | "mbeans" | "replace" | "unset")
        || Keyword::from_lower(name.as_bytes()).is_some_and(|keyword| keyword.class() == Class::Reserved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found_in_any_case() {
        for &keyword in Keyword::ALL {
            assert_eq!(Keyword::from_word(keyword.text()), Some(keyword));
            assert_eq!(Keyword::from_word(&keyword.text().to_uppercase()), Some(keyword));
            assert!(keyword.text().len() <= LONGEST);
        }
        assert_eq!(Keyword::from_word("selects"), None);
        assert_eq!(Keyword::from_word("a_very_long_identifier_indeed"), None);
        assert!(Keyword::ALL.iter().any(|keyword| keyword.text().len() == LONGEST), "LONGEST is larger than needed");
    }

    #[test]
    fn reserved_words_are_those_of_cassandra() {
        let reserved: Vec<&str> =
            Keyword::ALL.iter().filter(|word| word.class() == Class::Reserved).map(|word| word.text()).collect();
        let expected = "add allow alter and apply asc authorize batch begin by columnfamily create delete desc describe \
                        drop entries execute false from full grant if in index infinity insert into is keyspace limit \
                        materialized modify nan norecursive not null of on or order primary rename revoke schema select \
                        set table to token true truncate unlogged update use using view where with";
        assert_eq!(reserved.join(" "), expected);
        assert!(is_quoted("default") && is_quoted("select") && !is_quoted("key") && !is_quoted("timestamp"));
    }
}

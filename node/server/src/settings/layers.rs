//! How file, variables and flags are laid over each other: each becomes a TOML table, and the tables are merged.

use super::keys::{KEYS, Key, KeyKind, nearest};
use super::{Settings, SettingsError, wrong};
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use std::path::Path;
use toml::{Table, Value};

/// Values from flags and variables, by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides(pub Vec<(&'static str, String)>);

/// The same for `trefoil dev`, which lays out its cluster itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DevOverrides(pub Overrides);

/// Keys that `trefoil dev` decides.
const NOT_FOR_DEV: [&str; 4] = ["zones", "run", "cluster_id", "data_dir"];

fn overridable() -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(|key| key.kind != KeyKind::InFile)
}

fn overridable_in_dev() -> impl Iterator<Item = &'static Key> {
    overridable().filter(|key| !NOT_FOR_DEV.contains(&key.path))
}

fn argument(key: &'static Key) -> Arg {
    let argument = Arg::new(key.path)
        .long(key.flag())
        .env(key.variable())
        .hide_env_values(true)
        .value_name("VALUE")
        .help(key.help)
        .help_heading("Settings")
        .hide_short_help(key.path.contains('.'));
    // As `status` and `zone` call it.
    if key.path == "admin_address" { argument.visible_alias("admin") } else { argument }
}

fn given(keys: impl Iterator<Item = &'static Key>, matches: &ArgMatches) -> Overrides {
    Overrides(keys.filter_map(|key| Some((key.path, matches.get_one::<String>(key.path)?.clone()))).collect())
}

impl Args for Overrides {
    fn augment_args(command: Command) -> Command {
        command.args(overridable().map(argument).collect::<Vec<_>>())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Overrides::augment_args(command)
    }
}

impl FromArgMatches for Overrides {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Overrides, clap::Error> {
        Ok(given(overridable(), matches))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Overrides::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for DevOverrides {
    fn augment_args(command: Command) -> Command {
        command.args(overridable_in_dev().map(argument).collect::<Vec<_>>())
    }

    fn augment_args_for_update(command: Command) -> Command {
        DevOverrides::augment_args(command)
    }
}

impl FromArgMatches for DevOverrides {
    fn from_arg_matches(matches: &ArgMatches) -> Result<DevOverrides, clap::Error> {
        Ok(DevOverrides(given(overridable_in_dev(), matches)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = DevOverrides::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Variables that are no keys of the file.
const OTHER_VARIABLES: [&str; 2] = ["TREFOIL_CONFIG", "TREFOIL_ADMIN"];

/// A variable with our prefix that means nothing is a typing mistake.
///
/// # Errors
/// Names the variable and the nearest that exists.
pub fn refuse_unknown_variables(names: impl IntoIterator<Item = String>) -> Result<(), SettingsError> {
    let known: Vec<String> = overridable().map(Key::variable).collect();
    for name in names {
        let is_known = || known.contains(&name) || OTHER_VARIABLES.contains(&name.as_str());
        if name.starts_with("TREFOIL_") && !is_known() {
            let near = nearest(&name, known.iter().map(String::as_str));
            let near = near.and_then(|near| KEYS.iter().find(|key| key.variable() == near)).map(|key| key.path);
            return Err(SettingsError::UnknownKey { place: "environment".into(), key: name, nearest: near });
        }
    }
    Ok(())
}

pub(super) fn load(path: Option<&Path>, overrides: &Overrides) -> Result<Settings, SettingsError> {
    let mut table = match path {
        Some(path) => {
            let file_error = |what: String| SettingsError::File { path: path.into(), what };
            let text = std::fs::read_to_string(path).map_err(|error| file_error(error.to_string()))?;
            let table: Table = text.parse().map_err(|error: toml::de::Error| file_error(error.to_string()))?;
            refuse_unknown_keys(&table, &path.display().to_string())?;
            table
        }
        None => Table::new(),
    };
    for (path, text) in &overrides.0 {
        let key = KEYS.iter().find(|key| key.path == *path).expect("overrides come from the list of keys");
        put(&mut table, key, text)?;
    }
    Settings::from_table(table)
}

fn refuse_unknown_keys(table: &Table, place: &str) -> Result<(), SettingsError> {
    let mut written = Vec::new();
    collect(table, "", &mut written);
    for path in written {
        if !KEYS.iter().any(|key| key.path == path) {
            let nearest = nearest(&path, KEYS.iter().map(|key| key.path));
            return Err(SettingsError::UnknownKey { place: place.into(), key: path, nearest });
        }
    }
    Ok(())
}

fn collect(table: &Table, prefix: &str, written: &mut Vec<String>) {
    for (name, value) in table {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) => collect(inner, &path, written),
            Value::Array(items) if items.iter().any(Value::is_table) => {
                items.iter().filter_map(Value::as_table).for_each(|inner| collect(inner, &path, written));
            }
            _ => written.push(path),
        }
    }
}

/// Lay one value over the table.
fn put(table: &mut Table, key: &Key, text: &str) -> Result<(), SettingsError> {
    let number = |text: &str| {
        text.trim().parse().map(Value::Integer).map_err(|_| wrong(key.path, format!("'{text}' is not a number")))
    };
    let parts = || text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let value = match key.kind {
        KeyKind::Text | KeyKind::InFile => Value::String(text.into()),
        KeyKind::Number => number(text)?,
        KeyKind::Texts => Value::Array(parts().map(|part| Value::String(part.into())).collect()),
        KeyKind::Numbers => Value::Array(parts().map(number).collect::<Result<_, _>>()?),
    };
    match key.path.split_once('.') {
        None => table.insert(key.path.into(), value),
        Some((outer, inner)) => {
            let outer = table.entry(outer).or_insert_with(|| Value::Table(Table::new()));
            outer.as_table_mut().and_then(|outer| outer.insert(inner.into(), value))
        }
    };
    Ok(())
}

impl Settings {
    fn from_table(mut table: Table) -> Result<Settings, SettingsError> {
        // Sizes may be written as bare numbers.
        for section in ["tuning", "store", "connections"] {
            let Some(inner) = table.get_mut(section).and_then(Value::as_table_mut) else { continue };
            for (name, value) in inner.iter_mut() {
                let is_text = |key: &&Key| key.path == format!("{section}.{name}") && key.kind == KeyKind::Text;
                if let (Value::Integer(number), Some(_)) = (&*value, KEYS.iter().find(is_text)) {
                    *value = Value::String(number.to_string());
                }
            }
        }
        // One section at a time, so that the error can name it.
        table.clone().try_into().map_err(|error: toml::de::Error| {
            let culprit = |key: &&Key| single(&table, key).is_some_and(|alone| alone.try_into::<Settings>().is_err());
            let path = KEYS.iter().find(culprit).map_or("settings", |key| key.path);
            wrong(path, error.message())
        })
    }
}

/// A table with nothing but this key.
fn single(table: &Table, key: &Key) -> Option<Table> {
    let mut alone = Table::new();
    match key.path.split_once('.') {
        None => alone.insert(key.path.into(), table.get(key.path)?.clone()),
        Some((outer, inner)) => {
            let value = table.get(outer)?.as_table()?.get(inner)?.clone();
            alone.insert(outer.into(), Value::Table(Table::from_iter([(inner.to_string(), value)])))
        }
    };
    Some(alone)
}

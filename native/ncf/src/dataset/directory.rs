//! Bare directories of `.ncf` files, with Hive partition discovery (`name=value` directories).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ncf_core::{DataType, Error, Field, Result, ResultExt, Schema};

use super::partition::{infer_type, unescape};
use super::{DataFile, Dataset, DatasetOptions, Kind, TABLE_DIRECTORY, open_reader};
use crate::storage::{Stat, Storage};

/// Deepest directory below the root.
const MAX_DEPTH: usize = 64;
/// Characters of a UUID.
const UUID_LENGTH: usize = 36;
/// Where tables keep their files.
const DATA_DIRECTORY: &str = "data";

/// Opens a bare directory; `None` when it holds no `.ncf` file. `begun`: its first write as a table is
/// under way, or broke off, so files that writers of tables named are not part of it.
pub(super) fn open(
    storage: &Arc<dyn Storage>,
    root: &Path,
    options: &DatasetOptions,
    begun: bool,
) -> Result<Option<Dataset>> {
    let mut files = files(&**storage, root)?;
    if begun {
        let data = root.join(DATA_DIRECTORY);
        files.retain(|file| !(file.path.starts_with(&data) && is_named_by_writer(&file.path)));
    }
    let Some(first) = files.first() else { return Ok(None) };
    let mut schema = open_reader(&**storage, &first.path)?.schema().clone();
    if options.merge_schema {
        for file in files.iter().skip(1) {
            merge(&mut schema, open_reader(&**storage, &file.path)?.schema())
                .at("file", || file.path.display())?;
        }
    } else if files.len() > 1 {
        // Files that were not opened may lack columns, or hold nulls in them.
        schema.fields.iter_mut().for_each(|field| field.nullable = true);
    }
    let partition_columns = add_partition_columns(&mut schema, root, &files)?;
    Ok(Some(Dataset {
        storage: storage.clone(),
        kind: Kind::Directory,
        id: None,
        root: root.to_path_buf(),
        schema,
        partition_columns,
        properties: BTreeMap::new(),
        files,
    }))
}

/// Whether a file has a name as writers of tables give them: `r<version>-<UUID>-…`.
fn is_named_by_writer(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some((version, rest)) = name.strip_prefix('r').and_then(|name| name.split_once('-')) else {
        return false;
    };
    let uuid = rest.get(..UUID_LENGTH).unwrap_or_default();
    let dashes = uuid.bytes().filter(|byte| *byte == b'-').count();
    version.bytes().all(|byte| byte.is_ascii_digit())
        && uuid.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
        && dashes == 4
}

/// Whether a directory holds a file, at any depth, that is not hidden by a name that starts with `_`
/// or `.`. Used to tell a directory of someone else's data from one that waits for a table.
pub fn holds_files(storage: &dyn Storage, directory: &Path) -> Result<bool> {
    holds_files_below(storage, directory, 0)
}

fn holds_files_below(storage: &dyn Storage, directory: &Path, depth: usize) -> Result<bool> {
    // Deeper is somebody else's, whatever it is: links may lead in a circle.
    if depth > MAX_DEPTH {
        return Ok(true);
    }
    let wanted = |name: &str| !(name.starts_with('_') || name.starts_with('.'));
    for (name, stat) in storage.list(directory, &wanted)? {
        let found = match stat {
            Stat::File { .. } => true,
            Stat::Directory => holds_files_below(storage, &directory.join(name), depth + 1)?,
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Its `.ncf` files, ascending by path, none of them opened.
pub(super) fn files(storage: &dyn Storage, root: &Path) -> Result<Vec<DataFile>> {
    let mut files = Vec::new();
    Listing { storage, root }.list(root, &mut BTreeMap::new(), 0, &mut files)?;
    files.sort_by(|a: &DataFile, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Where files are looked for.
struct Listing<'a> {
    storage: &'a dyn Storage,
    root: &'a Path,
}

impl Listing<'_> {
    fn list(
        &self,
        directory: &Path,
        values: &mut BTreeMap<String, Option<String>>,
        depth: usize,
        files: &mut Vec<DataFile>,
    ) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(Error::limit_exceeded("directory depth", depth as u64, MAX_DEPTH as u64));
        }
        let wanted = |name: &str| {
            name == TABLE_DIRECTORY || !(name.starts_with('_') || name.starts_with('.'))
        };
        for (name, stat) in self.storage.list(directory, &wanted)? {
            if name == TABLE_DIRECTORY && directory == self.root {
                continue;
            }
            if name == TABLE_DIRECTORY {
                return Err(Error::invalid_argument(format!(
                    "{} is a table of its own inside this directory; read that path instead, or move it away",
                    directory.display()
                )));
            }
            let path = directory.join(&name);
            match stat {
                Stat::Directory => self.descend(&path, &name, values, depth, files)?,
                Stat::File { len } => {
                    if path.extension().is_some_and(|extension| extension == "ncf") {
                        files.push(data_file(path, len, values.clone()));
                    }
                }
            }
        }
        Ok(())
    }

    fn descend(
        &self,
        path: &Path,
        name: &str,
        values: &mut BTreeMap<String, Option<String>>,
        depth: usize,
        files: &mut Vec<DataFile>,
    ) -> Result<()> {
        let Some((column, value)) = name.split_once('=') else {
            return self.list(path, values, depth + 1, files);
        };
        let column = unescape(column);
        if values.insert(column.clone(), super::partition::directory_value(value)).is_some() {
            return Err(Error::unsupported(
                "the path names a partition column twice; rename a directory",
            )
            .with("column", column)
            .with("directory", path.display()));
        }
        let listed = self.list(path, values, depth + 1, files);
        values.remove(&column);
        listed
    }
}

fn data_file(
    path: PathBuf,
    size: u64,
    partition_values: BTreeMap<String, Option<String>>,
) -> DataFile {
    DataFile {
        path,
        uuid: None,
        digest: None,
        size,
        rows: None,
        partition_values,
        statistics: BTreeMap::new(),
    }
}

/// Adds the columns of `other` that `schema` lacks; of two types the one that holds the other's values
/// is taken. A column that one of them lacks is nullable.
fn merge(schema: &mut Schema, other: &Schema) -> Result<()> {
    for have in &mut schema.fields {
        have.nullable |= other.index_of(&have.name).is_none();
    }
    for field in &other.fields {
        match schema.fields.iter_mut().find(|have| have.name == field.name) {
            Some(have) => {
                let widest = have.widest(field).ok_or_else(|| {
                    Error::unsupported(format!(
                        "the column is {} in this file and {} in others, and neither type holds all \
                         values of the other; rewrite the file with one type",
                        field.field_type, have.field_type
                    ))
                    .with("column", &field.name)
                })?;
                have.field_type = widest;
                have.nullable |= field.nullable;
            }
            None => {
                let mut id = next_id(schema)?;
                let mut added = Field { nullable: true, ..field.clone() };
                added.walk_mut(&mut |part| {
                    part.id = id;
                    id = id.checked_add(1).ok_or_else(ids_used)?;
                    Ok(())
                })?;
                schema.fields.push(added);
            }
        }
    }
    Ok(())
}

/// Appends the partition columns found in directory names; every file must have the same ones.
fn add_partition_columns(
    schema: &mut Schema,
    root: &Path,
    files: &[DataFile],
) -> Result<Vec<String>> {
    let Some(first) = files.first() else { return Ok(Vec::new()) };
    let names: Vec<String> = partition_order(root, first);
    for file in files {
        if !file.partition_values.keys().eq(first.partition_values.keys()) {
            return Err(Error::unsupported(
                "files of one directory have different partition columns; \
                 every file must lie under the same name=value levels",
            )
            .with("file", file.path.display()));
        }
    }
    for name in &names {
        let texts = files.iter().filter_map(|f| f.partition_values.get(name).cloned().flatten());
        let data_type = infer_type(texts).unwrap_or(DataType::String);
        schema.fields.retain(|field| field.name != *name);
        let id = next_id(schema)?;
        schema.fields.push(Field::new(id, name.clone(), data_type, true));
    }
    Ok(names)
}

/// An id above those of the columns, which come from a file.
fn next_id(schema: &Schema) -> Result<u32> {
    let mut last = 0u32;
    for column in &schema.fields {
        column.walk(&mut |field, _| {
            last = last.max(field.id);
            Ok(())
        })?;
    }
    last.checked_add(1).ok_or_else(ids_used)
}

fn ids_used() -> Error {
    Error::unsupported("a file uses the greatest field id; rewrite it with smaller ids")
}

/// The partition columns of a file in the order of its directories below `root`.
fn partition_order(root: &Path, file: &DataFile) -> Vec<String> {
    let below = file.path.strip_prefix(root).ok().and_then(Path::parent);
    let parts = below.into_iter().flat_map(Path::iter);
    let names = parts.filter_map(|part| part.to_str()?.split_once('='));
    let names = names.map(|(name, _)| unescape(name));
    names.filter(|name| file.partition_values.contains_key(name)).collect()
}

//! Files named on the command line: documents, folders of them, and the data beside them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::{Bytes, BytesMut};
use futures::stream::{self, Stream};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use windlass_workflows::configuration::Format;

use super::error::CliError;
use crate::exit::Exit;

/// Folders in folders; deeper ones are no project's.
const DEPTH_MAX: usize = 16;
/// Bytes of a file that are sent at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// The text of a file; `-` is standard input.
pub fn text(path: &str) -> Result<String, CliError> {
    let read = if path == "-" {
        let mut text = String::new();
        std::io::stdin()
            .lock()
            .read_to_string(&mut text)
            .map(|_| text)
    } else {
        fs::read_to_string(path)
    };
    read.map_err(|error| unreadable(path, &error))
}

/// What the ending of a file of rows says.
///
/// # Errors
/// For another ending.
pub fn media_type_of_rows(file: &str) -> Result<&'static str, CliError> {
    match file.rsplit_once('.').map(|(_, ending)| ending) {
        Some("csv") => Ok("text/csv"),
        Some("ndjson" | "jsonl") => Ok("application/x-ndjson"),
        Some("json") => Ok("application/json"),
        Some("parquet") => Ok("application/vnd.apache.parquet"),
        _ => Err(CliError::usage(format!(
            "{file} ends in none of .csv, .ndjson, .json and .parquet"
        ))),
    }
}

/// The bytes of a file, piece by piece.
///
/// # Errors
/// When it cannot be opened.
pub async fn pieces(path: &str) -> Result<impl Stream<Item = io::Result<Bytes>> + use<>, CliError> {
    let file = tokio::fs::File::open(path).await;
    let file = file.map_err(|error| unreadable(path, &error))?;
    Ok(stream::try_unfold(file, |mut file| async move {
        let mut piece = BytesMut::with_capacity(PIECE_BYTES);
        let length = file.read_buf(&mut piece).await?;
        Ok((length > 0).then(|| (piece.freeze(), file)))
    }))
}

/// The JSON in a file; `-` is standard input.
pub fn json(path: &str) -> Result<Value, CliError> {
    serde_json::from_str(&text(path)?)
        .map_err(|error| CliError::usage(format!("{path} holds no JSON: {error}")))
}

/// JSON as it was typed, or the file that `@` names.
///
/// # Errors
/// `usage` for what is no JSON; what reading the file says.
pub fn given(text: &str) -> Result<Value, CliError> {
    match text.strip_prefix('@') {
        Some(path) => json(path),
        None => serde_json::from_str(text)
            .map_err(|error| CliError::usage(format!("`{text}` is no JSON: {error}"))),
    }
}

/// The body of an apply: every document of files and folders, and the data files that they name.
#[derive(Debug, Default)]
pub struct Bundle {
    documents: BTreeMap<String, String>,
    /// By what they belong to, `category` or `calendar`, and its name: the texts of data files, and whether
    /// they are Base64.
    data: BTreeMap<(&'static str, String), (String, bool)>,
}

impl Bundle {
    /// Reads files, and folders with all that is below them.
    pub fn read(paths: &[String]) -> Result<Self, CliError> {
        let mut bundle = Self::default();
        for path in paths {
            if path == "-" {
                bundle.documents.insert("-".to_owned(), text("-")?);
            } else if Path::new(path).is_dir() {
                bundle.folder(Path::new(path), 0)?;
            } else {
                bundle.file(Path::new(path))?;
            }
        }
        if bundle.documents.is_empty() {
            return Err(CliError::usage(format!(
                "no YAML file in {}",
                paths.join(", ")
            )));
        }
        Ok(bundle)
    }

    /// A document and the data that it names, from whatever `read` reads.
    pub fn add(
        &mut self,
        path: &str,
        text: String,
        read: impl Fn(&str) -> Result<String, CliError>,
    ) -> Result<(), CliError> {
        for (owner, named) in data_files(&text) {
            let data = read(&beside(path, &named))?;
            self.data.insert(owner, (data, is_binary(&named)));
        }
        self.documents.insert(path.to_owned(), text);
        Ok(())
    }

    /// The body.
    pub fn body(&self) -> Value {
        let files: Vec<Value> = self
            .documents
            .iter()
            .map(|(name, text)| json!({"name": name, "text": text}))
            .collect();
        let data: Vec<Value> = self
            .data
            .iter()
            .map(|((kind, name), data)| match data {
                (text, false) => json!({*kind: name, "text": text}),
                (text, true) => json!({*kind: name, "text": text, "base64": true}),
            })
            .collect();
        json!({"files": files, "data": data})
    }

    fn folder(&mut self, folder: &Path, depth: usize) -> Result<(), CliError> {
        let name = folder.display().to_string();
        let entries = fs::read_dir(folder).map_err(|error| unreadable(&name, &error))?;
        let mut paths: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        paths.sort();
        for path in paths {
            let is_hidden = path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if path.is_dir() && !is_hidden && depth < DEPTH_MAX {
                self.folder(&path, depth + 1)?;
            } else if is_document(&path) && !is_hidden {
                self.file(&path)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) -> Result<(), CliError> {
        let name = path.display().to_string();
        let text = text(&name)?;
        self.add(&name, text, data)
    }
}

/// Whether a file of a folder is a document. Tests of templates lie beside them and are none.
pub fn is_document(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml")
        && !is_test(path)
}

/// Whether a file of a folder tests templates.
pub fn is_test(path: &Path) -> bool {
    let name = path.to_string_lossy();
    [".feature", ".test.yaml", ".test.yml"]
        .iter()
        .any(|end| name.ends_with(end))
}

/// The categories and calendars of a file, each with what its `data: { file: … }` or its `ical` names. What is no YAML or names
/// none has no data; the server says what is wrong with it.
fn data_files(text: &str) -> Vec<((&'static str, String), String)> {
    let mut named = Vec::new();
    for part in text.split("\n---") {
        let Ok(document) = serde_saphyr::from_str::<Value>(part.trim_start_matches('-')) else {
            continue;
        };
        let (kind, place) = match document.get("kind").and_then(Value::as_str) {
            Some("Category") => ("category", "/data/file"),
            Some("Calendar") => ("calendar", "/ical"),
            _ => continue,
        };
        let text = |place: &str| {
            document
                .pointer(place)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let named_here = text("/name").zip(text(place));
        named.extend(named_here.map(|(name, file)| ((kind, name), file)));
    }
    named
}

/// The text of a data file; of one that is none, Base64.
fn data(path: &str) -> Result<String, CliError> {
    if !is_binary(path) {
        return text(path);
    }
    let bytes = fs::read(path).map_err(|error| unreadable(path, &error))?;
    Ok(BASE64_STANDARD.encode(bytes))
}

fn is_binary(path: &str) -> bool {
    Format::of_path(path) == Some(Format::Parquet)
}

/// The file that a job configuration's selection reads, as the document names it.
pub fn selected_file(text: &str) -> Option<String> {
    let document: Value = serde_saphyr::from_str(text).ok()?;
    let file = document.pointer("/selection/file")?.as_str()?;
    Some(file.to_owned())
}

/// A path that a document names, as seen from where we stand, without `.` and `..` in its middle.
pub fn beside(document: &str, named: &str) -> String {
    let folder = Path::new(document).parent().unwrap_or(Path::new(""));
    let mut place = PathBuf::new();
    for part in folder.join(named).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(place.components().next_back(), Some(Component::Normal(_))) =>
            {
                place.pop();
            }
            part => place.push(part),
        }
    }
    place.display().to_string()
}

pub(super) fn unreadable(path: &str, error: &std::io::Error) -> CliError {
    let exit = if error.kind() == std::io::ErrorKind::NotFound {
        Exit::NotFound
    } else {
        Exit::Failed
    };
    CliError::new(
        exit,
        "file_unreadable",
        format!("{path} cannot be read: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_lies_beside_its_document() {
        assert_eq!(
            beside("examples/configurations/c.yaml", "../data/x.csv"),
            "examples/data/x.csv"
        );
        assert_eq!(beside("c.yaml", "../x.csv"), "../x.csv");
        assert_eq!(beside("c.yaml", "./x.csv"), "x.csv");
        assert_eq!(beside("a/c.yaml", "/data/x.csv"), "/data/x.csv");
    }

    #[test]
    fn tests_are_no_documents() {
        let is = |name: &str| (is_document(Path::new(name)), is_test(Path::new(name)));

        assert_eq!(is("a/b.yaml"), (true, false));
        assert_eq!(is("a/b.test.yaml"), (false, true));
        assert_eq!(is("a/b.feature"), (false, true));
        assert_eq!(is("a/b.csv"), (false, false));
    }

    #[test]
    fn categories_bring_their_data_along() {
        let text = "windlass: v1\nkind: Purpose\nname: p\n---\nwindlass: v1\nkind: Category\nname: c\ndata: { file: x.csv }\n";
        let mut bundle = Bundle::default();

        bundle
            .add("d/c.yaml", text.to_owned(), |place| {
                Ok(format!("of {place}"))
            })
            .expect("readable");

        assert_eq!(
            bundle.body()["data"],
            json!([{"category": "c", "text": "of d/x.csv"}])
        );
    }

    #[test]
    fn missing_data_is_told_with_its_place() {
        let text = "windlass: v1\nkind: Category\nname: c\ndata: { file: nowhere.csv }\n";

        let refused = Bundle::default()
            .add("c.yaml", text.to_owned(), self::text)
            .expect_err("no such file");

        assert_eq!(refused.exit, Exit::NotFound);
        assert!(refused.message.contains("nowhere.csv"));
    }
}

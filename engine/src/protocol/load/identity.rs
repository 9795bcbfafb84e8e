//! The identity of a load: whether it is the one before again, and whether its keys are made as those before.

use std::io::{self, Read, Seek, SeekFrom};

use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;
use windlass_workflows::configuration::{Category, Invalid, Key, Mode};
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use super::{Source, panicked};

/// The bytes, and all that decides how they are read.
pub(super) async fn checksum(
    category: Category,
    (mode, invalid): (Mode, Invalid),
    mut source: Source,
) -> Result<(String, Source), Problem> {
    let hashed = spawn_blocking(move || {
        let mut hasher = Sha256::new();
        hasher.update(format!("{:?}\0{:?}\0", category.key, category.object));
        let schema = category.schema.as_ref().map(Value::to_json);
        hasher.update(format!(
            "{schema:?}\0{:?}\0",
            category.data.as_ref().map(|data| data.empty)
        ));
        if mode == Mode::Merge {
            hasher.update("merge\0");
        }
        if invalid == Invalid::LeaveOut {
            hasher.update("leave_out\0");
        }
        let bytes = hash_source(&mut hasher, &mut source);
        bytes.map(|()| (hex::encode(hasher.finalize()), source))
    });
    let hashed = hashed.await.unwrap_or_else(panicked);
    hashed.map_err(|error| {
        Problem::new(
            "unreadable_file",
            "",
            format!("the file cannot be read: {error}"),
        )
    })
}

fn hash_source(hasher: &mut Sha256, source: &mut Source) -> io::Result<()> {
    match source {
        Source::File { format, reader, .. } => {
            hasher.update(format!("{format:?}\0"));
            let mut buffer = vec![0; 64 * 1024];
            loop {
                let length = reader.read(&mut buffer)?;
                if length == 0 {
                    break;
                }
                hasher.update(&buffer[..length]);
            }
            reader.seek(SeekFrom::Start(0)).map(|_| ())
        }
        Source::Items(items) => {
            items
                .iter()
                .for_each(|item| hasher.update(format!("{item}\0")));
            Ok(())
        }
    }
}

/// How a category makes keys, in a form to compare.
pub(super) fn key_rule(key: &Key) -> String {
    match key {
        Key::Row => "row".to_owned(),
        Key::Fields(fields) => {
            Value::list(fields.iter().map(|field| field.as_str().into())).to_json()
        }
    }
}

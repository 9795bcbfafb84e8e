//! The example project, inside of the binary, so that the demo works wherever the binary is.

use std::borrow::Cow;
use std::path::Path;

use rust_embed::RustEmbed;

use crate::cli::error::CliError;
use crate::cli::files::{self, Bundle};
use crate::exit::Exit;

#[derive(RustEmbed)]
#[folder = "../examples/templates"]
struct Templates;

#[derive(RustEmbed)]
#[folder = "../examples/configurations"]
struct Configurations;

#[derive(RustEmbed)]
#[folder = "../examples/data"]
struct Data;

/// The documents whose path is wanted, with the data that they name. Paths are those of the
/// repository, below `examples/`.
pub fn bundle(wanted: impl Fn(&str) -> bool) -> Result<Bundle, CliError> {
    let mut bundle = Bundle::default();
    let templates = Templates::iter().map(|name| format!("templates/{name}"));
    let configurations = Configurations::iter().map(|name| format!("configurations/{name}"));
    for path in templates.chain(configurations) {
        if files::is_document(Path::new(&path)) && wanted(&path) {
            bundle.add(&path, text(&path)?, text)?;
        }
    }
    Ok(bundle)
}

fn text(path: &str) -> Result<String, CliError> {
    let missing = || {
        CliError::new(
            Exit::Failed,
            "example_missing",
            format!("the example {path} is not in this binary"),
        )
    };
    let (folder, name) = path.split_once('/').ok_or_else(missing)?;
    let file = match folder {
        "templates" => Templates::get(name),
        "configurations" => Configurations::get(name),
        "data" => Data::get(name),
        _ => None,
    };
    let data: Cow<'static, [u8]> = file.ok_or_else(missing)?.data;
    String::from_utf8(data.into_owned()).map_err(|_| missing())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn project_comes_with_its_data() {
        let body = bundle(|_| true).expect("embedded").body();

        let names: Vec<_> = body["files"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|file| file["name"].as_str())
            .collect();
        assert!(names.contains(&"templates/hello.yaml"), "{names:?}");
        assert!(
            names.contains(&"configurations/state-briefs.yaml"),
            "{names:?}"
        );
        assert_eq!(body["data"][0]["category"], "strikes");
    }

    #[test]
    fn only_what_is_wanted_is_taken() {
        let body = bundle(|path| path == "templates/hello.yaml")
            .expect("embedded")
            .body();

        assert_eq!(body["files"].as_array().map(Vec::len), Some(1));
        assert_eq!(body["data"].as_array().map(Vec::len), Some(0));
    }
}

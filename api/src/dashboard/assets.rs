//! The style sheet, the script and the mark, inside of the binary.

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use super::page::Trouble;

#[derive(RustEmbed)]
#[folder = "src/dashboard/static"]
struct Assets;

/// One file. Its hash is its tag, so browsers keep it until the binary changes.
pub(super) async fn serve(Path(file): Path<String>) -> Result<Response, Trouble> {
    let found = Assets::get(&file).ok_or_else(|| Trouble::missing("file", &file))?;
    let headers = [
        (header::CONTENT_TYPE, found.metadata.mimetype().to_owned()),
        (header::CACHE_CONTROL, "public, max-age=300".to_owned()),
    ];
    Ok((headers, found.data).into_response())
}

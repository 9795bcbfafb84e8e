//! Bodies that are longer than memory, kept in temporary files without names until they are read.

use std::fs::File;
use std::io::{self, Seek};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use futures::{Stream, TryStreamExt};
use multer::{Constraints, Field, Multipart, SizeLimit};
use tokio::io::AsyncWriteExt;
use windlass_workflows::problem::Problem;

use super::problem::Refusal;

/// A larger file would fill the disk.
const FILE_BYTES_MAX: u64 = 4 << 30;
/// The text beside a file.
const TEXT_BYTES_MAX: u64 = 4 << 20;
/// `true` or `false`, and what stands around it.
const FLAG_BYTES_MAX: u64 = 16;

/// A text and a file.
#[derive(Debug, Default)]
pub struct Form {
    /// The part `recipe`.
    pub text: Option<String>,
    /// The part `file`, at its beginning, with its name.
    pub file: Option<(String, File)>,
    /// The part `open` says `true`.
    pub open: bool,
}

/// A body in a temporary file, at its beginning.
///
/// # Errors
/// `body_too_large`, `body_malformed` for one that ends too early.
pub async fn body(body: Body) -> Result<File, Refusal> {
    let cut = |_| {
        let message = "the body ended too early";
        Refusal::malformed(Problem::new("body_malformed", "", message))
    };
    kept(body.into_data_stream().map_err(cut), FILE_BYTES_MAX).await
}

/// The parts of a form with a file; others are refused.
///
/// # Errors
/// `source_ended` for one that ends too early, `body_malformed`, `body_too_large`.
pub async fn form(request: Request) -> Result<Form, Refusal> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(kind).map_err(refused)?;
    let limit = SizeLimit::new()
        .for_field("recipe", TEXT_BYTES_MAX)
        .for_field("open", FLAG_BYTES_MAX);
    let constraints = Constraints::new()
        .allowed_fields(vec!["recipe", "file", "open"])
        .size_limit(limit);
    let stream = request.into_body().into_data_stream();
    let mut parts = Multipart::with_constraints(stream, boundary, constraints);
    let mut form = Form::default();
    while let Some(part) = parts.next_field().await.map_err(refused)? {
        match part.name() {
            Some("file") => form.file = Some(file(part).await?),
            Some("open") => form.open = flag(&part.text().await.map_err(refused)?)?,
            _ => form.text = Some(part.text().await.map_err(refused)?),
        }
    }
    Ok(form)
}

fn flag(text: &str) -> Result<bool, Refusal> {
    text.trim().parse().map_err(|_| {
        let problem = Problem::new("wrong_value", "/open", "it is `true` or `false`");
        Refusal::invalid(vec![problem])
    })
}

async fn file(part: Field<'_>) -> Result<(String, File), Refusal> {
    let name = part.file_name().unwrap_or("file").to_owned();
    let file = kept(part.map_err(refused), FILE_BYTES_MAX).await?;
    Ok((name, file))
}

/// What is wrong with a form.
fn refused(error: multer::Error) -> Refusal {
    use multer::Error::{
        FieldSizeExceeded, IncompleteFieldData, IncompleteHeaders, IncompleteStream,
        StreamReadFailed,
    };
    match error {
        FieldSizeExceeded { limit, .. } => too_large(limit),
        IncompleteFieldData { .. } | IncompleteHeaders | IncompleteStream | StreamReadFailed(_) => {
            let detail = "the form ended too early; nothing was kept";
            Refusal {
                hint: Some("send it again, under the same key".to_owned()),
                ..Refusal::new(StatusCode::BAD_REQUEST, "source_ended", detail)
            }
        }
        other => Refusal::malformed(Problem::new("body_malformed", "", other.to_string())),
    }
}

async fn kept(
    chunks: impl Stream<Item = Result<Bytes, Refusal>>,
    bytes_max: u64,
) -> Result<File, Refusal> {
    let file = tokio::task::spawn_blocking(tempfile::tempfile).await;
    let file = file.map_err(io::Error::other).flatten().map_err(no_room)?;
    let mut file = tokio::fs::File::from_std(file);
    let mut chunks = std::pin::pin!(chunks);
    let mut bytes = 0;
    while let Some(chunk) = chunks.try_next().await? {
        bytes += chunk.len() as u64;
        if bytes > bytes_max {
            return Err(too_large(bytes_max));
        }
        file.write_all(&chunk).await.map_err(no_room)?;
    }
    file.flush().await.map_err(no_room)?;
    let mut file = file.into_std().await;
    file.rewind().map_err(no_room)?;
    Ok(file)
}

fn too_large(bytes_max: u64) -> Refusal {
    let detail = format!("at most {bytes_max} bytes are taken");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
}

fn no_room(error: io::Error) -> Refusal {
    tracing::error!(error = %error, "a body could not be kept in a temporary file");
    Refusal::internal("temporary_file_failed")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use futures::stream;

    use super::*;

    fn pieces(text: &'static str) -> impl Stream<Item = Result<Bytes, Refusal>> {
        stream::iter([Ok(Bytes::from_static(text.as_bytes()))])
    }

    fn request(text: &'static str) -> Request {
        let kind = "multipart/form-data; boundary=b";
        let request = Request::builder().header(header::CONTENT_TYPE, kind);
        request.body(Body::from(text)).unwrap()
    }

    #[tokio::test]
    async fn a_body_at_the_limit_is_kept_and_one_beyond_it_refused() {
        let mut kept_file = kept(pieces("12345"), 5).await.unwrap();
        let refused = kept(pieces("123456"), 5).await.unwrap_err();

        let mut text = String::new();
        kept_file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "12345");
        assert_eq!(refused.code, "body_too_large");
    }

    #[tokio::test]
    async fn a_form_gives_its_text_and_its_file() {
        let text = "--b\r\ncontent-disposition: form-data; name=\"recipe\"\r\n\r\nkind: x\r\n\
            --b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\nid\n1\n\r\n--b--\r\n";

        let form = form(request(text)).await.unwrap();

        let (name, mut file) = form.file.unwrap();
        let mut rows = String::new();
        file.read_to_string(&mut rows).unwrap();
        assert_eq!(
            (form.text.as_deref(), &*name, &*rows),
            (Some("kind: x"), "a.csv", "id\n1\n")
        );
    }

    #[tokio::test]
    async fn a_form_that_breaks_off_says_so() {
        let text =
            "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\nid\n1";

        let refused = form(request(text)).await.unwrap_err();

        assert_eq!(
            (refused.status.as_u16(), &*refused.code),
            (400, "source_ended")
        );
    }
}

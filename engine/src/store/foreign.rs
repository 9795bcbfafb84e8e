//! A database that a batch is read from: one transaction that can only read, one cursor, a block of rows at a time.
//!
//! Postgres writes each row as JSON itself, so a value is what its own server says it is, and a parameter becomes
//! what the statement wants by that server's own rules.

use std::time::Duration;

use futures::TryStreamExt;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgTypeInfo};
use sqlx::{
    Arguments, AssertSqlSafe, Either, Encode, Executor, Postgres, SqlSafeStr, Statement, Type,
};
use tokio::sync::mpsc;
use tokio::time::timeout;
use windlass_workflows::value::Value;

use super::connect::pooled_options;
use super::gate::Session;

/// Rows that the cursor gives at a time, and rows of a block.
const BLOCK_ROWS: usize = 1_000;
/// Bytes of a block: rows may be large.
const BLOCK_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of one row as JSON; a larger one never leaves its server.
const ROW_BYTES_MAX: usize = 1 << 20;
/// A server stops a statement at its time and says so; one that is silent for longer is gone.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// What is asked of a database outside.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// Where it is, password and all.
    pub url: &'a str,
    /// One statement that gives rows.
    pub sql: &'a str,
    /// A list: what `$1`, `$2` … stand for.
    pub params: &'a Value,
    /// How long one statement may take.
    pub statement_timeout: Duration,
}

/// A row as JSON text; nothing where it is too large.
pub type ForeignRow = Option<String>;

/// Why a database outside was not read to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForeignError {
    /// Trying again would say the same.
    #[error("{0}")]
    Lasting(String),
    /// It may be different next time.
    #[error("{0}")]
    Passing(String),
}

/// Reads to the end, or until nobody takes blocks any more; all that it sees is of one moment.
///
/// # Errors
/// What the server says, or that it said nothing.
///
/// # Cancel safety
/// Dropped, the server ends the transaction, which wrote nothing.
pub async fn read(
    question: Question<'_>,
    blocks: mpsc::Sender<Vec<ForeignRow>>,
) -> Result<(), ForeignError> {
    let options = pooled_options(question.url, "windlass source").map_err(|_| no_address())?;
    let patience = question.statement_timeout + SILENCE_MAX;
    let mut session = within(patience, Session::connect(&options)).await?;
    within(patience, begin(&mut session, question.statement_timeout)).await?;
    within(patience, declare(&mut session, question)).await?;
    while fetch(&mut session, &blocks, patience).await? {}
    session.close().await.unwrap_or_default();
    Ok(())
}

/// What a server answers in time. One that vanished without a word would be waited for without end.
async fn within<T, E: Into<ForeignError>>(
    patience: Duration,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, ForeignError> {
    match timeout(patience, answer).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(_) => Err(ForeignError::Passing(
            "the database does not answer".to_owned(),
        )),
    }
}

fn no_address() -> ForeignError {
    ForeignError::Lasting("the secret holds no address of a Postgres".to_owned())
}

async fn begin(session: &mut Session, timeout: Duration) -> Result<(), ForeignError> {
    let begin = "begin isolation level repeatable read read only";
    session.execute(begin).await?;
    let millis = timeout.as_millis().to_string();
    sqlx::query_file!("queries/source/settings.sql", millis)
        .fetch_one(session)
        .await?;
    Ok(())
}

async fn declare(session: &mut Session, question: Question<'_>) -> Result<(), ForeignError> {
    let select = wrapped(question.sql);
    let arguments = arguments(session, &select, question.params).await?;
    let declare = format!("declare windlass_rows no scroll cursor for {select}");
    let declare = sqlx::query_with(AssertSqlSafe(declare), arguments);
    declare.persistent(false).execute(session).await?;
    Ok(())
}

/// The statement of a selection, a JSON text a row. It stands in brackets, so it can be nothing but a part of ours;
/// `offset 0` keeps a row from being written twice.
fn wrapped(sql: &str) -> String {
    format!(
        "select case when octet_length(document) <= {ROW_BYTES_MAX} then document end \
         from (select row_to_json(windlass_row)::text as document from (\n{sql}\n) windlass_row offset 0) windlass_document"
    )
}

/// The next rows; whether there may be more, and somebody wants them.
async fn fetch(
    session: &mut Session,
    blocks: &mpsc::Sender<Vec<ForeignRow>>,
    patience: Duration,
) -> Result<bool, ForeignError> {
    let mut rows =
        sqlx::query_scalar::<_, ForeignRow>("fetch forward 1000 from windlass_rows").fetch(session);
    let (mut block, mut bytes, mut fetched) = (Vec::new(), 0, 0);
    while let Some(row) = within(patience, rows.try_next()).await? {
        fetched += 1;
        bytes += row.as_ref().map_or(0, String::len);
        block.push(row);
        if bytes >= BLOCK_BYTES && blocks.send(std::mem::take(&mut block)).await.is_err() {
            return Ok(false);
        }
        bytes = if block.is_empty() { 0 } else { bytes };
    }
    let is_wanted = block.is_empty() || blocks.send(block).await.is_ok();
    Ok(is_wanted && fetched == BLOCK_ROWS)
}

/// A parameter as its server takes it.
struct Sent {
    oid: Oid,
    bytes: Option<Vec<u8>>,
}

impl Type<Postgres> for Sent {
    fn type_info() -> PgTypeInfo {
        <String as Type<Postgres>>::type_info()
    }
}

impl Encode<'_, Postgres> for Sent {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let Some(bytes) = &self.bytes else {
            return Ok(IsNull::Yes);
        };
        buffer.extend_from_slice(bytes);
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(PgTypeInfo::with_oid(self.oid))
    }
}

/// What the statement is asked with: of the types that its server finds in it.
async fn arguments(
    session: &mut Session,
    select: &str,
    params: &Value,
) -> Result<PgArguments, ForeignError> {
    let given = params.as_list().unwrap_or_default();
    let oids = wanted(session, select).await?;
    if oids.len() != given.len() {
        let (wanted, given) = (oids.len(), given.len());
        let message = format!("the statement has {wanted} parameters, and `params` has {given}");
        return Err(ForeignError::Lasting(message));
    }
    let mut arguments = PgArguments::default();
    for (oid, value) in oids.into_iter().zip(given) {
        let sent = sent(session, oid, value).await?;
        let added = arguments.add(sent);
        added.map_err(|error| ForeignError::Lasting(error.to_string()))?;
    }
    Ok(arguments)
}

/// The types of the parameters that a statement has.
async fn wanted(session: &mut Session, select: &str) -> Result<Vec<Oid>, ForeignError> {
    let select = AssertSqlSafe(select.to_owned()).into_sql_str();
    let statement = session.prepare(select).await?;
    let Some(Either::Left(types)) = statement.parameters() else {
        return Ok(Vec::new());
    };
    let oids: Option<Vec<Oid>> = types.iter().map(PgTypeInfo::oid).collect();
    oids.ok_or_else(|| ForeignError::Lasting("a parameter has no type".to_owned()))
}

/// A value in the form in which the server sends that type itself: it is asked to read the text and to send it.
async fn sent(session: &mut Session, oid: Oid, value: &Value) -> Result<Sent, ForeignError> {
    let kind = sqlx::query_file!("queries/source/parameter.sql", oid)
        .fetch_one(&mut *session)
        .await?;
    let Some(text) = text(value, kind.is_array) else {
        return Ok(Sent { oid, bytes: None });
    };
    let (send, name) = (kind.send, kind.name);
    let ask = format!("select {send}(cast($1::text as {name}))");
    let bytes = sqlx::query_scalar(AssertSqlSafe(ask))
        .persistent(false)
        .bind(text)
        .fetch_one(session)
        .await?;
    Ok(Sent {
        oid,
        bytes: Some(bytes),
    })
}

/// A value as Postgres reads it: text as it is, lists as arrays where an array is wanted, all else as JSON.
fn text(value: &Value, is_array: bool) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Text(text) => Some(text.to_string()),
        Value::List(list) if is_array => Some(array(list.items())),
        other => Some(other.to_json()),
    }
}

fn array(items: &[Value]) -> String {
    let item = |item: &Value| match (item, text(item, true)) {
        (Value::List(_), Some(inner)) => inner,
        (_, Some(text)) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        (_, None) => "NULL".to_owned(),
    };
    let items: Vec<String> = items.iter().map(item).collect();
    format!("{{{}}}", items.join(","))
}

impl From<sqlx::Error> for ForeignError {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(said) = &error else {
            return match error {
                sqlx::Error::Configuration(_) => no_address(),
                _ => Self::Passing(format!("the database cannot be read: {error}")),
            };
        };
        let code = said.code().unwrap_or_default().into_owned();
        let message = format!("the database says: {} ({code})", said.message());
        // Lost connections, full servers, stopped statements, conflicts, broken disks, faults of the server.
        let passes = ["08", "40", "53", "55", "57", "58", "XX", "25P03"];
        match passes.iter().any(|class| code.starts_with(class)) {
            true => Self::Passing(message),
            false => Self::Lasting(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_becomes_an_array_that_postgres_reads() {
        let list = Value::parse(r#"["a\"b","c\\d",null,7,[1,2]]"#).unwrap();

        let written = text(&list, true).unwrap();

        assert_eq!(written, r#"{"a\"b","c\\d",NULL,"7",{"1","2"}}"#);
        assert_eq!(text(&list, false).unwrap(), list.to_json());
    }
}

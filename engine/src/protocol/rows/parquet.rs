//! Rows of a Parquet file, a row group at a time: columns become the members of a document.
//!
//! JSON has no dates and no bytes: dates and times become ISO text, bytes Base64.

use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::parquet::basic::{LogicalType, TimeUnit};
use ::parquet::errors::ParquetError;
use ::parquet::file::reader::{ChunkReader, FileReader, Length};
use ::parquet::file::serialized_reader::SerializedFileReader;
use ::parquet::record::{Field, Row};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta, Utc};
use windlass_workflows::category::ItemReader;
use windlass_workflows::configuration::Category;
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use super::sink::{Sink, broken};
use crate::protocol::load::ReadSeek;

/// Reads a file to its end. Its reader gives up on some broken files by a panic; that is caught.
pub(super) fn read(
    category: &Category,
    reader: Box<dyn ReadSeek>,
    sink: &mut Sink,
) -> Result<(), Vec<Problem>> {
    let items = ItemReader::new(category)?;
    let read = catch_unwind(AssertUnwindSafe(|| rows(&items, reader, sink)));
    let read = read.unwrap_or_else(|_| Err("it holds what its schema does not say".to_owned()));
    read.map_err(|message| vec![broken(0, format!("the file cannot be read: {message}"))])
}

fn rows(items: &ItemReader, reader: Box<dyn ReadSeek>, sink: &mut Sink) -> Result<(), String> {
    let told = |error: ParquetError| error.to_string();
    let file = Spooled::of(reader).map_err(|error| error.to_string())?;
    let reader = SerializedFileReader::new(file).map_err(told)?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let fields = schema.root_schema().get_fields();
    let columns: Vec<Column> = fields
        .iter()
        .map(|field| Column {
            name: field.name().into(),
            instant: Instant::of(field.get_basic_info().logical_type_ref()),
        })
        .collect();
    for (n, row) in (1..).zip(reader.get_row_iter(None).map_err(told)?) {
        if sink.is_full() {
            break;
        }
        let document = document(row.map_err(told)?, &columns);
        sink.row(n, items.item(n, 0, document));
    }
    Ok(())
}

fn document(row: Row, columns: &[Column]) -> Value {
    let cells = row.into_columns().into_iter().zip(columns);
    Value::map(cells.map(|((_, field), column)| {
        let value = match (&field, column.instant) {
            (
                Field::Long(number)
                | Field::TimestampMillis(number)
                | Field::TimestampMicros(number),
                Some(unit),
            ) => unit.text(*number),
            _ => value(&field),
        };
        (Arc::clone(&column.name), value)
    }))
}

/// A member of all documents.
struct Column {
    name: Arc<str>,
    instant: Option<Instant>,
}

/// What a column of whole numbers means whose type says that they are instants.
#[derive(Clone, Copy, Debug)]
struct Instant {
    per_second: i64,
    is_utc: bool,
}

impl Instant {
    fn of(kind: Option<&LogicalType>) -> Option<Self> {
        let Some(LogicalType::Timestamp(kind)) = kind else {
            return None;
        };
        let per_second = match kind.unit {
            TimeUnit::MILLIS => 1_000,
            TimeUnit::MICROS => 1_000_000,
            TimeUnit::NANOS => 1_000_000_000,
        };
        Some(Self {
            per_second,
            is_utc: kind.is_adjusted_to_u_t_c,
        })
    }

    fn text(self, number: i64) -> Value {
        let (seconds, rest) = (
            number.div_euclid(self.per_second),
            number.rem_euclid(self.per_second),
        );
        let nanos = rest * (1_000_000_000 / self.per_second);
        let at = DateTime::from_timestamp(seconds, u32::try_from(nanos).unwrap_or_default());
        at.map_or(Value::from(number), |at| match self.is_utc {
            true => iso(at).into(),
            false => iso(at).trim_end_matches('Z').into(),
        })
    }
}

fn iso(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn value(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(flag) => Value::from(*flag),
        Field::Byte(number) => i64::from(*number).into(),
        Field::Short(number) => i64::from(*number).into(),
        Field::Int(number) => i64::from(*number).into(),
        Field::Long(number) => Value::from(*number),
        Field::UByte(number) => i64::from(*number).into(),
        Field::UShort(number) => i64::from(*number).into(),
        Field::UInt(number) => i64::from(*number).into(),
        Field::ULong(number) => written(&number.to_string()),
        Field::Float16(number) => written(&number.to_string()),
        Field::Float(number) => written(&number.to_string()),
        Field::Double(number) => Value::from(*number),
        // A decimal prints as it is written.
        Field::Decimal(_) => written(&field.to_string()),
        Field::Str(text) => Value::text(text.as_str()),
        Field::Bytes(bytes) => BASE64_STANDARD.encode(bytes.data()).into(),
        Field::Date(days) => date(*days),
        Field::TimeMillis(millis) => time(i64::from(*millis) * 1_000),
        Field::TimeMicros(micros) => time(*micros),
        Field::TimestampMillis(at) => utc(DateTime::from_timestamp_millis(*at)),
        Field::TimestampMicros(at) => utc(DateTime::from_timestamp_micros(*at)),
        Field::Group(row) => Value::map(
            row.get_column_iter()
                .map(|(name, field)| (name.as_str(), value(field))),
        ),
        Field::ListInternal(list) => Value::list(list.elements().iter().map(value)),
        Field::MapInternal(map) => {
            let entries = map.entries().iter();
            Value::map(entries.map(|(key, field)| (key_text(key), value(field))))
        }
    }
}

/// A number from its text; what is not finite is null.
fn written(text: &str) -> Value {
    Value::parse(text).unwrap_or(Value::Null)
}

fn key_text(key: &Field) -> String {
    match value(key) {
        Value::Text(text) => text.to_string(),
        other => other.to_json(),
    }
}

fn date(days: i32) -> Value {
    let day = NaiveDate::default().checked_add_signed(TimeDelta::days(i64::from(days)));
    day.map_or(Value::Null, |day| day.to_string().into())
}

fn time(micros: i64) -> Value {
    let at = DateTime::from_timestamp_micros(micros);
    at.map_or(Value::Null, |at| at.time().to_string().into())
}

fn utc(at: Option<DateTime<Utc>>) -> Value {
    at.map_or(Value::Null, |at| iso(at).into())
}

/// A file that is read here and there: columns stand apart.
#[derive(Clone)]
struct Spooled {
    file: Arc<Mutex<Box<dyn ReadSeek>>>,
    length: u64,
}

impl Spooled {
    fn of(mut file: Box<dyn ReadSeek>) -> io::Result<Self> {
        let length = file.seek(SeekFrom::End(0))?;
        Ok(Self {
            file: Arc::new(Mutex::new(file)),
            length,
        })
    }

    fn at(&self, start: u64) -> io::Result<MutexGuard<'_, Box<dyn ReadSeek>>> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(start))?;
        Ok(file)
    }
}

impl Length for Spooled {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Spooled {
    type T = BufReader<From>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(BufReader::new(From {
            spooled: self.clone(),
            at: start,
        }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let mut bytes = Vec::new();
        let mut file = self.at(start)?;
        let read = Read::take(&mut *file, length as u64).read_to_end(&mut bytes)?;
        if read < length {
            return Err(ParquetError::EOF(format!(
                "it ends {} bytes too early",
                length - read
            )));
        }
        Ok(bytes.into())
    }
}

/// A file from some place on.
struct From {
    spooled: Spooled,
    at: u64,
}

impl Read for From {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.spooled.at(self.at)?.read(buffer)?;
        self.at += length as u64;
        Ok(length)
    }
}

//! Parquet files, made on the spot.

use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

const SCHEMA: &str = "message birds {
    required binary name (string);
    optional binary state (string);
    required int64 cost;
    required int64 seen (timestamp(micros, false));
}";

/// A row: name, state, cost.
pub type Bird<'a> = (&'a str, Option<&'a str>, i64);

/// A file with these rows, two in a row group.
pub fn birds(rows: &[Bird<'_>]) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(SCHEMA).expect("a schema"));
    let properties =
        WriterProperties::builder().set_compression(Compression::ZSTD(Default::default()));
    let properties = Arc::new(properties.build());
    let mut file = SerializedFileWriter::new(Vec::new(), schema, properties).expect("a writer");
    for group in rows.chunks(2) {
        let bytes = |text: &str| ByteArray::from(text);
        let names: Vec<ByteArray> = group.iter().map(|row| bytes(row.0)).collect();
        let states: Vec<ByteArray> = group.iter().filter_map(|row| row.1.map(bytes)).collect();
        let levels: Vec<i16> = group.iter().map(|row| i16::from(row.1.is_some())).collect();
        let costs: Vec<i64> = group.iter().map(|row| row.2).collect();
        let seen = vec![978_307_260_000_000; group.len()];
        let mut writer = file.next_row_group().expect("a row group");
        for (texts, levels) in [(names, None), (states, Some(levels.as_slice()))] {
            let mut column = writer.next_column().expect("a column").expect("one more");
            let typed = column.typed::<ByteArrayType>();
            typed.write_batch(&texts, levels, None).expect("written");
            column.close().expect("closed");
        }
        for numbers in [costs, seen] {
            let mut column = writer.next_column().expect("a column").expect("one more");
            let typed = column.typed::<Int64Type>();
            typed.write_batch(&numbers, None, None).expect("written");
            column.close().expect("closed");
        }
        writer.close().expect("closed");
    }
    file.into_inner().expect("a file")
}

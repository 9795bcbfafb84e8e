//! One document of a file as its author wrote it, comments included.

/// The text of the document that begins on a line of a file, without the markers around it.
pub fn part(text: &str, line: u32) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for (number, one) in (1..).zip(text.lines()) {
        match behind_marker(one) {
            Some(_) if number > line => break,
            Some(rest) => kept = vec![rest],
            None => kept.push(one),
        }
    }
    let is_blank = |line: &&str| line.trim().is_empty();
    let first = kept.iter().position(|line| !is_blank(line)).unwrap_or(0);
    let last = kept.iter().rposition(|line| !is_blank(line)).unwrap_or(0);
    let kept = kept.get(first..=last).unwrap_or_default();
    format!("{}\n", kept.join("\n"))
}

/// What stands behind `---` at the beginning of a line, which is nothing else in YAML.
fn behind_marker(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("---")?;
    (rest.is_empty() || rest.starts_with([' ', '\t'])).then(|| rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn a_part_is_what_stands_between_markers() {
        let text = "# of all\n---\n# first\na: 1\n\n--- # said\nb: |\n  ---\n  x\n---\n\nc: 3\n\n";

        assert_eq!(part(text, 4), "# first\na: 1\n");
        assert_eq!(part(text, 7), "# said\nb: |\n  ---\n  x\n");
        assert_eq!(part(text, 12), "c: 3\n");
        assert_eq!(part("a: 1", 1), "a: 1\n");
        assert_eq!(part("--- { a: 1 }\n", 1), "{ a: 1 }\n");
    }
}

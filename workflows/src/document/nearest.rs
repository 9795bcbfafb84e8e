//! The name that an author may have meant.

/// So many candidates are compared; a hint is a courtesy and must stay cheap.
const CANDIDATES_MAX: usize = 200;

/// Longer names are not compared.
const LENGTH_MAX: usize = 40;

/// `did you mean …?` for the nearest candidate, if one is near.
pub fn hint<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(name, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// The candidate with the fewest edits, at most a third of the name's length (and at least one).
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = letters(name)?;
    let allowed = (name.len() / 3).max(1);
    let compared = candidates.into_iter().take(CANDIDATES_MAX);
    let ranked = compared.filter_map(|candidate| {
        let letters = letters(candidate)?;
        let far = letters.len().abs_diff(name.len()) > allowed;
        (!far).then(|| (edits(&name, &letters), candidate))
    });
    let (distance, candidate) = ranked.min_by_key(|(distance, _)| *distance)?;
    (distance <= allowed).then_some(candidate)
}

fn letters(name: &str) -> Option<Vec<char>> {
    (name.len() <= LENGTH_MAX).then(|| name.to_lowercase().chars().collect())
}

/// Insertions, deletions, replacements and swaps of neighbours.
fn edits(left: &[char], right: &[char]) -> usize {
    let width = right.len() + 1;
    let mut rows: Vec<Vec<usize>> = vec![(0..width).collect()];
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let replaced = rows[i][j] + usize::from(a != b);
            let mut least = replaced.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && left[i - 1] == *b && right[j - 1] == *a {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_found_and_a_far_one_is_not() {
        let names = ["classify", "keep", "input"];

        assert_eq!(nearest("clasify", names), Some("classify"));
        assert_eq!(nearest("inptu", names), Some("input"));
        assert_eq!(nearest("Keep", names), Some("keep"));
        assert_eq!(nearest("send", names), None);
        assert_eq!(nearest(&"x".repeat(1_000), names), None);
        assert_eq!(hint("kep", names).as_deref(), Some("did you mean `keep`?"));
    }
}

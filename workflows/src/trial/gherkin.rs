//! The form of `.feature` files: scenarios, steps, doc strings, tables, outlines with examples.
//!
//! English only, as the standard's kit is. What is no part of the form is a failure with its line,
//! never passed over.

use super::Failure;
use super::deed::Text;

/// Longest file.
const BYTES_MAX: usize = 4 << 20;

/// Scenarios of one file, examples counted.
const SCENARIOS_MAX: usize = 10_000;

const HEADINGS: [(&str, Heading); 10] = [
    ("Feature:", Heading::Feature),
    ("Rule:", Heading::Rule),
    ("Background:", Heading::Background),
    ("Scenario Outline:", Heading::Scenario),
    ("Scenario Template:", Heading::Scenario),
    ("Scenario:", Heading::Scenario),
    ("Example:", Heading::Scenario),
    ("Examples:", Heading::Examples),
    ("Scenarios:", Heading::Examples),
    ("Business Need:", Heading::Feature),
];

const KEYWORDS: [&str; 6] = ["Given ", "When ", "Then ", "And ", "But ", "* "];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heading {
    Feature,
    Rule,
    Background,
    Scenario,
    Examples,
}

/// A scenario, with the steps of the backgrounds before its own.
#[derive(Clone, Debug, Default)]
pub struct Scenario {
    pub name: String,
    pub line: u32,
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// Without its keyword.
    pub text: String,
    pub line: u32,
    pub doc: Option<Text>,
    pub has_table: bool,
}

/// Every scenario of a file, an outline's examples as scenarios of their own.
pub fn read(text: &str) -> Result<Vec<Scenario>, Failure> {
    if text.len() > BYTES_MAX {
        let message = format!("the file has {} bytes; {BYTES_MAX} are allowed", text.len());
        return Err(Failure::new(1, message));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().zip(1..);
    let lines = lines.map(|(line, number)| (number, line));
    let mut reader = Reader {
        lines: lines.collect::<Vec<_>>().into_iter(),
        part: None,
        has_steps: false,
        backgrounds: [Vec::new(), Vec::new()],
        in_rule: false,
        open: Scenario::default(),
        header: None,
        examples: Vec::new(),
        done: Vec::new(),
    };
    while let Some((number, line)) = reader.lines.next() {
        reader.line(number, line)?;
    }
    reader.close()?;
    Ok(reader.done)
}

struct Reader<'a> {
    lines: std::vec::IntoIter<(u32, &'a str)>,
    part: Option<Heading>,
    /// Whether the open part has steps or rows: what is free text before is a mistake after.
    has_steps: bool,
    /// Of the feature, of the rule.
    backgrounds: [Vec<Step>; 2],
    in_rule: bool,
    open: Scenario,
    header: Option<Vec<String>>,
    /// Rows of examples, with their titles.
    examples: Vec<(u32, Vec<(String, String)>)>,
    done: Vec<Scenario>,
}

impl Reader<'_> {
    fn line(&mut self, number: u32, line: &str) -> Result<(), Failure> {
        let trimmed = line.trim();
        if let Some(language) = trimmed.strip_prefix("# language:") {
            return match language.trim() {
                "en" => Ok(()),
                other => Err(Failure::new(
                    number,
                    format!("`{other}` is not understood: en"),
                )),
            };
        }
        if trimmed.is_empty() || trimmed.starts_with(['#', '@']) {
            return Ok(());
        }
        let heading = HEADINGS
            .iter()
            .find_map(|(word, heading)| Some((*heading, trimmed.strip_prefix(word)?.trim())));
        if let Some((heading, name)) = heading {
            return self.heading(number, heading, name);
        }
        if let Some(mark) = ["\"\"\"", "```"]
            .into_iter()
            .find(|mark| trimmed.starts_with(mark))
        {
            return self.doc(number, line, mark);
        }
        if trimmed.starts_with('|') {
            return self.row(number, trimmed);
        }
        let step = KEYWORDS.iter().find_map(|word| trimmed.strip_prefix(word));
        match (step, self.part) {
            (Some(text), Some(Heading::Background | Heading::Scenario)) => {
                self.step(number, text.trim());
                Ok(())
            }
            (Some(_), _) => Err(Failure::new(number, "a step stands outside of a scenario")),
            (None, Some(_)) if !self.has_steps => Ok(()),
            (None, Some(_)) => Err(Failure::new(number, format!("`{trimmed}` is no step"))),
            (None, None) => Err(Failure::new(number, "the file begins with `Feature:`")),
        }
    }

    fn heading(&mut self, number: u32, heading: Heading, name: &str) -> Result<(), Failure> {
        let fits = match heading {
            Heading::Feature => self.part.is_none(),
            Heading::Examples => matches!(self.part, Some(Heading::Scenario | Heading::Examples)),
            _ => self.part.is_some(),
        };
        if !fits {
            return Err(Failure::new(number, "this heading cannot stand here"));
        }
        if heading != Heading::Examples {
            self.close()?;
        }
        match heading {
            Heading::Scenario => {
                let [feature, rule] = &self.backgrounds;
                self.open = Scenario {
                    name: name.to_owned(),
                    line: number,
                    steps: feature.iter().chain(rule).cloned().collect(),
                };
            }
            Heading::Rule => {
                self.in_rule = true;
                self.backgrounds[1].clear();
            }
            Heading::Examples => self.header = None,
            Heading::Feature | Heading::Background => {}
        }
        (self.part, self.has_steps) = (Some(heading), false);
        Ok(())
    }

    fn steps(&mut self) -> &mut Vec<Step> {
        match self.part {
            Some(Heading::Background) => &mut self.backgrounds[usize::from(self.in_rule)],
            _ => &mut self.open.steps,
        }
    }

    fn step(&mut self, line: u32, text: &str) {
        self.has_steps = true;
        let text = text.to_owned();
        self.steps().push(Step {
            text,
            line,
            ..Step::default()
        });
    }

    /// A text of many lines; the blanks before its opening mark are no part of it.
    fn doc(&mut self, number: u32, line: &str, mark: &str) -> Result<(), Failure> {
        let indent = line.chars().take_while(|c| c.is_whitespace()).count();
        let mut text = String::new();
        loop {
            let Some((_, line)) = self.lines.next() else {
                return Err(Failure::new(number, "this text is never closed"));
            };
            if line.trim() == mark {
                break;
            }
            let blanks = line.chars().take(indent).take_while(|c| c.is_whitespace());
            let blanks: usize = blanks.map(char::len_utf8).sum();
            text.push_str(&line[blanks..].replace("\\\"\\\"\\\"", "\"\"\""));
            text.push('\n');
        }
        let has_steps = self.has_steps;
        let step = self.steps().last_mut();
        match step.filter(|step| has_steps && step.doc.is_none() && !step.has_table) {
            Some(step) => step.doc = Some(Text { text, line: number }),
            None => return Err(Failure::new(number, "this text belongs to no step")),
        }
        Ok(())
    }

    fn row(&mut self, number: u32, line: &str) -> Result<(), Failure> {
        if self.part != Some(Heading::Examples) {
            let has_steps = self.has_steps;
            let step = self.steps().last_mut().filter(|_| has_steps);
            let step = step.ok_or_else(|| Failure::new(number, "this row belongs to no step"))?;
            step.has_table = true;
            return Ok(());
        }
        let cells = cells(line);
        let Some(header) = &self.header else {
            self.header = Some(cells);
            self.has_steps = true;
            return Ok(());
        };
        if header.len() != cells.len() {
            let message = format!("{} cells are wanted, as in the first row", header.len());
            return Err(Failure::new(number, message));
        }
        let pairs = header.iter().cloned().zip(cells).collect();
        self.examples.push((number, pairs));
        Ok(())
    }

    /// Ends the open scenario.
    fn close(&mut self) -> Result<(), Failure> {
        if !matches!(self.part, Some(Heading::Scenario | Heading::Examples)) {
            return Ok(());
        }
        let open = std::mem::take(&mut self.open);
        let examples = std::mem::take(&mut self.examples);
        if self.part == Some(Heading::Scenario) {
            self.done.push(open);
        } else {
            let filled = examples
                .iter()
                .map(|(line, pairs)| open.filled(*line, pairs));
            self.done.extend(filled);
        }
        if self.done.len() > SCENARIOS_MAX {
            let message = format!("more than {SCENARIOS_MAX} scenarios");
            return Err(Failure::new(1, message));
        }
        Ok(())
    }
}

/// The cells between the bars; `\|`, `\n` and `\\` are escapes.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut letters = line.trim().trim_start_matches('|').chars();
    while let Some(letter) = letters.next() {
        match letter {
            '|' => cells.push(String::new()),
            '\\' => {
                let escaped = letters
                    .next()
                    .map(|next| if next == 'n' { '\n' } else { next });
                cells.last_mut().expect("one is open").extend(escaped);
            }
            other => cells.last_mut().expect("one is open").push(other),
        }
    }
    cells.pop();
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}

impl Scenario {
    /// The outline with one row of its examples.
    fn filled(&self, line: u32, pairs: &[(String, String)]) -> Scenario {
        let fill = |text: &str| {
            pairs.iter().fold(text.to_owned(), |text, (name, value)| {
                text.replace(&format!("<{name}>"), value)
            })
        };
        let steps = self.steps.iter().map(|step| Step {
            text: fill(&step.text),
            doc: step.doc.as_ref().map(|doc| Text {
                text: fill(&doc.text),
                line: doc.line,
            }),
            ..step.clone()
        });
        let shown: Vec<&str> = pairs.iter().map(|(_, value)| value.as_str()).collect();
        Scenario {
            name: format!("{} ({})", fill(&self.name), shown.join(", ")),
            line,
            steps: steps.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTLINE: &str = r#"
# a remark
@slow
Feature: Doors
  As somebody
  I want doors

  Background:
    Given a door

  Scenario: It opens
    When it is pushed
      """yaml
      a:
        b: 1
      """
    Then it opens

  Scenario Outline: It holds <n>
    When <n> push
    Examples:
      | n | text |
      | 1 | a\|b |
      | 2 |      |
"#;

    #[test]
    fn scenarios_have_their_backgrounds_texts_and_examples() {
        let scenarios = read(OUTLINE).unwrap();

        let names: Vec<&str> = scenarios.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(
            names,
            ["It opens", "It holds 1 (1, a|b)", "It holds 2 (2, )"]
        );
        let steps: Vec<&str> = scenarios[0].steps.iter().map(|step| &*step.text).collect();
        assert_eq!(steps, ["a door", "it is pushed", "it opens"]);
        let doc = scenarios[0].steps[1].doc.clone().unwrap();
        assert_eq!((doc.text.as_str(), doc.line), ("a:\n  b: 1\n", 13));
        assert_eq!(scenarios[2].steps[1].text, "2 push");
        assert_eq!(scenarios[2].line, 24);
    }

    #[test]
    fn what_is_no_part_of_the_form_is_a_failure_with_its_line() {
        for (text, line) in [
            ("Given a\n", 1),
            ("Feature: a\nGiven b\n", 2),
            ("Feature: a\nScenario: b\nGiven c\nand then d\n", 4),
            ("Feature: a\nScenario: b\n\"\"\"\n", 3),
            ("Feature: a\nScenario: b\n\"\"\"\n\"\"\"\n", 3),
            ("Feature: a\nFeature: b\n", 2),
            ("# language: fr\n", 1),
            (
                "Feature: a\nScenario: b\nGiven <c>\nExamples:\n| c |\n| d | e |\n",
                6,
            ),
        ] {
            assert_eq!(
                read(text).map_err(|failure| failure.line).err(),
                Some(line),
                "{text}"
            );
        }
    }
}

//! What was found: how it stands, and what to do about it.

use std::fmt;

use console::Style;
use serde_json::{Value, json};

use crate::console::escape;

/// Of one thing that was looked at.
#[derive(Debug)]
pub(super) struct Finding {
    check: &'static str,
    verdict: Verdict,
    says: String,
    /// What to do, unless it is fine.
    advice: String,
}

/// How a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Ok,
    /// A server runs, and somebody may regret it.
    Warning,
    /// A server does not start, or does not do its work.
    Wrong,
}

/// All that was found, in the order of the checks.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) findings: Vec<Finding>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, says: impl Into<String>) -> Self {
        Self::new(check, Verdict::Ok, says, "")
    }

    pub(super) fn warning(check: &'static str, says: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(check, Verdict::Warning, says, advice)
    }

    pub(super) fn wrong(check: &'static str, says: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(check, Verdict::Wrong, says, advice)
    }

    fn new(
        check: &'static str,
        verdict: Verdict,
        says: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            check,
            verdict,
            says: says.into(),
            advice: advice.into(),
        }
    }

    fn json(&self) -> Value {
        json!({
            "check": self.check,
            "verdict": self.verdict.name(),
            "says": self.says,
            "advice": self.advice,
        })
    }
}

impl Report {
    /// How many things are wrong.
    pub(super) fn wrong(&self) -> usize {
        self.count(Verdict::Wrong)
    }

    pub(super) fn json(&self) -> String {
        let findings: Vec<_> = self.findings.iter().map(Finding::json).collect();
        json!({"wrong": self.wrong(), "warnings": self.count(Verdict::Warning), "findings": findings})
            .to_string()
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.verdict == verdict)
            .count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, finding) in self.findings.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            let verdict = format!("{:<9}", finding.verdict.name());
            let verdict = finding.verdict.style().apply_to(verdict);
            let (check, says) = (finding.check, escape(&finding.says));
            write!(f, "{verdict}{check:<12}{says}")?;
            if !finding.advice.is_empty() {
                write!(f, "\n{:21}{}", "", escape(&finding.advice))?;
            }
        }
        Ok(())
    }
}

impl Verdict {
    const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Wrong => "wrong",
        }
    }

    const fn style(self) -> Style {
        match self {
            Self::Ok => Style::new().green(),
            Self::Warning => Style::new().yellow(),
            Self::Wrong => Style::new().red().bold(),
        }
    }
}

//! Finds the route of a path and method: literal before `*` before `**`, with backtracking, and by method.
//!
//! A node is visited once per request at most, so a search costs no more than the table is large.

use std::collections::HashMap;

use http::Method;

use super::path::Path;
use super::template::{Segment, Template};

/// Routes by path; a route is an index to its owner.
#[derive(Debug, Default)]
pub(crate) struct Trie {
    root: Node,
}

/// The outcome of a search.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A route, and whether the path's verb is a verb to it (and no part of an id).
    Route {
        index: usize,
        has_verb: bool,
    },
    /// The path is known, with other methods.
    OtherMethods,
    Nothing,
}

#[derive(Debug, Default)]
struct Node {
    literals: HashMap<String, Node>,
    any: Option<Box<Node>>,
    /// Routes that end here.
    end: Vec<Entry>,
    /// Routes that end here in `**`.
    rest: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    verb: Option<String>,
    /// None serves every method.
    method: Option<Method>,
    index: usize,
}

impl Trie {
    /// Adds a route, or tells which other one has its place.
    pub(crate) fn insert(
        &mut self,
        template: &Template,
        method: Option<&Method>,
        index: usize,
    ) -> Result<(), usize> {
        let entries = self.root.entries(&template.segments);
        let taken = |entry: &&Entry| entry.verb == template.verb && entry.method.as_ref() == method;
        if let Some(other) = entries.iter().find(taken) {
            return Err(other.index);
        }
        entries.push(Entry {
            verb: template.verb.clone(),
            method: method.cloned(),
            index,
        });
        Ok(())
    }

    /// Looks for the route of a request. What follows the last colon is a verb where a route of the path has it, for whichever method,
    /// and otherwise belongs to the segment. HEAD is served by GET.
    pub(crate) fn find(&self, path: &Path<'_>, method: &Method) -> Found {
        for has_verb in [true, false] {
            let search = Search { path, has_verb };
            if let Some(index) = search.best(&self.root, method) {
                return Found::Route { index, has_verb };
            }
            if !search.methods(&self.root).is_empty() {
                return Found::OtherMethods;
            }
        }
        Found::Nothing
    }

    /// Every method that a path has, with its best route; None for all others.
    pub(crate) fn methods(&self, path: &Path<'_>) -> Vec<(Option<Method>, usize)> {
        let with_verb = Search { path, has_verb: true }.methods(&self.root);
        if with_verb.is_empty() {
            Search {
                path,
                has_verb: false,
            }
            .methods(&self.root)
        } else {
            with_verb
        }
    }
}

impl Node {
    fn entries(&mut self, segments: &[Segment]) -> &mut Vec<Entry> {
        match segments {
            [] => &mut self.end,
            [Segment::Rest, ..] => &mut self.rest,
            [Segment::Any, rest @ ..] => self.any.get_or_insert_default().entries(rest),
            [Segment::Literal(text), rest @ ..] => {
                self.literals.entry(text.clone()).or_default().entries(rest)
            }
        }
    }
}

/// One way to read a path: with its verb or without.
struct Search<'a> {
    path: &'a Path<'a>,
    has_verb: bool,
}

impl Search<'_> {
    fn best(&self, root: &Node, method: &Method) -> Option<usize> {
        self.visit(root, 0, &mut |entries| self.pick(entries, method))
    }

    fn methods(&self, root: &Node) -> Vec<(Option<Method>, usize)> {
        let mut methods: Vec<(Option<Method>, usize)> = Vec::new();
        self.visit(root, 0, &mut |entries| {
            let named = self.fitting(entries).filter(|entry| entry.method.is_some());
            let every = self.fitting(entries).filter(|entry| entry.method.is_none());
            for entry in named.chain(every) {
                if methods.iter().all(|(known, _)| *known != entry.method) {
                    methods.push((entry.method.clone(), entry.index));
                }
            }
            // Nothing behind a route that serves every method is ever reached.
            methods
                .iter()
                .find(|(method, _)| method.is_none())
                .map(|(_, index)| *index)
        });
        methods
    }

    /// Shows the entries of every place that fits, best first, until one is taken.
    fn visit(
        &self,
        node: &Node,
        at: usize,
        take: &mut impl FnMut(&[Entry]) -> Option<usize>,
    ) -> Option<usize> {
        if self.has_verb && self.path.verb().is_none() {
            return None;
        }
        if at == self.path.len() {
            return take(&node.end).or_else(|| take(&node.rest));
        }
        let literal = self
            .path
            .text(at, self.has_verb)
            .and_then(|text| node.literals.get(text));
        if let Some(taken) = literal.and_then(|node| self.visit(node, at + 1, take)) {
            return Some(taken);
        }
        if let Some(any) = &node.any
            && self.path.is_filled(at, self.has_verb)
            && let Some(taken) = self.visit(any, at + 1, take)
        {
            return Some(taken);
        }
        take(&node.rest)
    }

    fn pick(&self, entries: &[Entry], method: &Method) -> Option<usize> {
        let exact = |wanted: Option<&Method>| {
            self.fitting(entries)
                .find(|entry| entry.method.as_ref() == wanted)
                .map(|entry| entry.index)
        };
        let head = || {
            (method == Method::HEAD)
                .then(|| exact(Some(&Method::GET)))
                .flatten()
        };
        exact(Some(method)).or_else(head).or_else(|| exact(None))
    }

    fn fitting<'e>(&'e self, entries: &'e [Entry]) -> impl Iterator<Item = &'e Entry> {
        let verb = self.path.verb().filter(|_| self.has_verb);
        entries.iter().filter(move |entry| entry.verb.as_deref() == verb)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trie(routes: &[(&str, &str)]) -> Trie {
        let mut trie = Trie::default();
        for (index, (method, template)) in routes.iter().enumerate() {
            let method = method.parse().unwrap();
            trie.insert(&Template::parse(template).unwrap(), Some(&method), index)
                .unwrap();
        }
        trie
    }

    fn find(trie: &Trie, method: &str, path: &str) -> Found {
        trie.find(&Path::split(path), &method.parse().unwrap())
    }

    fn index(trie: &Trie, method: &str, path: &str) -> Option<usize> {
        match find(trie, method, path) {
            Found::Route { index, .. } => Some(index),
            Found::OtherMethods | Found::Nothing => None,
        }
    }

    #[test]
    fn a_literal_goes_before_a_star_and_a_star_before_two() {
        let trie = trie(&[("GET", "/a/**"), ("GET", "/a/*"), ("GET", "/a/b")]);
        assert_eq!(index(&trie, "GET", "/a/b"), Some(2));
        assert_eq!(index(&trie, "GET", "/a/c"), Some(1));
        assert_eq!(index(&trie, "GET", "/a/c/d"), Some(0));
        assert_eq!(index(&trie, "GET", "/a"), Some(0));
    }

    #[test]
    fn a_dead_end_is_left_again() {
        let trie = trie(&[("GET", "/a/b/c"), ("GET", "/a/*/d"), ("GET", "/{x=**}")]);
        assert_eq!(index(&trie, "GET", "/a/b/d"), Some(1));
        assert_eq!(index(&trie, "GET", "/a/b/e"), Some(2));
    }

    #[test]
    fn a_literal_without_the_method_does_not_hide_a_star_that_has_it() {
        let trie = trie(&[("GET", "/a/b"), ("POST", "/a/*")]);
        assert_eq!(index(&trie, "POST", "/a/b"), Some(1));
    }

    #[test]
    fn a_colon_is_part_of_the_id_unless_the_verb_is_a_route() {
        let trie = trie(&[
            ("GET", "/jobs/{id}"),
            ("GET", "/jobs/{id}:watch"),
            ("GET", "/jobs:all"),
        ]);
        let with_verb = |index| Found::Route {
            index,
            has_verb: true,
        };
        let without = |index| Found::Route {
            index,
            has_verb: false,
        };
        assert_eq!(find(&trie, "GET", "/jobs/job:7"), without(0));
        assert_eq!(find(&trie, "GET", "/jobs/job:7:watch"), with_verb(1));
        assert_eq!(find(&trie, "GET", "/jobs/job%3Awatch"), without(0));
        assert_eq!(find(&trie, "GET", "/jobs:all"), with_verb(2));
        assert_eq!(find(&trie, "GET", "/jobs:none"), Found::Nothing);
    }

    #[test]
    fn another_method_is_told_apart_from_another_path() {
        let trie = trie(&[("GET", "/a/{id}"), ("DELETE", "/a/{id}"), ("POST", "/a/{id}:run")]);
        assert_eq!(find(&trie, "PUT", "/a/1"), Found::OtherMethods);
        assert_eq!(
            trie.methods(&Path::split("/a/1")),
            [(Some(Method::GET), 0), (Some(Method::DELETE), 1)]
        );
        assert_eq!(find(&trie, "PUT", "/b"), Found::Nothing);
    }

    #[test]
    fn empty_segments_fit_two_stars_alone() {
        let trie = trie(&[("GET", "/a/*"), ("GET", "/f/**")]);
        assert_eq!(index(&trie, "GET", "/a/"), None);
        assert_eq!(index(&trie, "GET", "/a//"), None);
        assert_eq!(index(&trie, "GET", "/f//x"), Some(1));
    }

    #[test]
    fn a_place_is_taken_once() {
        let mut trie = trie(&[("GET", "/a/{x}")]);
        let same = Template::parse("/a/{y=*}").unwrap();
        assert_eq!(trie.insert(&same, Some(&Method::GET), 1), Err(0));
        assert_eq!(trie.insert(&same, Some(&Method::PUT), 1), Ok(()));
        assert_eq!(trie.insert(&same, None, 2), Ok(()));
    }
}

//! Renders with changed values, side by side, counted; a group that is refused is made smaller until it is clear by whom.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::stream::{self, StreamExt as _};
use serde_json::Value;

use super::super::path::ValuePath;
use super::super::render::{Phase, Progress, RenderError, Rendered, Renderer};
use super::{hints, overlay};

/// Changes of values.
pub(super) type Changes = Vec<(ValuePath, Value)>;

/// Where renders are made.
pub(super) struct Lab<'a> {
    renderer: &'a dyn Renderer,
    progress: &'a dyn Progress,
    values: &'a Value,
    done: AtomicUsize,
    begun: AtomicUsize,
    phase: Mutex<Phase>,
}

/// Groups that rendered, and who was refused.
#[derive(Debug)]
pub(super) struct Settled<T> {
    /// Which changes, and what was made of what they gave.
    pub groups: Vec<(Vec<usize>, T)>,
    /// Which change, and Helm's words.
    pub refused: Vec<(usize, String)>,
}

impl<'a> Lab<'a> {
    pub fn new(renderer: &'a dyn Renderer, progress: &'a dyn Progress, values: &'a Value) -> Self {
        Self {
            renderer,
            progress,
            values,
            done: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            phase: Mutex::new(Phase::Base),
        }
    }

    /// What is being looked for from now on.
    pub fn enter(&self, phase: Phase) {
        if let Ok(mut current) = self.phase.lock() {
            *current = phase;
        }
        self.tell();
    }

    fn tell(&self) {
        let phase = self.phase.lock().map_or(Phase::Leftovers, |phase| *phase);
        self.progress.at(
            self.done.load(Ordering::Relaxed),
            self.begun.load(Ordering::Relaxed),
            phase,
        );
    }

    /// Renders so far.
    pub fn renders(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    /// One render.
    pub async fn render(&self, changes: &[(ValuePath, Value)], turn: u32) -> Result<Vec<Rendered>, RenderError> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        let outcome = self.renderer.render(&overlay(self.values, changes), turn).await;
        self.done.fetch_add(1, Ordering::Relaxed);
        self.tell();
        outcome
    }

    /// Renders groups of changes over some that hold for all, each group as few times as possible. Changes are named by
    /// their number; two of one value must not be in the same group. Of each render only what `read` makes of it is kept:
    /// renders are large, and there are many.
    ///
    /// # Errors
    /// Only when rendering is broken as such.
    pub async fn settle<T>(
        &self,
        under: &[(ValuePath, Value)],
        all: &[(ValuePath, Value)],
        groups: Vec<Vec<usize>>,
        read: &(dyn Fn(Vec<Rendered>) -> T + Sync),
    ) -> Result<Vec<Settled<T>>, RenderError> {
        let mut settled: Vec<Settled<T>> = Vec::new();
        settled.resize_with(groups.len(), || Settled {
            groups: Vec::new(),
            refused: Vec::new(),
        });
        let mut queue: VecDeque<(usize, Vec<usize>)> = groups.into_iter().enumerate().collect();
        let mut refused: BTreeSet<usize> = BTreeSet::new();
        while !queue.is_empty() {
            let round: Vec<_> = queue.drain(..).filter(|(_, group)| !group.is_empty()).collect();
            let renders = round.into_iter().map(|(of, group)| async move {
                let changes: Changes = under
                    .iter()
                    .cloned()
                    .chain(group.iter().map(|n| all[*n].clone()))
                    .collect();
                (of, self.render(&changes, 0).await.map(read), group)
            });
            let renders: Vec<_> = stream::iter(renders).buffered(self.renderer.at_once()).collect().await;
            let mut failed = Vec::new();
            for (of, outcome, group) in renders {
                match outcome {
                    Ok(rendered) => settled[of].groups.push((group, rendered)),
                    Err(RenderError::Refused(words)) if group.len() == 1 => {
                        if refused.insert(group[0]) {
                            settled[of].refused.push((group[0], words));
                        }
                    }
                    Err(RenderError::Refused(words)) => failed.push((of, group, words)),
                    Err(broken) => return Err(broken),
                }
            }
            // Who is in several groups that were refused with the same words is to blame, most likely.
            let mut times: BTreeMap<(String, usize), usize> = BTreeMap::new();
            for (_, group, words) in &failed {
                group
                    .iter()
                    .for_each(|n| *times.entry((gist(words), *n)).or_default() += 1);
            }
            let mut lone = BTreeSet::new();
            for (of, group, words) in failed {
                let (known, group): (Vec<usize>, Vec<usize>) = group.into_iter().partition(|n| refused.contains(n));
                if !known.is_empty() {
                    queue.push_back((of, group));
                    continue;
                }
                let (blamed, rest) = hints::split(&words, &group, all, &|n| times[&(gist(&words), n)] > 1);
                queue.push_back((of, rest));
                match &blamed[..] {
                    [one] if !lone.insert(*one) => {}
                    _ => queue.push_back((of, blamed)),
                }
            }
        }
        Ok(settled)
    }
}

/// What a refusal says, whatever the contents are that it was about.
fn gist(words: &str) -> String {
    words.lines().next().unwrap_or_default().chars().take(160).collect()
}

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

use super::inode::Ino;
use super::loss::{Dice, Journal};

type Key = (Ino, OsString);

/// The names of all directories: as they are now, and as they lie on the disk.
#[derive(Debug, Default)]
pub(super) struct Names {
    now: BTreeMap<Key, Place>,
    durable: BTreeMap<Key, Ino>,
    /// What happened since, the oldest first.
    journal: Vec<Change>,
    places: u64,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    ino: Ino,
    /// Where a listing goes on: grows with each name, so that a listing in pieces passes over nothing that stays.
    place: u64,
}

/// What is durable whole or not at all: one name, or the two of a rename. `None` is a name that is gone.
pub(super) type Change = Vec<(Key, Option<Ino>)>;

/// A name, as a listing shows it.
pub(super) struct Listed {
    pub(super) name: OsString,
    pub(super) ino: Ino,
    pub(super) place: u64,
}

impl Names {
    pub(super) fn find(&self, dir: Ino, name: &OsStr) -> Option<Ino> {
        let found = self.now.get(&(dir, name.to_owned()));
        found.map(|place| place.ino)
    }

    /// The names of a directory behind `place`, in the order in which they came.
    pub(super) fn list(&self, dir: Ino, place: u64) -> Vec<Listed> {
        let own = self
            .now
            .range((dir, OsString::new())..(Ino(dir.0 + 1), OsString::new()));
        let later = own.filter(|(_, at)| at.place > place);
        let mut listed: Vec<_> = later
            .map(|((_, name), at)| Listed {
                name: name.clone(),
                ino: at.ino,
                place: at.place,
            })
            .collect();
        listed.sort_by_key(|listed| listed.place);
        listed
    }

    pub(super) fn is_empty(&self, dir: Ino) -> bool {
        self.list(dir, 0).is_empty()
    }

    pub(super) fn change(&mut self, change: Change) {
        for (key, ino) in &change {
            self.places += 1;
            let place = self.places;
            match *ino {
                Some(ino) => drop(self.now.insert(key.clone(), Place { ino, place })),
                None => drop(self.now.remove(key)),
            }
        }
        self.journal.push(change);
    }

    pub(super) fn sync(&mut self, dir: Ino) {
        for change in self.take(|change| touches(change, dir)) {
            apply(&mut self.durable, change);
        }
    }

    /// Takes the changes that are `wanted`, and every earlier one of the same names: they are overtaken.
    fn take(&mut self, mut wanted: impl FnMut(&Change) -> bool) -> Vec<Change> {
        let mut names = BTreeSet::new();
        let mut taken = Vec::new();
        let mut left = Vec::new();
        for change in std::mem::take(&mut self.journal).into_iter().rev() {
            let overtaken = change.iter().any(|(key, _)| names.contains(key));
            if wanted(&change) || overtaken {
                names.extend(change.iter().map(|(key, _)| key.clone()));
                taken.push(change);
            } else {
                left.push(change);
            }
        }
        taken.reverse();
        left.reverse();
        self.journal = left;
        taken
    }

    /// What a power cut leaves: the names, with what they stand for.
    pub(super) fn cut(mut self, dice: &mut Dice) -> Self {
        let survivors = match dice.journal(self.journal.len()) {
            Journal::Prefix(count) => self.journal.drain(..count).collect(),
            Journal::Scattered => self.take(|_| dice.survives()),
        };
        for change in survivors {
            apply(&mut self.durable, change);
        }
        let mut left = Self::default();
        for ((dir, name), ino) in self.durable {
            left.change(vec![((dir, name), Some(ino))]);
        }
        left.durable = left.now.iter().map(|(k, at)| (k.clone(), at.ino)).collect();
        left.journal.clear();
        left
    }

    /// How many names each inode has.
    pub(super) fn links(&self) -> BTreeMap<Ino, u32> {
        let mut links = BTreeMap::new();
        for place in self.now.values() {
            *links.entry(place.ino).or_default() += 1;
        }
        links
    }
}

fn touches(change: &Change, dir: Ino) -> bool {
    change.iter().any(|((of, _), _)| *of == dir)
}

fn apply(names: &mut BTreeMap<Key, Ino>, change: Change) {
    for (key, ino) in change {
        match ino {
            Some(ino) => drop(names.insert(key, ino)),
            None => drop(names.remove(&key)),
        }
    }
}
